use serde_json::json;

use super::*;

fn context(current: &DesktopSettings) -> Context<'_> {
    Context { current, home: None, models: &[], docker_bridge: None }
}

/// These fields changed, judged within `context`.
fn judged_in(context: &Context<'_>, changes: Value) -> Result<DesktopSettings, Vec<FieldError>> {
    let Value::Object(changes) = changes else { panic!("changes are fields") };
    change(&changes, context)
}

/// The default settings with some changes, judged with nothing known.
fn judged(changes: Value) -> Result<DesktopSettings, Vec<FieldError>> {
    judged_in(&context(&DesktopSettings::default()), changes)
}

fn only_wrong(judged: Result<DesktopSettings, Vec<FieldError>>) -> (String, String) {
    let [wrong] = <[FieldError; 1]>::try_from(judged.unwrap_err()).unwrap();
    (wrong.field, wrong.message)
}

/// Windows runs what has an extension.
const PROGRAM: &str = if cfg!(windows) { "codex.exe" } else { "codex" };

fn program(folder: &Path) -> PathBuf {
    let program = folder.join(PROGRAM);
    fs::write(&program, "").unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    }
    program
}

#[test]
fn every_setting_that_is_shown_can_be_sent_back() {
    let folder = tempfile::tempdir().unwrap();
    let mut unusual = judged(json!({
        "codex_path": program(folder.path()), "model": "gpt-5", "effort": "high", "workspace": folder.path(),
        "sandbox": "workspace-write", "reasoning": "think", "show_activity": false, "task_model": false,
        "model_aliases": {"gpt-4o": "gpt-5"}, "max_turns": 100, "max_waiting": 0, "max_wait_seconds": 3600,
        "turn_limit_minutes": 1440, "silence_limit_minutes": 1, "port": 65535, "listen": "everywhere",
        "start_at_login": true, "start_proxy": false, "log_level": "debug", "keep_days": 3650, "keep_texts": true,
    }))
    .unwrap();
    unusual.asked_about_background = Some(true);
    unusual.proxy.allowed_hosts = vec!["laptop.example".to_owned()];
    let keyless = judged(json!({"keys_needed": false, "log_level": "trace"})).unwrap();
    assert!(!keyless.proxy.keys_needed);
    for settings in [DesktopSettings::default(), unusual, keyless] {
        let shown = serde_json::to_value(&settings).unwrap();
        assert_eq!(judged_in(&context(&settings), shown).unwrap(), settings);
    }
}

#[test]
fn all_wrong_fields_are_said_at_once_and_by_their_names() {
    let bad = json!({
        "codex_path": "/no/such/codex",
        "model": "two words",
        "effort": "very high",
        "sandbox": "open",
        "workspace": "/no/such/folder",
        "reasoning": "aloud",
        "model_aliases": {"codex-local": "gpt-5"},
        "max_turns": "0",
        "max_waiting": "-1",
        "max_wait_seconds": "soon",
        "turn_limit_minutes": "1441",
        "silence_limit_minutes": "",
        "port": "0",
        "listen": "dockerBridge",
        "keys_needed": false,
        "log_level": "loud",
        "keep_days": "forever",
        "keep_texts": "yes",
        "colour_of_tray": "red",
    });
    let wrong = judged(bad.clone()).unwrap_err();
    let mut fields: Vec<_> = wrong.iter().map(|wrong| wrong.field.as_str()).collect();
    fields.sort_unstable();
    let mut sent: Vec<_> = bad.as_object().unwrap().keys().collect();
    sent.sort_unstable();
    assert_eq!(fields, sent);
    for FieldError { field, message } in wrong {
        assert!(message.ends_with('.') && message.len() > 15, "{field}: {message}");
    }
}

#[test]
fn only_what_changes_is_judged() {
    let folder = tempfile::tempdir().unwrap();
    let gone = folder.path().join("gone");
    let mut current = DesktopSettings::default();
    current.proxy.workspace = Some(gone.clone());
    assert_eq!(
        judged_in(&context(&current), json!({"show_activity": false})).unwrap().proxy.workspace,
        current.proxy.workspace
    );
    assert_eq!(only_wrong(judged_in(&context(&current), json!({"workspace": gone}))).0, "workspace");
}

#[test]
fn numbers_have_their_limits() {
    for (port, right) in [
        (json!(1), true),
        (json!(" 65535 "), true),
        (json!(0), false),
        (json!("65536"), false),
        (json!(-1), false),
        (json!(""), false),
    ] {
        assert_eq!(judged(json!({ "port": port })).is_ok(), right, "{port:?}");
    }
    for (days, right) in [
        (json!(1), true),
        (json!("3650"), true),
        (json!(0), false),
        (json!(3651), false),
        (json!(1.5), false),
    ] {
        assert_eq!(judged(json!({ "keep_days": days })).is_ok(), right, "{days:?}");
    }
}

#[test]
fn limits_of_turns_have_bounds_and_say_them() {
    for (name, value, bounds) in [
        ("max_turns", json!("101"), "requests from 1 to 100."),
        ("max_waiting", json!(1001), "requests from 0 to 1000."),
        ("max_wait_seconds", json!(0), "seconds from 1 to 3600."),
        ("turn_limit_minutes", json!("1.5"), "minutes from 1 to 1440."),
        ("silence_limit_minutes", json!("0"), "minutes from 1 to 1440."),
    ] {
        let (field, message) = only_wrong(judged(json!({ name: value })));
        assert!(field == name && message.ends_with(bounds), "{field}: {message}");
    }
    assert_eq!(judged(json!({"max_waiting": " 0 "})).unwrap().proxy.max_waiting.get(), 0);
}

#[test]
fn codex_is_a_program_a_bare_name_or_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = program(folder.path()).display().to_string();
    for (text, stored) in [("", None), ("  ", None), ("codex", Some("codex")), (&path, Some(path.as_str()))] {
        let judged = judged(json!({ "codex_path": text })).unwrap();
        assert_eq!(judged.proxy.codex_path, stored.map(PathBuf::from));
    }
    let not_a_program = folder.path().join("notes.txt");
    fs::write(&not_a_program, "").unwrap();
    for (text, words) in [
        (folder.path().display().to_string(), "is a folder"),
        (folder.path().join("gone").display().to_string(), "does not exist"),
        ("./codex".to_owned(), "Write the whole path"),
        #[cfg(unix)]
        (not_a_program.display().to_string(), "is not executable"),
        #[cfg(unix)]
        (format!("{path}/more"), "does not exist"),
    ] {
        let (field, message) = only_wrong(judged(json!({ "codex_path": text })));
        assert!(field == "codex_path" && message.contains(words), "{text}: {message}");
    }
}

#[test]
fn the_working_folder_is_a_whole_path_of_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    let file = program(folder.path()).display().to_string();
    for (text, words) in [("work", "Write the whole path"), (file.as_str(), "is a file")] {
        let (field, message) = only_wrong(judged(json!({ "workspace": text })));
        assert!(field == "workspace" && message.contains(words), "{text}: {message}");
    }
}

#[test]
fn a_tilde_stands_for_the_users_folder() {
    let home = tempfile::tempdir().unwrap();
    program(home.path());
    let current = DesktopSettings::default();
    let changes = json!({"codex_path": format!("~/{PROGRAM}"), "workspace": "~"});
    let at_home = Context { home: Some(home.path()), ..context(&current) };
    let settings = judged_in(&at_home, changes.clone()).unwrap().proxy;
    assert_eq!(settings.codex_path, Some(home.path().join(PROGRAM)));
    assert_eq!(settings.workspace.unwrap(), home.path());
    assert_eq!(judged(changes).unwrap_err().len(), 2);
}

#[test]
fn an_effort_is_checked_against_its_model_once_models_are_known() {
    let current = DesktopSettings::default();
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
        let context = Context { models: &models, ..context(&current) };
        let judged = judged_in(&context, json!({ "model": model, "effort": effort }));
        match wrong {
            None => assert!(judged.is_ok(), "{judged:?}"),
            Some(words) => assert!(only_wrong(judged).1.contains(words)),
        }
    }
}

#[test]
fn docker_can_be_chosen_where_it_is_and_kept_where_it_was() {
    let dockers = |current: &DesktopSettings, docker_bridge| {
        judged_in(&Context { docker_bridge, ..context(current) }, json!({"listen": "dockerBridge"}))
    };
    let before = DesktopSettings::default();
    assert_eq!(only_wrong(dockers(&before, None)).0, "listen");
    let chosen = dockers(&before, Some("172.17.0.1".parse().unwrap())).unwrap();
    assert_eq!(chosen.listen, Listen::DockerBridge);
    assert_eq!(dockers(&chosen, None).unwrap(), chosen);
}

#[test]
fn keys_can_be_switched_off_on_loopback_only() {
    for listen in [Listen::DockerBridge, Listen::Everywhere] {
        let current = DesktopSettings { listen, ..DesktopSettings::default() };
        assert_eq!(only_wrong(judged_in(&context(&current), json!({"keys_needed": false}))).0, "keys_needed");
    }
    let keyless = judged(json!({"keys_needed": false})).unwrap();
    assert!(!keyless.proxy.keys_needed);
    assert_eq!(only_wrong(judged_in(&context(&keyless), json!({"listen": "everywhere"}))).0, "keys_needed");
    assert!(judged_in(&context(&keyless), json!({"listen": "everywhere", "keys_needed": true})).is_ok());
}

#[test]
fn an_alias_leads_to_a_model_that_codex_lists_or_to_codex_itself_and_to_no_other_alias() {
    let current = DesktopSettings::default();
    let models = ["gpt-5.5", "gpt-5.5-mini"].map(|id| ModelChoice {
        id: id.to_owned(),
        name: id.to_owned(),
        efforts: Vec::new(),
    });
    let judged = |aliases: Value| {
        judged_in(&Context { models: &models, ..context(&current) }, json!({ "model_aliases": aliases }))
    };
    let settings = judged(json!({" gpt-4o": "gpt-5.5 ", "agent": "codex-local"})).unwrap().proxy;
    assert_eq!(settings.model_aliases["gpt-4o"], "gpt-5.5");
    assert_eq!(settings.model_aliases["agent"], "codex-local");
    for (aliases, words) in [
        (json!({"gpt-4o": "gpt-9"}), "gpt-4o leads to gpt-9, which codex does not list"),
        (json!({"a": "gpt-5.5", "b": "a"}), "b leads to a"),
        (json!(["a=gpt-5.5", "a=gpt-5.5-mini"]), "a already stands for another model"),
        (json!(["gpt-4o"]), "ALIAS=MODEL"),
        (json!({"gpt-4o": ""}), "such as gpt-4o"),
    ] {
        let (field, message) = only_wrong(judged(aliases));
        assert!(field == "model_aliases" && message.contains(words), "{message}");
    }
}

#[test]
fn an_alias_is_taken_on_trust_while_codex_has_not_told_its_models() {
    assert!(judged(json!({"model_aliases": {"gpt-4o": "gpt-9"}})).is_ok());
}
