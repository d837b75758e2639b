//! Switched, missing, rejected and refreshed sign-ins, on the real codex.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use codex_client::{CodexError, Status, ThreadKind};
use sample_model::{Event, codex_home, not_under_wine};
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
async fn new_sign_in_is_used_from_the_next_turn_while_the_running_turn_finishes() {
    for kind in [ThreadKind::Plain, ThreadKind::Agent] {
        let real = real_with(codex_home::write_openai).await;
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
async fn logout_and_login_are_noticed_without_a_request() {
    let real = real_with(codex_home::write_openai).await;
    let mut status = real.codex.status();
    real.codex.ready().await.unwrap();
    std::fs::remove_file(real.home.path().join(".codex/auth.json")).unwrap();
    let signed_out = |status: &Status| matches!(status, Status::Failed(CodexError::NotSignedIn));
    assert!(timeout(TIMEOUT, status.wait_for(signed_out)).await.unwrap().is_ok());
    let request = real.request(ThreadKind::Plain, "hi");
    assert!(matches!(real.codex.turn(request).await, Err(CodexError::NotSignedIn)));
    sign_in(&real, "sk-again");
    let ready = |status: &Status| matches!(status, Status::Ready(_));
    assert!(timeout(TIMEOUT, status.wait_for(ready)).await.unwrap().is_ok());
    real.ask("[[words=1]]").await.expect_success();
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn rejected_sign_in_ends_the_turn_without_retries() {
    let real = real().await;
    match real.ask("[[status=401]]").await.error() {
        CodexError::ProviderKey { provider } => assert_eq!(provider.name, "mock"),
        other => panic!("{other:?}"),
    }
    assert_eq!(real.model.requests().len(), 1);
    real.ask("[[words=1]]").await.expect_success();
}

/// A fake login server that always returns these tokens. Returns its URL and a counter of its requests.
async fn login_server(tokens: Value) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/token", listener.local_addr().unwrap());
    let requests = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&requests);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = Vec::new();
            // Reads the entire request, whose body ends with a brace: otherwise a reset could cut off the response.
            while !request.ends_with(b"}") && stream.read_buf(&mut request).await.is_ok_and(|read| read > 0) {
            }
            count.fetch_add(1, Ordering::Relaxed);
            let body = tokens.to_string();
            let head =
                "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length";
            let _ = stream.write_all(format!("{head}: {}\r\n\r\n{body}", body.len()).as_bytes()).await;
        }
    });
    (url, requests)
}

/// A made-up token that expires in `seconds`.
fn token(seconds: i64, id: &str) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let openai = json!({"chatgpt_plan_type":"plus","chatgpt_account_id":"acc","chatgpt_user_id":"me"});
    let claims = json!({
        "email": "me@example.com", "exp": now.checked_add_signed(seconds).unwrap(), "jti": id,
        "https://api.openai.com/auth": openai,
    });
    let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}.{}", part(json!({"alg":"none","typ":"JWT"})), part(claims), URL_SAFE_NO_PAD.encode("sig"))
}

/// Writes a ChatGPT sign-in whose token has expired.
fn write_expired_sign_in(dir: &Path, base_url: &str) -> std::io::Result<()> {
    let config = format!("openai_base_url = \"{base_url}\"\nchatgpt_base_url = \"{base_url}/backend\"\n");
    codex_home::write_installation_id(dir)?;
    std::fs::write(dir.join("config.toml"), config)?;
    let old = token(-60, "old");
    let auth = json!({
        "auth_mode": "chatgpt", "last_refresh": "2020-01-01T00:00:00Z",
        "tokens": {"id_token": old, "access_token": old, "refresh_token": "first", "account_id": "acc"},
    });
    std::fs::write(dir.join("auth.json"), auth.to_string())
}

/// The login server's response.
fn refreshed(token: &str) -> Value {
    json!({"id_token": token, "access_token": token, "refresh_token": "second"})
}

/// Why the private home needs a symlink: with a hard link codex would fetch a token and lose it.
#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn codex_does_not_save_a_token_to_a_hard_link() {
    let (url, requests) = login_server(refreshed(&token(36_000, "fresh"))).await;
    let write = |dir: &Path, base_url: &str| {
        write_expired_sign_in(dir, base_url)?;
        std::fs::hard_link(dir.join("auth.json"), dir.join("second-name.json"))
    };
    let real = real_with_env(write, &[("CODEX_REFRESH_TOKEN_URL_OVERRIDE", &url)]).await;
    real.run(real.request(ThreadKind::Agent, "[[words=1]]")).await.expect_success();
    assert!(requests.load(Ordering::Relaxed) > 0);
    let auth = std::fs::read_to_string(real.home.path().join(".codex/auth.json")).unwrap();
    assert!(auth.contains("first") && !auth.contains("second"), "{auth}");
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn refreshed_token_reaches_both_homes() {
    not_under_wine!("Wine makes no symlinks");
    let fresh = token(36_000, "fresh");
    let (url, requests) = login_server(refreshed(&fresh)).await;
    let real = real_with_env(write_expired_sign_in, &[("CODEX_REFRESH_TOKEN_URL_OVERRIDE", &url)]).await;
    real.ask("[[words=1]]").await.expect_success();
    assert_eq!(key_of(&real, 0), format!("Bearer {fresh}"));
    let auth = std::fs::read_to_string(real.home.path().join(".codex/auth.json")).unwrap();
    assert!(auth.contains("second") && auth.contains(&fresh), "{auth}");
    let private = real.home.path().join("private/auth.json");
    assert!(std::fs::symlink_metadata(private).unwrap().is_symlink());
    real.run(real.request(ThreadKind::Agent, "[[words=1]]")).await.expect_success();
    assert_eq!(key_of(&real, 1), format!("Bearer {fresh}"));
    // Refreshed once for both, and not taken for a change of account.
    assert_eq!(requests.load(Ordering::Relaxed), 1);
    real.ask("[[words=1]]").await.expect_success();
    assert_eq!(key_of(&real, 2), format!("Bearer {fresh}"));
}
