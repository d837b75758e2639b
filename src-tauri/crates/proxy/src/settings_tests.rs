use std::path::Path;

use codex_client::Environment;

use super::*;

fn settings(
    flags: &Flags,
    environment: &[(&str, &str)],
    dotenv: &[(&str, &str)],
) -> Result<Settings, SettingsError> {
    let environment =
        environment.iter().fold(Environment::empty(), |all, (name, value)| all.with(name, *value));
    let dotenv = dotenv.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Settings::from_layers(&Layers {
        flags,
        environment: &environment,
        dotenv: &dotenv,
        current_dir: Path::new("/here"),
        default_data_dir: Some("/data".into()),
    })
}

#[test]
fn without_anything_it_listens_on_loopback_asks_for_a_key_and_changes_nothing() {
    let settings = settings(&Flags::default(), &[], &[]).unwrap();
    assert_eq!(settings.bind.to_string(), "127.0.0.1:8000");
    assert!(settings.auth && settings.api_keys.is_empty() && settings.model.is_none());
    assert_eq!(settings.sandbox, SandboxMode::ReadOnly);
    assert_eq!(settings.workspace, Path::new("/data/workspace"));
    assert_eq!(settings.reasoning, ReasoningAs::ReasoningContent);
    assert!(settings.show_work);
    assert_eq!(settings.limits, TurnLimits::default());
}

#[test]
fn the_originals_env_file_works_as_it_was() {
    let dotenv = [
        ("API_KEYS", "sk-local-key1,sk-local-key2"),
        ("HOST", "0.0.0.0"),
        ("PORT", "8000"),
        ("CODEX_PATH", "/opt/homebrew/bin/codex"),
        ("CODEX_MODEL", "gpt-5.2-codex"),
        ("LOG_LEVEL", "warning"),
    ];
    let settings = settings(&Flags::default(), &[], &dotenv).unwrap();
    assert_eq!(settings.bind.to_string(), "0.0.0.0:8000");
    assert_eq!(settings.api_keys, [Key::new("sk-local-key1"), Key::new("sk-local-key2")]);
    assert_eq!(settings.codex_path.as_deref(), Some(Path::new("/opt/homebrew/bin/codex")));
    assert_eq!(settings.model.as_deref(), Some("gpt-5.2-codex"));
    assert_eq!(settings.log_level, LogLevel::Warn);
}

#[test]
fn a_flag_wins_over_the_environment_and_that_over_the_file() {
    let port = |flag: Option<&str>, environment: &[(&str, &str)]| {
        let flags = Flags { port: flag.map(str::to_owned), ..Flags::default() };
        settings(&flags, environment, &[("PORT", "3")]).unwrap().bind.port()
    };
    assert_eq!(port(Some("1"), &[("PORT", "2")]), 1);
    assert_eq!(port(None, &[("PORT", "2")]), 2);
    assert_eq!(port(None, &[("PORT", "")]), 3);
}

#[test]
fn a_bad_value_is_named_with_where_it_came_from() {
    for (name, value) in [
        ("PORT", "80000"),
        ("HOST", "example"),
        ("CODEX_SANDBOX", "yolo"),
        ("LOG_LEVEL", "loud"),
        ("CODEX_REASONING", "aloud"),
        ("CODEX_SHOW_WORK", "sometimes"),
        ("MAX_TURNS", "101"),
        ("MAX_WAITING", "-1"),
        ("MAX_WAIT", "2m"),
        ("TURN_LIMIT", "1441"),
        ("SILENCE_LIMIT", "0"),
    ] {
        let error = settings(&Flags::default(), &[(name, value)], &[]).unwrap_err().to_string();
        assert!(error.contains(name) && error.contains(value), "{error}");
    }
    let flags = Flags { port: Some("x".into()), ..Flags::default() };
    assert!(settings(&flags, &[], &[]).unwrap_err().to_string().starts_with("--port is"));
}

#[test]
fn how_reasoning_is_sent_and_whether_work_is_shown_are_chosen_in_every_layer() {
    for (text, chosen) in [
        ("reasoning_content", ReasoningAs::ReasoningContent),
        ("think", ReasoningAs::Think),
        ("none", ReasoningAs::None),
    ] {
        let flags = Flags { reasoning: Some(text.into()), ..Flags::default() };
        assert_eq!(settings(&flags, &[("CODEX_REASONING", "bad")], &[]).unwrap().reasoning, chosen);
        let variable = [("CODEX_REASONING", text)];
        assert_eq!(settings(&Flags::default(), &variable, &[]).unwrap().reasoning, chosen);
        assert_eq!(settings(&Flags::default(), &[], &variable).unwrap().reasoning, chosen);
    }
    for (text, shown) in
        [("on", true), ("off", false), ("true", true), ("False", false), ("1", true), ("0", false)]
    {
        let flags = Flags { show_work: Some(text.into()), ..Flags::default() };
        assert_eq!(settings(&flags, &[("CODEX_SHOW_WORK", "bad")], &[]).unwrap().show_work, shown, "{text}");
        let variable = [("CODEX_SHOW_WORK", text)];
        assert_eq!(settings(&Flags::default(), &variable, &[]).unwrap().show_work, shown, "{text}");
        assert_eq!(settings(&Flags::default(), &[], &variable).unwrap().show_work, shown, "{text}");
    }
}

#[test]
fn without_keys_it_stays_on_this_machine() {
    let open = |host: &str| {
        settings(&Flags { no_auth: true, host: Some(host.into()), ..Flags::default() }, &[], &[])
    };
    assert!(!open("127.0.0.1").unwrap().auth);
    assert!(!open("::1").unwrap().auth);
    assert!(matches!(open("0.0.0.0"), Err(SettingsError::OpenToOthers(_))));
    assert!(matches!(open("192.168.1.4"), Err(SettingsError::OpenToOthers(_))));
}

#[test]
fn paths_are_made_absolute_and_a_bare_program_name_is_not() {
    let flags = Flags {
        codex: Some("codex".into()),
        workspace: Some("work".into()),
        data_dir: Some("~/proxy".into()),
        ..Flags::default()
    };
    let settings = settings(&flags, &[("HOME", "/home/me")], &[]).unwrap();
    assert_eq!(settings.codex_path.as_deref(), Some(Path::new("codex")));
    assert_eq!(settings.workspace, Path::new("/here/work"));
    assert_eq!(settings.data_dir, Path::new("/home/me/proxy"));
}

#[test]
fn aliases_come_from_flags_or_from_one_list_and_side_calls_are_switched() {
    let flags = Flags {
        model_alias: vec!["gpt-4o=gpt-5.5".to_owned(), "agent=codex-local".to_owned()],
        side_calls: Some("off".to_owned()),
        ..Flags::default()
    };
    let ours = settings(&flags, &[("MODEL_ALIASES", "x=y")], &[]).unwrap();
    assert_eq!(ours.model_aliases.len(), 2);
    assert!(ours.model_aliases["agent"] == "codex-local" && !ours.side_calls);
    let dotenv = [("MODEL_ALIASES", "gpt-4o=gpt-5.5, gpt-4=gpt-5.5")];
    let theirs = settings(&Flags::default(), &[], &dotenv).unwrap();
    assert!(theirs.model_aliases["gpt-4"] == "gpt-5.5" && theirs.side_calls);
    let error = settings(&Flags::default(), &[("MODEL_ALIASES", "gpt-4o")], &[]).unwrap_err();
    assert!(error.to_string().starts_with("MODEL_ALIASES is \"gpt-4o\". Write ALIAS=MODEL"), "{error}");
}

#[test]
fn limits_of_turns_are_set_in_every_layer_and_are_those_of_the_proxy() {
    let flags = Flags {
        max_turns: Some("2".to_owned()),
        max_waiting: Some("0".to_owned()),
        max_wait: Some("30".to_owned()),
        ..Flags::default()
    };
    let ours =
        settings(&flags, &[("MAX_TURNS", "3"), ("TURN_LIMIT", "5")], &[("SILENCE_LIMIT", "1")]).unwrap();
    let limits = crate::exchange::Limits::default().with(&ours.limits);
    let minutes = |minutes: u64| std::time::Duration::from_secs(minutes * 60);
    assert_eq!((limits.turns, limits.waiting, limits.wait), (2, 0, minutes(1) / 2));
    assert_eq!((limits.turn, limits.silence), (minutes(5), minutes(1)));
    let error =
        settings(&Flags { turn_limit: Some("0".to_owned()), ..Flags::default() }, &[], &[]).unwrap_err();
    let words = "--turn-limit is \"0\". Write a number of minutes from 1 to 1440.";
    assert_eq!(error.to_string(), words);
}

#[test]
fn the_limits_that_nobody_has_set_are_those_of_the_proxy_by_itself() {
    let (by_itself, set) =
        (crate::exchange::Limits::default(), crate::exchange::Limits::default().with(&TurnLimits::default()));
    assert_eq!(format!("{by_itself:?}"), format!("{set:?}"));
}
