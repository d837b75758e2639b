use serde_json::json;

use super::*;

fn context(current: &DesktopSettings) -> Context<'_> {
    Context { current, home: None, models: &[], docker_bridge: None }
}

/// Applies these changes in `context`.
fn checked_in(context: &Context<'_>, changes: Value) -> Result<DesktopSettings, Vec<FieldError>> {
    let Value::Object(changes) = changes else { panic!("changes are fields") };
    apply(&changes, context)
}

/// Applies these changes to the defaults.
fn checked(changes: Value) -> Result<DesktopSettings, Vec<FieldError>> {
    checked_in(&context(&DesktopSettings::default()), changes)
}

fn only_error(checked: Result<DesktopSettings, Vec<FieldError>>) -> (String, String) {
    let [error] = <[FieldError; 1]>::try_from(checked.unwrap_err()).unwrap();
    (error.field, error.message)
}

/// Windows needs an extension.
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
fn every_setting_shown_is_accepted_unchanged() {
    let folder = tempfile::tempdir().unwrap();
    let mut unusual = checked(json!({
        "codex_path": program(folder.path()), "model": "gpt-5", "effort": "high", "workspace": folder.path(),
        "sandbox": "workspace-write", "reasoning": "think", "show_activity": false, "task_model": false,
        "model_aliases": {"gpt-4o": "gpt-5"}, "max_turns": 100, "max_waiting": 0, "max_wait_seconds": 3600,
        "turn_limit_minutes": 1440, "silence_limit_minutes": 1, "port": 65535, "listen": "everywhere",
        "start_at_login": true, "start_proxy": false, "log_level": "debug", "keep_days": 3650, "keep_texts": true,
        "warn_at": [1, 100], "usage_headers": false, "undo": false,
    }))
    .unwrap();
    unusual.asked_about_background = Some(true);
    unusual.proxy.allowed_hosts = vec!["laptop.example".to_owned()];
    let keyless = checked(json!({"keys_needed": false, "log_level": "trace"})).unwrap();
    assert!(!keyless.proxy.keys_needed);
    for settings in [DesktopSettings::default(), unusual, keyless] {
        let shown = serde_json::to_value(&settings).unwrap();
        assert_eq!(checked_in(&context(&settings), shown).unwrap(), settings);
    }
}

#[test]
fn all_invalid_fields_are_reported_at_once_by_name() {
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
        "allowed_origins": ["*"],
        "log_level": "loud",
        "keep_days": "forever",
        "keep_texts": "yes",
        "colour_of_tray": "red",
    });
    let wrong = checked(bad.clone()).unwrap_err();
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
fn only_changed_fields_are_checked() {
    let folder = tempfile::tempdir().unwrap();
    let gone = folder.path().join("gone");
    let mut current = DesktopSettings::default();
    current.proxy.workspace = Some(gone.clone());
    assert_eq!(
        checked_in(&context(&current), json!({"show_activity": false})).unwrap().proxy.workspace,
        current.proxy.workspace
    );
    assert_eq!(only_error(checked_in(&context(&current), json!({"workspace": gone}))).0, "workspace");
}

#[test]
fn numbers_have_limits() {
    for (port, right) in [
        (json!(1), true),
        (json!(" 65535 "), true),
        (json!(0), false),
        (json!("65536"), false),
        (json!(-1), false),
        (json!(""), false),
    ] {
        assert_eq!(checked(json!({ "port": port })).is_ok(), right, "{port:?}");
    }
    for (days, right) in [
        (json!(1), true),
        (json!("3650"), true),
        (json!(0), false),
        (json!(3651), false),
        (json!(1.5), false),
    ] {
        assert_eq!(checked(json!({ "keep_days": days })).is_ok(), right, "{days:?}");
    }
}

#[test]
fn errors_of_turn_limits_name_the_range() {
    for (name, value, bounds) in [
        ("max_turns", json!("101"), "requests from 1 to 100."),
        ("max_waiting", json!(1001), "requests from 0 to 1000."),
        ("max_wait_seconds", json!(0), "seconds from 1 to 3600."),
        ("turn_limit_minutes", json!("1.5"), "minutes from 1 to 1440."),
        ("silence_limit_minutes", json!("0"), "minutes from 1 to 1440."),
    ] {
        let (field, message) = only_error(checked(json!({ name: value })));
        assert!(field == name && message.ends_with(bounds), "{field}: {message}");
    }
    assert_eq!(checked(json!({"max_waiting": " 0 "})).unwrap().proxy.max_waiting.get(), 0);
}

#[test]
fn the_codex_path_is_a_program_a_name_or_empty() {
    let folder = tempfile::tempdir().unwrap();
    let path = program(folder.path()).display().to_string();
    for (text, stored) in [("", None), ("  ", None), ("codex", Some("codex")), (&path, Some(path.as_str()))] {
        let checked = checked(json!({ "codex_path": text })).unwrap();
        assert_eq!(checked.proxy.codex_path, stored.map(PathBuf::from));
    }
    let not_a_program = folder.path().join("notes.txt");
    fs::write(&not_a_program, "").unwrap();
    for (text, words) in [
        (folder.path().display().to_string(), "is a folder"),
        (folder.path().join("gone").display().to_string(), "does not exist"),
        ("./codex".to_owned(), "Enter Codex's full path"),
        #[cfg(unix)]
        (not_a_program.display().to_string(), "is not executable"),
        #[cfg(unix)]
        (format!("{path}/more"), "does not exist"),
    ] {
        let (field, message) = only_error(checked(json!({ "codex_path": text })));
        assert!(field == "codex_path" && message.contains(words), "{text}: {message}");
    }
}

#[test]
fn the_working_folder_is_the_full_path_of_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    let file = program(folder.path()).display().to_string();
    for (text, words) in [("work", "Enter the folder's full path"), (file.as_str(), "is a file")] {
        let (field, message) = only_error(checked(json!({ "workspace": text })));
        assert!(field == "workspace" && message.contains(words), "{text}: {message}");
    }
}

#[test]
fn tilde_expands_to_the_home_folder() {
    let home = tempfile::tempdir().unwrap();
    program(home.path());
    let current = DesktopSettings::default();
    let changes = json!({"codex_path": format!("~/{PROGRAM}"), "workspace": "~"});
    let at_home = Context { home: Some(home.path()), ..context(&current) };
    let settings = checked_in(&at_home, changes.clone()).unwrap().proxy;
    assert_eq!(settings.codex_path, Some(home.path().join(PROGRAM)));
    assert_eq!(settings.workspace.unwrap(), home.path());
    assert_eq!(checked(changes).unwrap_err().len(), 2);
}

#[test]
fn efforts_are_checked_against_the_model_once_models_are_known() {
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
        ("plain", "high", Some("plain has no effort levels.")),
    ] {
        let context = Context { models: &models, ..context(&current) };
        let checked = checked_in(&context, json!({ "model": model, "effort": effort }));
        match wrong {
            None => assert!(checked.is_ok(), "{checked:?}"),
            Some(words) => assert!(only_error(checked).1.contains(words)),
        }
    }
}

#[test]
fn docker_can_be_chosen_only_if_found_but_stays_if_chosen_before() {
    let choose_docker = |current: &DesktopSettings, docker_bridge| {
        checked_in(&Context { docker_bridge, ..context(current) }, json!({"listen": "dockerBridge"}))
    };
    let before = DesktopSettings::default();
    assert_eq!(only_error(choose_docker(&before, None)).0, "listen");
    let chosen = choose_docker(&before, Some("172.17.0.1".parse().unwrap())).unwrap();
    assert_eq!(chosen.listen, Listen::DockerBridge);
    assert_eq!(choose_docker(&chosen, None).unwrap(), chosen);
}

#[test]
fn keys_can_be_turned_off_only_on_loopback() {
    for listen in [Listen::DockerBridge, Listen::Everywhere] {
        let current = DesktopSettings { listen, ..DesktopSettings::default() };
        assert_eq!(
            only_error(checked_in(&context(&current), json!({"keys_needed": false}))).0,
            "keys_needed"
        );
    }
    let keyless = checked(json!({"keys_needed": false})).unwrap();
    assert!(!keyless.proxy.keys_needed);
    assert_eq!(only_error(checked_in(&context(&keyless), json!({"listen": "everywhere"}))).0, "keys_needed");
    assert!(checked_in(&context(&keyless), json!({"listen": "everywhere", "keys_needed": true})).is_ok());
}

#[test]
fn an_alias_points_to_a_listed_model_or_codex_local_but_not_to_another_alias() {
    let current = DesktopSettings::default();
    let models = ["gpt-5.5", "gpt-5.5-mini"].map(|id| ModelChoice {
        id: id.to_owned(),
        name: id.to_owned(),
        efforts: Vec::new(),
    });
    let checked = |aliases: Value| {
        checked_in(&Context { models: &models, ..context(&current) }, json!({ "model_aliases": aliases }))
    };
    let settings = checked(json!({" gpt-4o": "gpt-5.5 ", "agent": "codex-local"})).unwrap().proxy;
    assert_eq!(settings.model_aliases["gpt-4o"], "gpt-5.5");
    assert_eq!(settings.model_aliases["agent"], "codex-local");
    for (aliases, words) in [
        (json!({"gpt-4o": "gpt-9"}), "gpt-4o stands for gpt-9, which Codex doesn't list"),
        (json!({"a": "gpt-5.5", "b": "a"}), "b stands for a"),
        (json!(["a=gpt-5.5", "a=gpt-5.5-mini"]), "a already stands for another model"),
        (json!(["gpt-4o"]), "ALIAS=MODEL"),
        (json!({"gpt-4o": ""}), "such as gpt-4o"),
    ] {
        let (field, message) = only_error(checked(aliases));
        assert!(field == "model_aliases" && message.contains(words), "{message}");
    }
}

#[test]
fn an_alias_can_stand_for_a_folder_or_a_model_with_an_effort() {
    let folder = tempfile::tempdir().unwrap();
    let folders = json!([{"name": "web", "folder": folder.path()}]);
    let current = checked(json!({ "folders": folders, "effort_models": true })).unwrap();
    let models = [ModelChoice { id: "gpt-5.5".to_owned(), name: String::new(), efforts: Vec::new() }];
    let context = Context { models: &models, ..context(&current) };
    for (model, is_valid) in
        [("codex:web", true), ("gpt-5.5-high", true), ("codex-local-high", true), ("codex:other", false)]
    {
        let checked = checked_in(&context, json!({"model_aliases": {"a": model}}));
        assert_eq!(checked.is_ok(), is_valid, "{model}");
    }
}

#[test]
fn a_folder_must_be_there_when_it_is_chosen_and_may_go_later() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("web");
    fs::create_dir(&folder).unwrap();
    fs::write(home.path().join("file"), "").unwrap();
    let current = DesktopSettings::default();
    let context = Context { home: Some(home.path()), ..context(&current) };
    let change = |path: &str| checked_in(&context, json!({"folders": [{"name": "web", "folder": path}]}));
    for (path, words) in [
        ("~/none", "doesn't exist"),
        ("~/file", "is a file"),
        ("relative", "web: Enter the folder's full path"),
        ("", "web: Choose a folder"),
    ] {
        let (field, message) = only_error(change(path));
        assert!(field == "folders" && message.contains(words), "{path}: {message}");
    }
    let settings = change("~/web").unwrap();
    assert_eq!(settings.proxy.folders[0].folder, folder);
    fs::remove_dir(&folder).unwrap();
    let shown = serde_json::to_value(&settings.proxy.folders).unwrap();
    let context = Context { current: &settings, ..context };
    assert!(checked_in(&context, json!({ "folders": shown })).is_ok());
}

#[test]
fn any_alias_is_accepted_until_models_are_known() {
    assert!(checked(json!({"model_aliases": {"gpt-4o": "gpt-9"}})).is_ok());
}

#[test]
fn warnings_are_at_most_two_percentages_or_none() {
    for (warn_at, right) in [
        (json!([]), true),
        (json!([50]), true),
        (json!(["80", "95"]), true),
        (json!([0]), false),
        (json!([101]), false),
        (json!(["soon"]), false),
        (json!([70, 80, 90]), false),
    ] {
        let errors = checked(json!({ "warn_at": warn_at })).err().unwrap_or_default();
        assert_eq!(errors.is_empty(), right, "{warn_at}");
        assert!(errors.iter().all(|error| error.field == "warn_at"), "{errors:?}");
    }
}
