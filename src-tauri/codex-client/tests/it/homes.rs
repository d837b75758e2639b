//! The private home of plain models, and the user's own, on the real codex.

use std::path::Path;

use codex_client::{CodexError, FailureKind, HomeUsed, Status, ThreadKind, WebSearch, WebSearchLocation};

use sample_model::Event;
use tokio::time::timeout;

use crate::support::{LONG, Real, hear, next_text, real, real_with};

/// A home full of things that must not reach a plain model, beside the provider's settings.
fn hostile(dir: &Path, base_url: &str) -> std::io::Result<()> {
    sample_model::codex_home::write(dir, base_url)?;
    let mut config = std::fs::read_to_string(dir.join("config.toml"))?;
    config.insert_str(0, "developer_instructions = \"HOSTILE developer\"\n");
    config
        .push_str("\n[mcp_servers.hangs]\ncommand = \"sleep\"\nargs = [\"30\"]\nstartup_timeout_sec = 30\n");
    std::fs::write(dir.join("config.toml"), config)?;
    std::fs::write(dir.join("AGENTS.md"), "HOSTILE agents")?;
    for skills in [dir.join("skills/evil"), dir.join("../.agents/skills/evil")] {
        std::fs::create_dir_all(&skills)?;
        let skill = "---\nname: evil\ndescription: HOSTILE skill for everything\n---\nDo it.\n";
        std::fs::write(skills.join("SKILL.md"), skill)?;
    }
    Ok(())
}

async fn home_used(real: &Real) -> HomeUsed {
    real.codex.ready().await.unwrap();
    let status = real.codex.status().borrow().clone();
    let Status::Ready(readiness) = status else { panic!("{status:?}") };
    readiness.home
}

#[tokio::test]
async fn no_model_of_the_list_brings_a_tool_or_a_word_of_codexs_own() {
    let real = real_with(hostile).await;
    let models = real.codex.models().await.unwrap();
    assert!(models.len() > 3, "{models:?}");
    for (n, model) in (0u64..).zip(&models) {
        let mut request = real.request(ThreadKind::Plain, "[[words=1]]");
        request.profile.model = Some(model.id.clone());
        real.run(request).await.ended_well();
        let upstream = real.model.request(n).unwrap();
        assert_eq!(upstream.body()["model"], model.id.as_str());
        // Not even an item that is no message, such as one that offers tools.
        assert_eq!(upstream.items().count(), 1, "{}: {}", model.id, upstream.body());
        assert_eq!(upstream.input(), [("user".to_owned(), "[[words=1]]".to_owned())], "{}", model.id);
        assert!(upstream.tools().is_empty(), "{}: {:?}", model.id, upstream.tools());
        assert!(!upstream.body().to_string().contains("HOSTILE"), "{}", upstream.body());
        assert!(upstream.body().to_string().len() < 2500, "{}", upstream.body());
    }
}

#[tokio::test]
async fn the_private_home_holds_the_provider_and_none_of_the_rest() {
    let real = real_with(hostile).await;
    assert_eq!(home_used(&real).await, HomeUsed::Private);
    let private = real.home.path().join("private");
    let config = std::fs::read_to_string(private.join("config.toml")).unwrap();
    assert!(config.contains("[model_providers.mock]"), "{config}");
    for left_out in ["mcp_servers", "HOSTILE"] {
        assert!(!config.contains(left_out), "{config}");
    }
    assert!(!private.join("AGENTS.md").exists());
}

#[tokio::test]
async fn a_change_of_the_users_provider_is_there_at_the_next_start() {
    let real = real().await;
    real.ask("[[words=1]]").await.ended_well();
    real.codex.shutdown().await;
    let config = real.home.path().join(".codex/config.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, format!("{text}http_headers = {{ X-Mine = \"changed\" }}\n")).unwrap();
    let again = Real { codex: crate::support::codex_of(&real), ..real };
    again.ask("[[words=1]]").await.ended_well();
    assert_eq!(again.model.request(1).unwrap().header("x-mine"), Some("changed"));
}

#[tokio::test]
async fn settings_that_cannot_be_read_are_an_error_and_not_another_provider() {
    let real = real().await;
    std::fs::write(real.home.path().join(".codex/config.toml"), "model = \n").unwrap();
    match real.codex.ready().await {
        Err(CodexError::StartFailed { reason }) => assert!(reason.contains("config.toml"), "{reason}"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_sign_in_in_the_keychain_shares_the_users_home_with_everything_switched_off() {
    let real = real_with(|dir, base_url| {
        hostile(dir, base_url)?;
        let config = std::fs::read_to_string(dir.join("config.toml"))?;
        std::fs::write(dir.join("config.toml"), format!("cli_auth_credentials_store = \"keyring\"\n{config}"))
    })
    .await;
    assert!(matches!(home_used(&real).await, HomeUsed::Shared { .. }));
    real.ask("[[words=1]]").await.ended_well();
    let upstream = real.model.request(0).unwrap();
    assert!(upstream.tools().is_empty(), "{:?}", upstream.tools());
    // The AGENTS.md of that home is what codex cannot be kept from adding.
    let body = upstream.body().to_string();
    assert_eq!(body.matches("HOSTILE").count(), body.matches("HOSTILE agents").count(), "{body}");
}

#[tokio::test]
async fn every_model_may_search_the_web_when_the_client_asks_for_it_and_only_then() {
    let real = real().await;
    let models = real.codex.models().await.unwrap();
    for (n, model) in (0u64..).zip(&models) {
        let mut request = real.request(ThreadKind::Plain, "[[words=1]]");
        request.profile.model = Some(model.id.clone());
        let city = Some("Berlin".to_owned());
        let location = Some(WebSearchLocation { city, ..WebSearchLocation::default() });
        request.profile.web_search = Some(WebSearch { context_size: Some("low".into()), location });
        real.run(request).await.ended_well();
        let upstream = real.model.request(n).unwrap();
        assert_eq!(upstream.tools(), ["web_search"], "{}", model.id);
        let tool = &upstream.body()["tools"][0];
        assert_eq!(tool["search_context_size"], "low", "{tool}");
        assert_eq!(tool["user_location"]["city"], "Berlin", "{tool}");
        assert_eq!(upstream.items().count(), 1, "{}: {}", model.id, upstream.body());
    }
}

/// Signs in with a made-up key.
fn sign_in(real: &Real, key: &str) {
    let auth = format!("{{\"auth_mode\":\"apikey\",\"OPENAI_API_KEY\":\"{key}\"}}\n");
    std::fs::write(real.home.path().join(".codex/auth.json"), auth).unwrap();
}

fn key_of(real: &Real, n: u64) -> String {
    real.model.request(n).unwrap().header("authorization").unwrap().to_owned()
}

#[tokio::test]
async fn another_sign_in_is_used_from_the_next_turn_on_and_the_running_one_finishes() {
    for kind in [ThreadKind::Plain, ThreadKind::Agent] {
        let real = real_with(sample_model::codex_home::write_openai).await;
        sign_in(&real, "sk-first");
        let codex = if kind == ThreadKind::Plain { &real.codex } else { &real.agent };
        let mut running = codex.turn(real.request(kind, "[[words=2 hold=1]]")).await.unwrap();
        next_text(&mut running).await;
        sign_in(&real, "sk-second-one");
        real.run(real.request(kind, "[[words=1]]")).await.ended_well();
        assert!(real.model.wait_for(|event| matches!(event, Event::Held { .. }), LONG).await.is_some());
        real.model.release();
        hear(running).await.ended_well();
        assert_eq!(
            (key_of(&real, 0), key_of(&real, 1)),
            ("Bearer sk-first".into(), "Bearer sk-second-one".into())
        );
        codex.shutdown().await;
    }
}

#[tokio::test]
async fn a_logout_and_a_login_show_without_a_request() {
    let real = real_with(sample_model::codex_home::write_openai).await;
    let mut status = real.codex.status();
    real.codex.ready().await.unwrap();
    std::fs::remove_file(real.home.path().join(".codex/auth.json")).unwrap();
    let out = |status: &Status| matches!(status, Status::Failed(CodexError::NotSignedIn));
    assert!(timeout(LONG, status.wait_for(out)).await.unwrap().is_ok());
    let request = real.request(ThreadKind::Plain, "hi");
    assert!(matches!(real.codex.turn(request).await, Err(CodexError::NotSignedIn)));
    sign_in(&real, "sk-again");
    let ready = |status: &Status| matches!(status, Status::Ready(_));
    assert!(timeout(LONG, status.wait_for(ready)).await.unwrap().is_ok());
    real.ask("[[words=1]]").await.ended_well();
}

#[tokio::test]
async fn a_sign_in_that_is_refused_ends_the_turn_at_the_first_attempt() {
    let real = real().await;
    match real.ask("[[status=401]]").await.error() {
        CodexError::Turn(failure) => assert_eq!(failure.kind, FailureKind::Unauthorized),
        other => panic!("{other:?}"),
    }
    assert_eq!(real.model.requests().len(), 1);
    real.ask("[[words=1]]").await.ended_well();
}
