use super::*;

const RUNNING: ProxyState = ProxyState::Running { since: 0 };

fn health(proxy: ProxyState, codex: CodexFacts) -> Health {
    Health::of(Facts { proxy, port: 8000, codex, limit_reached: None, unreadable_file: None, asking: 0 })
}

fn action(health: &Health) -> Option<FixAction> {
    health.fix.as_ref().map(|fix| fix.action)
}

#[test]
fn it_is_green_only_when_requests_are_answered() {
    let usable = || CodexFacts::Usable(None);
    let failed = CodexFacts::Failed;
    let taken = |free| ProxyState::PortTaken { port: 8000, free };
    let bad_path = CodexError::BadPath { path: "/nope/codex".into(), reason: "does not exist" };
    let unsupported = CodexError::Unsupported { version: "0.10.0".to_owned(), missing: "answer" };
    let broken = || CodexError::StartFailed { reason: "exit code 1".to_owned() };
    for (proxy, codex, level, fix, title) in [
        (RUNNING, usable(), Level::Ok, None, "Running on port 8000"),
        (RUNNING, CodexFacts::Unknown, Level::Working, None, "Codex starts on the first request"),
        (RUNNING, CodexFacts::Starting, Level::Working, None, "Starting Codex…"),
        (ProxyState::Stopping, usable(), Level::Working, None, "Stopping…"),
        (ProxyState::Stopped, usable(), Level::Off, Some(FixAction::StartProxy), "Stopped"),
        (taken(Some(8001)), usable(), Level::Blocked, Some(FixAction::UseFreePort), "Port 8000 is taken"),
        (taken(None), usable(), Level::Blocked, Some(FixAction::OpenNetworkSettings), "Port 8000 is taken"),
        (
            ProxyState::Failed { message: "No.".to_owned() },
            usable(),
            Level::Blocked,
            Some(FixAction::OpenNetworkSettings),
            "The proxy couldn't start",
        ),
        (
            RUNNING,
            failed(CodexError::NotFound),
            Level::Blocked,
            Some(FixAction::InstallCodex),
            "Codex isn't installed",
        ),
        (
            RUNNING,
            failed(bad_path),
            Level::Blocked,
            Some(FixAction::ChooseCodex),
            "Can't use the chosen Codex",
        ),
        (RUNNING, failed(unsupported), Level::Blocked, Some(FixAction::InstallCodex), "Codex is too old"),
        (
            RUNNING,
            failed(CodexError::NotSignedIn),
            Level::Blocked,
            Some(FixAction::SignIn),
            "Not signed in to Codex",
        ),
        (RUNNING, failed(broken()), Level::Blocked, Some(FixAction::RecheckCodex), "Codex couldn't start"),
        (
            RUNNING,
            CodexFacts::Usable(Some(broken())),
            Level::Attention,
            Some(FixAction::RecheckCodex),
            "Codex couldn't start",
        ),
    ] {
        let health = health(proxy, codex);
        assert_eq!((health.level, action(&health), health.title.as_str()), (level, fix, title), "{health:?}");
    }
}

#[test]
fn a_reached_limit_blocks_until_it_resets() {
    let facts = |limit_reached| Facts {
        proxy: RUNNING,
        port: 8000,
        codex: CodexFacts::Usable(None),
        limit_reached,
        unreadable_file: Some("Your settings couldn't be read.".to_owned()),
        asking: 0,
    };
    let health = Health::of(facts(Some(Some(1_790_000_000))));
    assert_eq!((health.level, health.until), (Level::Blocked, Some(1_790_000_000)));
    assert_eq!(action(&health), Some(FixAction::ShowLimits));
    let health = Health::of(facts(None));
    assert_eq!((health.level, action(&health)), (Level::Attention, Some(FixAction::ShowFiles)));
    assert_eq!(health.detail, "Your settings couldn't be read.");
}

#[test]
fn a_waiting_question_is_shown_unless_nothing_works() {
    let facts = |asking, limit_reached| Facts {
        proxy: RUNNING,
        port: 8000,
        codex: CodexFacts::Usable(None),
        limit_reached,
        unreadable_file: Some("Your settings couldn't be read.".to_owned()),
        asking,
    };
    for (asking, title) in [(1, "Codex asks you something"), (3, "3 questions are waiting")] {
        let health = Health::of(facts(asking, None));
        assert_eq!((health.level, health.title.as_str()), (Level::Asking, title));
        assert_eq!(action(&health), Some(FixAction::ShowApprovals));
    }
    assert_eq!(Health::of(facts(1, Some(None))).level, Level::Blocked);
    assert_eq!(Health::of(Facts { proxy: ProxyState::Stopped, ..facts(1, None) }).level, Level::Off);
}

#[test]
fn the_running_codex_takes_precedence_over_the_last_check() {
    let readiness = Readiness::default;
    let running = |status| BackendsStatus { status, other: None };
    let of = |status, checked: Option<Result<Readiness, CodexError>>| {
        CodexFacts::of(Some(&running(status)), checked.as_ref())
    };
    let not_signed_in = || Some(Err(CodexError::NotSignedIn));
    assert!(matches!(of(Status::Ready(readiness()), not_signed_in()), CodexFacts::Usable(None)));
    assert!(matches!(of(Status::Idle, not_signed_in()), CodexFacts::Failed(CodexError::NotSignedIn)));
    assert!(matches!(of(Status::Starting, Some(Ok(readiness()))), CodexFacts::Usable(None)));
    assert!(matches!(of(Status::Starting, None), CodexFacts::Starting));
    assert!(matches!(of(Status::Idle, None), CodexFacts::Unknown));
    assert!(matches!(CodexFacts::of(None, None), CodexFacts::Unknown));
}

#[test]
fn the_detail_says_what_to_do() {
    let reason = "config.toml, line 3: unknown variant `yolo`".to_owned();
    for (error, words) in [
        (
            CodexError::BadConfig { reason },
            vec!["config.toml, line 3: unknown variant `yolo`.", "Correct it"],
        ),
        (CodexError::OwnProvider, vec!["its own provider", "base_url"]),
        (CodexError::NotFound, vec!["npm install -g @openai/codex"]),
    ] {
        let health = health(RUNNING, CodexFacts::Failed(error));
        assert!(words.iter().all(|words| health.detail.contains(words)), "{health:?}");
    }
}
