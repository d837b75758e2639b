use super::*;
use proxy::settings::{LogLevel, ReasoningAs};

fn context(current: &Stored) -> Context<'_> {
    Context { current, home: None, models: &[], docker_bridge: None }
}

/// The default form with one change, judged with nothing known.
fn judged(change: impl FnOnce(&mut SettingsForm)) -> Result<Stored, Vec<FieldError>> {
    let current = Stored::default();
    let mut form = form(&current);
    change(&mut form);
    parse(&form, &context(&current))
}

fn only_wrong(judged: Result<Stored, Vec<FieldError>>) -> (String, String) {
    let [wrong] = <[FieldError; 1]>::try_from(judged.unwrap_err()).unwrap();
    (wrong.field, wrong.message)
}

fn program(folder: &Path) -> PathBuf {
    let program = folder.join("codex");
    fs::write(&program, "").unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    }
    program
}

#[test]
fn a_form_says_the_settings_that_it_was_made_of() {
    let folder = tempfile::tempdir().unwrap();
    let unusual = Stored {
        codex_path: Some(program(folder.path())),
        model: Some("gpt-5".to_owned()),
        effort: Some("high".to_owned()),
        sandbox: SandboxMode::WorkspaceWrite,
        workspace: Some(folder.path().to_owned()),
        reasoning: ReasoningAs::Think,
        show_work: false,
        model_aliases: [("gpt-4o".to_owned(), "gpt-5".to_owned())].into(),
        side_calls: false,
        limits: TurnLimits {
            max_turns: 100,
            max_waiting: 0,
            max_wait_seconds: 3600,
            turn_limit_minutes: 1440,
            silence_limit_minutes: 1,
        },
        port: 65535,
        listen: Listen::Everywhere,
        keys_needed: true,
        start_at_login: true,
        start_proxy: false,
        log_level: LogLevel::Debug,
        keep_days: MOST_DAYS,
        keep_texts: true,
        asked_about_background: Some(true),
        allowed_origins: vec!["https://chat.example".to_owned()],
        allowed_hosts: vec!["laptop.example".to_owned()],
    };
    let keyless = Stored { keys_needed: false, log_level: LogLevel::Trace, ..Stored::default() };
    for stored in [Stored::default(), unusual, keyless] {
        assert_eq!(parse(&form(&stored), &context(&stored)).unwrap(), stored);
    }
}

#[test]
fn all_wrong_fields_are_said_at_once_and_by_their_names() {
    let current = Stored::default();
    let bad = SettingsForm {
        codex_path: "/no/such/codex".to_owned(),
        model: "two words".to_owned(),
        effort: "very high".to_owned(),
        sandbox: "open".to_owned(),
        workspace: "/no/such/folder".to_owned(),
        port: "0".to_owned(),
        listen: Listen::DockerBridge,
        keys_needed: false,
        max_turns: "0".to_owned(),
        max_waiting: "-1".to_owned(),
        max_wait: "soon".to_owned(),
        turn_limit: "1441".to_owned(),
        silence_limit: "".to_owned(),
        log_level: "loud".to_owned(),
        keep_days: "forever".to_owned(),
        ..form(&current)
    };
    let wrong = parse(&bad, &context(&current)).unwrap_err();
    let fields: Vec<_> = wrong.iter().map(|wrong| wrong.field.as_str()).collect();
    assert_eq!(
        fields,
        [
            "codexPath",
            "model",
            "effort",
            "sandbox",
            "workspace",
            "maxTurns",
            "maxWaiting",
            "maxWait",
            "turnLimit",
            "silenceLimit",
            "port",
            "listen",
            "keysNeeded",
            "logLevel",
            "keepDays"
        ]
    );
    let names = serde_json::to_value(&bad).unwrap();
    for FieldError { field, message } in wrong {
        assert!(names.get(&field).is_some(), "{field} is a field of the form");
        assert!(message.ends_with('.') && message.len() > 20, "{field}: {message}");
    }
}

#[test]
fn numbers_have_their_limits() {
    for (port, right) in
        [("1", true), (" 65535 ", true), ("0", false), ("65536", false), ("-1", false), ("", false)]
    {
        assert_eq!(judged(|form| form.port = port.to_owned()).is_ok(), right, "{port:?}");
    }
    for (days, right) in [("1", true), ("3650", true), ("0", false), ("3651", false), ("1.5", false)] {
        assert_eq!(judged(|form| form.keep_days = days.to_owned()).is_ok(), right, "{days:?}");
    }
}

#[test]
fn limits_of_turns_have_bounds_and_say_them() {
    let wrong = |change: fn(&mut SettingsForm)| only_wrong(judged(change));
    for ((field, message), bounds) in [
        (wrong(|form| form.max_turns = "101".to_owned()), "requests from 1 to 100."),
        (wrong(|form| form.max_waiting = "1001".to_owned()), "requests from 0 to 1000."),
        (wrong(|form| form.max_wait = "0".to_owned()), "seconds from 1 to 3600."),
        (wrong(|form| form.turn_limit = "1.5".to_owned()), "minutes from 1 to 1440."),
        (wrong(|form| form.silence_limit = "0".to_owned()), "minutes from 1 to 1440."),
    ] {
        assert!(message.ends_with(bounds), "{field}: {message}");
    }
    assert_eq!(judged(|form| form.max_waiting = " 0 ".to_owned()).unwrap().limits.max_waiting, 0);
}

#[test]
fn codex_is_a_program_a_bare_name_or_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = program(folder.path()).display().to_string();
    for (text, stored) in [("", None), ("  ", None), ("codex", Some("codex")), (&path, Some(path.as_str()))] {
        let judged = judged(|form| form.codex_path = text.to_owned()).unwrap();
        assert_eq!(judged.codex_path, stored.map(PathBuf::from));
    }
    let not_a_program = folder.path().join("notes.txt");
    fs::write(&not_a_program, "").unwrap();
    for (text, words) in [
        (folder.path().display().to_string(), "is a folder"),
        (folder.path().join("gone").display().to_string(), "There is no file"),
        ("./codex".to_owned(), "Write the whole path"),
        #[cfg(unix)]
        (not_a_program.display().to_string(), "is not a program"),
        #[cfg(unix)]
        (format!("{path}/more"), "cannot be looked at"),
    ] {
        let (field, message) = only_wrong(judged(|form| form.codex_path.clone_from(&text)));
        assert!(field == "codexPath" && message.contains(words), "{text}: {message}");
    }
}

#[test]
fn the_working_folder_is_a_whole_path_of_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    let file = program(folder.path()).display().to_string();
    for (text, words) in [("work", "Write the whole path"), (file.as_str(), "is a file")] {
        let (field, message) = only_wrong(judged(|form| form.workspace = text.to_owned()));
        assert!(field == "workspace" && message.contains(words), "{text}: {message}");
    }
}

#[test]
fn a_tilde_stands_for_the_users_folder() {
    let home = tempfile::tempdir().unwrap();
    program(home.path());
    let current = Stored::default();
    let form = SettingsForm { codex_path: "~/codex".to_owned(), workspace: "~".to_owned(), ..form(&current) };
    let stored = parse(&form, &Context { home: Some(home.path()), ..context(&current) }).unwrap();
    assert_eq!(stored.codex_path, Some(home.path().join("codex")));
    assert_eq!(stored.workspace.unwrap(), home.path());
    assert_eq!(parse(&form, &context(&current)).unwrap_err().len(), 2);
}

#[test]
fn an_effort_is_checked_against_its_model_once_models_are_known() {
    let current = Stored::default();
    let choice = |id: &str, efforts: &[&str]| ModelChoice {
        id: id.to_owned(),
        name: id.to_owned(),
        efforts: efforts.iter().map(|&effort| effort.to_owned()).collect(),
    };
    let models = [choice("gpt-5", &["low", "high"]), choice("plain", &[])];
    for (model, effort, wrong) in [
        ("gpt-5", "high", None),
        ("gpt-5", "", None),
        ("my-own", "enormous", None),
        ("", "high", None),
        ("gpt-5", "enormous", Some("Choose one of: low, high.")),
        ("plain", "high", Some("plain knows no efforts.")),
    ] {
        let form = SettingsForm { model: model.to_owned(), effort: effort.to_owned(), ..form(&current) };
        let judged = parse(&form, &Context { models: &models, ..context(&current) });
        match wrong {
            None => assert!(judged.is_ok(), "{judged:?}"),
            Some(words) => assert!(only_wrong(judged).1.contains(words)),
        }
    }
}

#[test]
fn docker_can_be_chosen_where_it_is_and_kept_where_it_was() {
    let dockers = |current: &Stored, docker_bridge| {
        let form = SettingsForm { listen: Listen::DockerBridge, ..form(current) };
        parse(&form, &Context { docker_bridge, ..context(current) })
    };
    let before = Stored::default();
    assert_eq!(only_wrong(dockers(&before, None)).0, "listen");
    let chosen = dockers(&before, Some("172.17.0.1".parse().unwrap())).unwrap();
    assert_eq!(chosen.listen, Listen::DockerBridge);
    assert_eq!(dockers(&chosen, None).unwrap(), chosen);
}

#[test]
fn keys_can_be_switched_off_on_loopback_only() {
    for listen in [Listen::DockerBridge, Listen::Everywhere] {
        let current = Stored { listen, ..Stored::default() };
        let form = SettingsForm { keys_needed: false, ..form(&current) };
        assert_eq!(only_wrong(parse(&form, &context(&current))).0, "keysNeeded");
    }
    assert!(!judged(|form| form.keys_needed = false).unwrap().keys_needed);
}

#[test]
fn an_alias_leads_to_a_model_that_codex_lists_or_to_codex_itself_and_to_no_other_alias() {
    let current = Stored::default();
    let models = ["gpt-5.5", "gpt-5.5-mini"].map(|id| ModelChoice {
        id: id.to_owned(),
        name: id.to_owned(),
        efforts: Vec::new(),
    });
    let judged = |aliases: &str| {
        let form = SettingsForm { model_aliases: aliases.to_owned(), ..form(&current) };
        parse(&form, &Context { models: &models, ..context(&current) })
    };
    let stored = judged(" gpt-4o = gpt-5.5 \n\nagent=codex-local\n").unwrap();
    assert_eq!(stored.model_aliases["gpt-4o"], "gpt-5.5");
    assert_eq!(stored.model_aliases["agent"], "codex-local");
    for (aliases, words) in [
        ("gpt-4o=gpt-9", "gpt-4o leads to gpt-9, which codex does not list"),
        ("a=gpt-5.5\nb=a", "b leads to a"),
        ("gpt-4o", "ALIAS=MODEL"),
        ("gpt-4o=", "such as gpt-4o"),
    ] {
        let (field, message) = only_wrong(judged(aliases));
        assert!(field == "modelAliases" && message.contains(words), "{message}");
    }
}

#[test]
fn an_alias_is_taken_on_trust_while_codex_has_not_told_its_models() {
    assert!(judged(|form| form.model_aliases = "gpt-4o=gpt-9".to_owned()).is_ok());
}
