//! A configuration that codex cannot use or that changes, on the real codex.

use codex_client::{CodexError, FailureKind, Readiness, SandboxMode, Status, ThreadKind, Tool, TurnFailure};
use sample_model::Event;
use tokio::time::timeout;

use crate::support::{Real, TIMEOUT, collect, next_text, real, real_with_config};

async fn readiness(codex: &codex_client::Codex) -> Readiness {
    codex.ready().await.unwrap();
    let status = codex.status().borrow().clone();
    let Status::Ready(readiness) = status else { panic!("{status:?}") };
    readiness
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn invalid_configuration_is_an_error_with_file_line_and_word_until_it_is_corrected() {
    for (top, tables, line, word) in [
        ("sandbox_mode = \"yolo\"", "", 1, "unknown variant `yolo`"),
        ("", "[mcp_servers.x]\nargs = [\"a\"]", 14, "invalid transport"),
        ("model_context_window = \"sk-secret\"", "", 1, "expected i64"),
    ] {
        let real = real_with_config(top, tables).await;
        let mut status = real.agent.status();
        match real.agent.ready().await {
            Err(CodexError::BadConfig { reason }) => {
                let at = format!("config.toml, line {line}: ");
                assert!(reason.starts_with(&at) && reason.contains(word), "{reason}");
                assert!(!reason.contains('/') && !reason.contains("sk-"), "{reason}");
            }
            other => panic!("{top}{tables}: {other:?}"),
        }
        assert!(matches!(*status.borrow(), Status::Failed(CodexError::BadConfig { .. })));
        sample_model::codex_home::write(&real.home.path().join(".codex"), &real.model.base_url()).unwrap();
        let ready = |status: &Status| matches!(status, Status::Ready(_));
        assert!(timeout(TIMEOUT, status.wait_for(ready)).await.unwrap().is_ok());
        real.run(real.request(ThreadKind::Agent, "[[words=1]]")).await.expect_success();
    }
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn plain_models_work_with_a_configuration_that_only_the_agent_uses() {
    let real = real_with_config("sandbox_mode = \"yolo\"", "[mcp_servers.x]\nargs = [\"a\"]").await;
    real.ask("[[words=1]]").await.expect_success();
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn ignored_setting_is_a_warning() {
    let real = real_with_config("sandbox_mod = \"read-only\"", "").await;
    let warnings = readiness(&real.agent).await.warnings;
    assert!(
        matches!(&warnings[..], [warning] if warning.contains("`sandbox_mod` is ignored")),
        "{warnings:?}"
    );
    assert!(!warnings[0].contains('/'), "{warnings:?}");
    assert_eq!(readiness(&real.codex).await.warnings, [""; 0]);
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn required_mcp_server_that_is_missing_is_named_until_a_thread_starts() {
    let real = real_with_config("", "[mcp_servers.mine]\ncommand = \"/no/such\"\nrequired = true").await;
    match real.run(real.request(ThreadKind::Agent, "[[words=1]]")).await.error() {
        CodexError::Refused { method: "thread/start", message } => {
            assert!(message.contains("required MCP servers failed to initialize: mine: "), "{message}");
        }
        other => panic!("{other:?}"),
    }
    let refusal = real.agent.refusal();
    assert!(matches!(*refusal.borrow(), Some(CodexError::Refused { .. })), "{refusal:?}");
    sample_model::codex_home::write(&real.home.path().join(".codex"), &real.model.base_url()).unwrap();
    real.run(real.request(ThreadKind::Agent, "[[words=1]]")).await.expect_success();
    assert!(refusal.borrow().is_none(), "{refusal:?}");
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn tool_that_codex_rejects_is_named_and_blamed_on_the_request() {
    let real = real().await;
    let mut request = real.request(ThreadKind::Plain, "[[words=1]]");
    let schema = r#"{"type":"object","properties":{"a":{"type":"array","items":[{"type":"string"}]}}}"#;
    request.profile.tools =
        [Tool { name: "my_tool".into(), description: String::new(), schema: schema.into() }].into();
    match real.run(request).await.error() {
        CodexError::Turn(TurnFailure { kind: FailureKind::BadTool, message, .. }) => {
            assert!(message.contains("my_tool"), "{message}");
        }
        other => panic!("{other:?}"),
    }
    assert!(real.codex.refusal().borrow().is_none());
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn missing_or_rejected_key_of_the_users_own_provider_names_its_variable() {
    // codex reads the provider's table at the end of the file, so the key belongs to it.
    for (prompt, key) in [("[[words=1]]", ""), ("[[status=401]]", "sk-a"), ("[[status=403]]", "sk-a")] {
        let real = real().await;
        let config = std::fs::read_to_string(real.config()).unwrap();
        let config = config.replace("wire_api", "env_key = \"MY_KEY\"\nrequest_max_retries = 0\nwire_api");
        std::fs::write(real.config(), config).unwrap();
        std::fs::write(real.home.path().join(".codex/.env"), format!("MY_KEY={key}\n")).unwrap();
        for kind in [ThreadKind::Plain, ThreadKind::Agent] {
            match real.run(real.request(kind, prompt)).await.error() {
                CodexError::ProviderKey { provider } => {
                    assert_eq!(
                        (provider.name.as_str(), provider.env_key.as_deref()),
                        ("mock", Some("MY_KEY"))
                    );
                }
                other => panic!("{prompt} {kind:?}: {other:?}"),
            }
        }
    }
}

/// A header that codex sends with this configuration.
fn header_of(real: &Real, n: u64) -> Option<String> {
    real.model.request(n).unwrap().header("x-mine").map(str::to_owned)
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn changed_configuration_is_used_from_the_next_turn_while_the_running_turn_finishes() {
    for kind in [ThreadKind::Plain, ThreadKind::Agent] {
        let real = real().await;
        let codex = if kind == ThreadKind::Plain { &real.codex } else { &real.agent };
        let mut running = codex.turn(real.request(kind, "[[words=2 hold=1]]")).await.unwrap();
        next_text(&mut running).await;
        let config = std::fs::read_to_string(real.config()).unwrap();
        let header = "[model_providers.mock.http_headers]\nX-Mine = \"changed\"\n";
        std::fs::write(real.config(), format!("{config}{header}")).unwrap();
        real.run(real.request(kind, "[[words=1]]")).await.expect_success();
        assert_eq!(
            (header_of(&real, 0), header_of(&real, 1)),
            (None, Some("changed".to_owned())),
            "{kind:?}"
        );
        assert!(real.model.wait_for(|event| matches!(event, Event::Held { .. }), TIMEOUT).await.is_some());
        real.model.release();
        collect(running).await.expect_success();
        assert_eq!(codex.counts().started, 2, "{kind:?}");
    }
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn codex_whose_provider_is_the_proxy_does_not_start() {
    let real = real().await;
    let listening = real.model.base_url();
    let address: std::net::SocketAddr =
        listening.trim_start_matches("http://").split('/').next().unwrap().parse().unwrap();
    real.own_addresses.add([address]);
    for codex in [&real.codex, &real.agent] {
        assert!(matches!(codex.ready().await, Err(CodexError::OwnProvider)));
        assert!(matches!(*codex.status().borrow(), Status::Failed(CodexError::OwnProvider)));
    }
    assert!(real.model.requests().is_empty());
    real.own_addresses.remove([address]);
    real.ask("[[words=1]]").await.expect_success();
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn turn_whose_request_reaches_the_proxy_is_ended() {
    for kind in [ThreadKind::Plain, ThreadKind::Agent] {
        let real = real().await;
        let codex = if kind == ThreadKind::Plain { &real.codex } else { &real.agent };
        let turn = codex.turn(real.request(kind, "[[words=1 hold=0]]")).await.unwrap();
        assert!(real.model.wait_for(|event| matches!(event, Event::Held { .. }), TIMEOUT).await.is_some());
        let request = real.model.requests().pop().unwrap();
        let thread = request.header("thread-id").unwrap();
        assert!(!codex.end_own_turn("another") && codex.end_own_turn(thread));
        assert!(matches!(collect(turn).await.error(), CodexError::OwnProvider));
        assert!(matches!(*codex.refusal().borrow(), Some(CodexError::OwnProvider)));
    }
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn probe_of_the_agent_reports_the_applied_sandbox_and_failed_servers_and_sends_no_prompt() {
    // On Windows codex only reads unless the user has chosen a sandbox.
    let tables = "[mcp_servers.broken]\ncommand = \"/no/such\"\n[windows]\nsandbox = \"unelevated\"";
    let real = real_with_config("", tables).await;
    let mut profile = real.request(ThreadKind::Agent, "").profile;
    profile.sandbox = SandboxMode::WorkspaceWrite;
    let probed = codex_client::probe_agent(&real.agent_config, &profile).await.unwrap();
    assert_eq!(probed.sandbox, Some(SandboxMode::WorkspaceWrite));
    assert!(real.model.requests().is_empty());
}
