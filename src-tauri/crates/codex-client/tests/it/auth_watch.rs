//! Another sign-in, none, one that is refused, and one that is refreshed, on the real codex.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use codex_client::{CodexError, FailureKind, Status, ThreadKind};
use sample_model::Event;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::time::timeout;

use crate::support::{Real, TIMEOUT, collect, next_text, real, real_with, real_with_env};

/// Signs in with a made-up key.
fn sign_in(real: &Real, key: &str) {
    let auth = format!("{{\"auth_mode\":\"apikey\",\"OPENAI_API_KEY\":\"{key}\"}}\n");
    std::fs::write(real.home.path().join(".codex/auth.json"), auth).unwrap();
}

fn key_of(real: &Real, n: u64) -> String {
    real.model.request(n).unwrap().header("authorization").unwrap().to_owned()
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn another_sign_in_is_used_from_the_next_turn_on_and_the_running_one_finishes() {
    for kind in [ThreadKind::Plain, ThreadKind::Agent] {
        let real = real_with(sample_model::codex_home::write_openai).await;
        sign_in(&real, "sk-first");
        let codex = if kind == ThreadKind::Plain { &real.codex } else { &real.agent };
        let mut running = codex.turn(real.request(kind, "[[words=2 hold=1]]")).await.unwrap();
        next_text(&mut running).await;
        sign_in(&real, "sk-second-one");
        real.run(real.request(kind, "[[words=1]]")).await.expect_success();
        assert!(real.model.wait_for(|event| matches!(event, Event::Held { .. }), TIMEOUT).await.is_some());
        real.model.release();
        collect(running).await.expect_success();
        assert_eq!(
            (key_of(&real, 0), key_of(&real, 1)),
            ("Bearer sk-first".into(), "Bearer sk-second-one".into())
        );
        codex.shutdown().await;
    }
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn a_logout_and_a_login_show_without_a_request() {
    let real = real_with(sample_model::codex_home::write_openai).await;
    let mut status = real.codex.status();
    real.codex.ready().await.unwrap();
    std::fs::remove_file(real.home.path().join(".codex/auth.json")).unwrap();
    let out = |status: &Status| matches!(status, Status::Failed(CodexError::NotSignedIn));
    assert!(timeout(TIMEOUT, status.wait_for(out)).await.unwrap().is_ok());
    let request = real.request(ThreadKind::Plain, "hi");
    assert!(matches!(real.codex.turn(request).await, Err(CodexError::NotSignedIn)));
    sign_in(&real, "sk-again");
    let ready = |status: &Status| matches!(status, Status::Ready(_));
    assert!(timeout(TIMEOUT, status.wait_for(ready)).await.unwrap().is_ok());
    real.ask("[[words=1]]").await.expect_success();
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn a_sign_in_that_is_refused_ends_the_turn_at_the_first_attempt() {
    let real = real().await;
    match real.ask("[[status=401]]").await.error() {
        CodexError::Turn(failure) => assert_eq!(failure.kind, FailureKind::Unauthorized),
        other => panic!("{other:?}"),
    }
    assert_eq!(real.model.requests().len(), 1);
    real.ask("[[words=1]]").await.expect_success();
}

/// A stand-in for the login server, which gives everybody these tokens.
async fn login_server(tokens: Value) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/token", listener.local_addr().unwrap());
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = Vec::new();
            // The whole of it, so that the answer is not cut off by a reset: its body ends with the object's brace.
            while !request.ends_with(b"}") && stream.read_buf(&mut request).await.is_ok_and(|read| read > 0) {
            }
            count.fetch_add(1, Ordering::Relaxed);
            let body = tokens.to_string();
            let head =
                "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length";
            let _ = stream.write_all(format!("{head}: {}\r\n\r\n{body}", body.len()).as_bytes()).await;
        }
    });
    (url, asked)
}

/// A token of nobody's that ends so many seconds from now.
fn token(seconds: i64, mark: &str) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let openai = json!({"chatgpt_plan_type":"plus","chatgpt_account_id":"acc","chatgpt_user_id":"me"});
    let claims = json!({
        "email": "me@example.com", "exp": now.checked_add_signed(seconds).unwrap(), "jti": mark,
        "https://api.openai.com/auth": openai,
    });
    let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}.{}", part(json!({"alg":"none","typ":"JWT"})), part(claims), URL_SAFE_NO_PAD.encode("sig"))
}

/// A ChatGPT sign-in whose token has run out.
fn signed_in_long_ago(dir: &Path, base_url: &str) -> std::io::Result<()> {
    let config = format!("openai_base_url = \"{base_url}\"\nchatgpt_base_url = \"{base_url}/backend\"\n");
    std::fs::write(dir.join("config.toml"), config)?;
    let old = token(-60, "old");
    let auth = json!({
        "auth_mode": "chatgpt", "last_refresh": "2020-01-01T00:00:00Z",
        "tokens": {"id_token": old, "access_token": old, "refresh_token": "first", "account_id": "acc"},
    });
    std::fs::write(dir.join("auth.json"), auth.to_string())
}

/// What the login server gives out.
fn renewed(token: &str) -> Value {
    json!({"id_token": token, "access_token": token, "refresh_token": "second"})
}

/// Why the private home has no hard link where it cannot have a symlink: codex would fetch a token and lose it.
#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn codex_does_not_save_a_token_in_a_file_with_two_names() {
    let (url, asked) = login_server(renewed(&token(36_000, "fresh"))).await;
    let write = |dir: &Path, base_url: &str| {
        signed_in_long_ago(dir, base_url)?;
        std::fs::hard_link(dir.join("auth.json"), dir.join("second-name.json"))
    };
    let real = real_with_env(write, &[("CODEX_REFRESH_TOKEN_URL_OVERRIDE", &url)]).await;
    real.run(real.request(ThreadKind::Agent, "[[words=1]]")).await.expect_success();
    assert!(asked.load(Ordering::Relaxed) > 0);
    let users = std::fs::read_to_string(real.home.path().join(".codex/auth.json")).unwrap();
    assert!(users.contains("first") && !users.contains("second"), "{users}");
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn a_refreshed_token_is_in_both_homes() {
    let fresh = token(36_000, "fresh");
    let (url, asked) = login_server(renewed(&fresh)).await;
    let real = real_with_env(signed_in_long_ago, &[("CODEX_REFRESH_TOKEN_URL_OVERRIDE", &url)]).await;
    real.ask("[[words=1]]").await.expect_success();
    assert_eq!(key_of(&real, 0), format!("Bearer {fresh}"));
    let users = std::fs::read_to_string(real.home.path().join(".codex/auth.json")).unwrap();
    assert!(users.contains("second") && users.contains(&fresh), "{users}");
    let private = real.home.path().join("private/auth.json");
    assert!(std::fs::symlink_metadata(private).unwrap().is_symlink());
    real.run(real.request(ThreadKind::Agent, "[[words=1]]")).await.expect_success();
    assert_eq!(key_of(&real, 1), format!("Bearer {fresh}"));
    // Once for both, and it is no change of the account.
    assert_eq!(asked.load(Ordering::Relaxed), 1);
    real.ask("[[words=1]]").await.expect_success();
    assert_eq!(key_of(&real, 2), format!("Bearer {fresh}"));
}
