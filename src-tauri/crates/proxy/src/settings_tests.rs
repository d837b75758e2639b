use std::path::Path;

use codex_client::Environment;
use serde_json::json;

use super::*;

fn settings(
    flags: &[&str],
    environment: &[(&str, &str)],
    dotenv: &[(&str, &str)],
) -> Result<Settings, SettingsError> {
    loaded(flags, environment, dotenv).map(|(settings, _)| settings)
}

fn loaded(
    flags: &[&str],
    environment: &[(&str, &str)],
    dotenv: &[(&str, &str)],
) -> Result<(Settings, Vec<String>), SettingsError> {
    let environment =
        environment.iter().fold(Environment::default(), |all, (name, value)| all.with(name, *value));
    let variables = dotenv.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let program = ["program"].iter().chain(flags);
    Settings::from_layers(&Layers {
        flags: &super::flags(clap::Command::new("program")).get_matches_from(program),
        environment: &environment,
        env_file: &EnvFile::new(".env", variables, false),
        current_dir: Path::new("/here"),
        default_data_dir: Some("/data".into()),
    })
}

#[test]
fn the_defaults_listen_on_loopback_require_a_key_and_are_read_only() {
    let settings = settings(&[], &[], &[]).unwrap();
    assert_eq!(settings.address().to_string(), "127.0.0.1:8000");
    assert!(settings.keys_needed && settings.api_keys.is_empty() && settings.model.is_none());
    assert_eq!(settings.sandbox, SandboxMode::ReadOnly);
    assert_eq!(settings.working_folder(), Path::new("/data/workspace"));
    assert_eq!(settings.reasoning, ReasoningFormat::ReasoningContent);
    assert!(settings.show_activity);
    assert_eq!(settings, Settings { data_dir: "/data".into(), ..Settings::default() });
}

#[test]
fn the_env_file_of_the_original_project_still_works() {
    let dotenv = [
        ("API_KEYS", "sk-local-key1,sk-local-key2"),
        ("HOST", "0.0.0.0"),
        ("PORT", "8000"),
        ("CODEX_PATH", "/opt/homebrew/bin/codex"),
        ("CODEX_MODEL", "gpt-5.2-codex"),
        ("LOG_LEVEL", "warning"),
    ];
    let settings = settings(&[], &[], &dotenv).unwrap();
    assert_eq!(settings.address().to_string(), "0.0.0.0:8000");
    assert_eq!(settings.api_keys, [Key::new("sk-local-key1"), Key::new("sk-local-key2")]);
    assert_eq!(settings.codex_path.as_deref(), Some(Path::new("/opt/homebrew/bin/codex")));
    assert_eq!(settings.model.as_deref(), Some("gpt-5.2-codex"));
    assert_eq!(settings.log_level, LogLevel::Warn);
}

#[test]
fn a_flag_wins_over_the_environment_and_the_environment_over_the_file() {
    let port = |flags: &[&str], environment: &[(&str, &str)]| {
        settings(flags, environment, &[("PORT", "3")]).unwrap().port.get()
    };
    assert_eq!(port(&["--port", "1"], &[("PORT", "2")]), 1);
    assert_eq!(port(&["--port", ""], &[("PORT", "2")]), 2);
    assert_eq!(port(&[], &[("PORT", "2")]), 2);
    assert_eq!(port(&[], &[("PORT", "")]), 3);
}

#[test]
fn an_invalid_value_is_reported_with_its_flag_or_variable() {
    for (name, value) in [
        ("PORT", "80000"),
        ("CODEX_PROXY_HOST", "example"),
        ("CODEX_PROXY_SANDBOX", "yolo"),
        ("LOG_LEVEL", "loud"),
        ("CODEX_REASONING", "aloud"),
        ("CODEX_SHOW_ACTIVITY", "sometimes"),
        ("MAX_TURNS", "101"),
        ("MAX_WAITING", "-1"),
        ("MAX_WAIT", "2m"),
        ("TURN_LIMIT", "1441"),
        ("SILENCE_LIMIT", "0"),
    ] {
        for (environment, dotenv) in [(&[(name, value)][..], &[][..]), (&[], &[(name, value)])] {
            let error = settings(&[], environment, dotenv).unwrap_err().to_string();
            assert!(error.starts_with(&format!("{name} is {value:?}. ")) && error.ends_with('.'), "{error}");
        }
    }
    assert!(settings(&["--port", "x"], &[], &[]).unwrap_err().to_string().starts_with("--port is \"x\""));
    let error = settings(&["--max-wait", "0"], &[("MAX_TURNS", "0")], &[]).unwrap_err().to_string();
    assert!(error.starts_with("MAX_TURNS is \"0\". Enter a number of requests from 1 to 100."), "{error}");
}

#[test]
fn variables_of_other_programs_are_ignored_with_a_warning() {
    for (name, value, own) in [
        ("HOST", "x86_64-conda-linux-gnu", "CODEX_PROXY_HOST"),
        ("CODEX_SANDBOX", "seatbelt", "CODEX_PROXY_SANDBOX"),
    ] {
        for (environment, dotenv) in [(&[(name, value)][..], &[][..]), (&[], &[(name, value)])] {
            let (settings, warnings) = loaded(&[], environment, dotenv).unwrap();
            assert_eq!(settings, Settings { data_dir: "/data".into(), ..Settings::default() });
            assert_eq!(warnings.len(), 1, "{warnings:?}");
            assert!(warnings[0].starts_with(&format!("{name}={value} ")), "{warnings:?}");
            assert!(!dotenv.is_empty() || warnings[0].contains(own), "{warnings:?}");
        }
    }
}

#[test]
fn another_programs_env_file_does_not_choose_what_runs_or_who_can_connect() {
    let port = ("PORT", "9000");
    for (name, value) in
        [("CODEX_PATH", "./evil"), ("CODEX_SANDBOX", "danger-full-access"), ("HOST", "0.0.0.0")]
    {
        let (settings, warnings) = loaded(&[], &[], &[(name, value), port]).unwrap();
        let expected = Settings { data_dir: "/data".into(), port: 9000.into(), ..Settings::default() };
        assert_eq!(settings, expected, "{name}");
        let line = format!("{name}={value} in .env is ignored");
        assert!(warnings.len() == 1 && warnings[0].starts_with(&line), "{warnings:?}");
        for ours in [("API_KEYS", "sk-a-key-of-some-length"), ("CODEX_PROXY_PORT", "9000")] {
            let (settings, warnings) = loaded(&[], &[], &[(name, value), ours]).unwrap();
            assert!(settings != expected && warnings.is_empty(), "{name}: {warnings:?}");
        }
    }
    let (settings, warnings) = loaded(&[], &[], &[("HOST", "127.0.0.2")]).unwrap();
    assert_eq!((settings.host.to_string().as_str(), warnings.len()), ("127.0.0.2", 0));
}

#[test]
fn any_origin_needs_keys() {
    let flags = ["--allow-origin", "*"];
    assert!(settings(&flags, &[], &[]).unwrap().allows_any_origin());
    let error = settings(&["--no-auth", "--allow-origin", "*"], &[], &[]).unwrap_err();
    assert_eq!(error, SettingsError::AnyOriginWithoutKeys);
}

#[test]
fn names_that_no_other_program_uses_come_first() {
    let port = |environment: &[(&str, &str)], dotenv: &[(&str, &str)]| {
        settings(&[], environment, dotenv).unwrap().port.get()
    };
    assert_eq!(port(&[("PORT", "1"), ("CODEX_PROXY_PORT", "2")], &[("CODEX_PROXY_PORT", "3")]), 2);
    assert_eq!(port(&[("PORT", "1")], &[("CODEX_PROXY_PORT", "3")]), 3);
    let own = [
        ("CODEX_PROXY_CODEX", "/opt/codex"),
        ("CODEX_PROXY_ALLOW_HOST", "a.lan,b.lan"),
        ("CODEX_PROXY_API_KEYS", "sk-own"),
        ("API_KEYS", "sk-other"),
    ];
    let settings = settings(&[], &own, &[]).unwrap();
    assert_eq!(settings.codex_path.as_deref(), Some(Path::new("/opt/codex")));
    assert_eq!(settings.allowed_hosts, ["a.lan", "b.lan"]);
    assert_eq!(settings.api_keys, [Key::new("sk-own")]);
}

#[test]
fn reasoning_format_and_activity_are_set_in_every_layer() {
    for (text, chosen) in [
        ("reasoning_content", ReasoningFormat::ReasoningContent),
        ("think", ReasoningFormat::Think),
        ("none", ReasoningFormat::None),
    ] {
        let flags = ["--reasoning", text];
        assert_eq!(settings(&flags, &[("CODEX_REASONING", "bad")], &[]).unwrap().reasoning, chosen);
        let variable = [("CODEX_REASONING", text)];
        assert_eq!(settings(&[], &variable, &[]).unwrap().reasoning, chosen);
        assert_eq!(settings(&[], &[], &variable).unwrap().reasoning, chosen);
    }
    for (text, shown) in
        [("on", true), ("off", false), ("true", true), ("False", false), ("1", true), ("0", false)]
    {
        let flags = ["--show-activity", text];
        assert_eq!(
            settings(&flags, &[("CODEX_SHOW_ACTIVITY", "bad")], &[]).unwrap().show_activity,
            shown,
            "{text}"
        );
        let variable = [("CODEX_SHOW_ACTIVITY", text)];
        assert_eq!(settings(&[], &variable, &[]).unwrap().show_activity, shown, "{text}");
        assert_eq!(settings(&[], &[], &variable).unwrap().show_activity, shown, "{text}");
    }
}

#[test]
fn former_names_still_work_with_one_warning_each() {
    let loaded = |flags: &[&str], variables: &[(&str, &str)]| loaded(flags, variables, &[]).unwrap();
    let (settings, warnings) = loaded(&["--show-work", "off"], &[("CODEX_SIDE_CALLS", "off")]);
    assert!(!settings.show_activity && !settings.task_model);
    let expected = [
        "--show-work is now --show-activity; the old name still works",
        "CODEX_SIDE_CALLS is now CODEX_TASK_MODEL; the old name still works",
    ];
    assert_eq!(warnings, expected);
    // The current name wins over the former one.
    let (settings, warnings) = loaded(&["--show-work", "off", "--show-activity", "on"], &[]);
    assert!(settings.show_activity && warnings.is_empty());
}

#[test]
fn no_auth_is_rejected_beyond_loopback() {
    let open = |host: &str| settings(&["--no-auth", "--host", host], &[("PORT", "1")], &[]);
    assert!(!open("127.0.0.1").unwrap().keys_needed);
    assert!(!open("localhost").unwrap().keys_needed);
    assert!(!open("[::1]").unwrap().keys_needed);
    assert!(matches!(open("0.0.0.0"), Err(SettingsError::NoAuthBeyondLoopback(_))));
    assert!(matches!(open("192.168.1.4"), Err(SettingsError::NoAuthBeyondLoopback(_))));
}

#[test]
fn paths_become_absolute_and_a_bare_program_name_stays() {
    let flags = ["--codex", "codex", "--workspace", "work", "--data-dir", "~/proxy"];
    let settings = settings(&flags, &[("HOME", "/home/me")], &[]).unwrap();
    assert_eq!(settings.codex_path.as_deref(), Some(Path::new("codex")));
    assert_eq!(settings.working_folder(), Path::new("/here/work"));
    assert_eq!(settings.data_dir, Path::new("/home/me/proxy"));
}

#[test]
fn aliases_come_from_repeated_flags_or_one_variable() {
    let flags =
        ["--model-alias", "gpt-4o=gpt-5.5", "--task-model", "off", "--model-alias", "agent=codex-local"];
    let ours = settings(&flags, &[("MODEL_ALIASES", "x=y")], &[]).unwrap();
    assert_eq!(ours.model_aliases.len(), 2);
    assert!(ours.model_aliases["agent"] == "codex-local" && !ours.task_model);
    let dotenv = [("MODEL_ALIASES", "gpt-4o=gpt-5.5, gpt-4=gpt-5.5")];
    let theirs = settings(&[], &[], &dotenv).unwrap();
    assert!(theirs.model_aliases["gpt-4"] == "gpt-5.5" && theirs.task_model);
    let error = settings(&[], &[("MODEL_ALIASES", "gpt-4o")], &[]).unwrap_err();
    assert!(error.to_string().starts_with("MODEL_ALIASES is \"gpt-4o\". Use ALIAS=MODEL"), "{error}");
}

#[test]
fn folders_come_from_repeated_flags_or_one_variable_and_become_absolute() {
    let flags = ["--folder", "web=work", "--folder", "notes=~/notes", "--effort-models", "on"];
    let ours = settings(&flags, &[("HOME", "/home/me")], &[]).unwrap();
    let folders: Vec<_> = ours.folders.iter().map(|one| (one.id(), one.folder.clone())).collect();
    let expected = [("codex:web", "/here", "work"), ("codex:notes", "/home/me", "notes")];
    assert_eq!(folders, expected.map(|(id, above, name)| (id.to_owned(), Path::new(above).join(name))));
    assert!(ours.effort_models && ours.folder_model("codex:web").is_some());
    assert!(ours.folder_model("web").is_none() && ours.folder_model("codex:other").is_none());
    let error = settings(&[], &[("CODEX_FOLDERS", "web")], &[]).unwrap_err();
    assert!(error.to_string().starts_with("CODEX_FOLDERS is \"web\". Use NAME=DIR"), "{error}");
}

#[test]
fn turn_limits_of_every_layer_reach_the_proxy() {
    let flags = ["--max-turns", "2", "--max-waiting", "0", "--max-wait", "30"];
    let ours =
        settings(&flags, &[("MAX_TURNS", "3"), ("TURN_LIMIT", "5")], &[("SILENCE_LIMIT", "1")]).unwrap();
    let limits = crate::exchange::Limits::default().with(&ours);
    let minutes = |minutes: u64| std::time::Duration::from_secs(minutes * 60);
    assert_eq!((limits.max_turns, limits.max_queued, limits.queue_timeout), (2, 0, minutes(1) / 2));
    assert_eq!((limits.turn_timeout, limits.idle_timeout), (minutes(5), minutes(1)));
    let error = settings(&["--turn-limit", "0"], &[], &[]).unwrap_err();
    let words = "--turn-limit is \"0\". Enter a number of minutes from 1 to 1440.";
    assert_eq!(error.to_string(), words);
}

#[test]
fn the_default_limits_are_the_same_with_and_without_settings() {
    let (by_itself, set) =
        (crate::exchange::Limits::default(), crate::exchange::Limits::default().with(&Settings::default()));
    assert_eq!(format!("{by_itself:?}"), format!("{set:?}"));
}

#[test]
fn lists_come_from_repeated_flags_or_one_variable_without_blank_items() {
    let flags = ["--allow-host", "my.lan", "--allow-host", " other.lan ,"];
    let variables = [("ALLOWED_HOSTS", "x"), ("ALLOWED_ORIGINS", " https://a.example ,, https://b.example")];
    let settings = settings(&flags, &variables, &[]).unwrap();
    assert_eq!(settings.allowed_hosts, ["my.lan", "other.lan"]);
    assert_eq!(settings.allowed_origins, ["https://a.example", "https://b.example"]);
}

#[test]
fn numbers_are_accepted_as_json_numbers_and_as_text() {
    for right in [json!(65535), json!(" 65535 ")] {
        assert_eq!(serde_json::from_value::<Port>(right).unwrap().get(), 65535);
    }
    for wrong in [json!(65536), json!(-1), json!(1.5), json!(""), json!("1.5"), json!(null), json!([1])] {
        let error = serde_json::from_value::<Port>(wrong).unwrap_err().to_string();
        assert_eq!(error, "Enter a port from 0 to 65535.");
    }
}

#[test]
fn every_setting_in_the_reference_has_a_flag_and_a_description() {
    let table = reference();
    for line in table.lines().skip(2) {
        let cells: Vec<&str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
        assert!(cells[0].starts_with("`--") && cells[4].len() > 10, "{line}");
    }
    for row in [
        "| `--show-activity` | `CODEX_SHOW_ACTIVITY` | `show_activity` | `on` | Include commands",
        "| `--host` | `HOST` |  | `127.0.0.1` |",
    ] {
        assert!(table.contains(row), "{table}");
    }
}
