//! Errors name their cause: codex's configuration, its refusals, and a provider that is this proxy.

use reqwest::Response;
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};

use crate::support::{TestProxy, fake, real};

/// Replaces the user's configuration of codex.
fn configure(proxy: &TestProxy, base_url: &str, top: &str, provider: &str, tables: &str) {
    let home = proxy.folder.path().join(".codex");
    sample_model::codex_home::write(&home, base_url).unwrap();
    let config = std::fs::read_to_string(home.join("config.toml")).unwrap();
    let config = config.replace("wire_api", &format!("{provider}\nwire_api"));
    std::fs::write(home.join("config.toml"), format!("{top}\n{config}\n{tables}\n")).unwrap();
}

fn body(model: &str, prompt: &str) -> Value {
    json!({"model": model, "messages": [{"role": "user", "content": prompt}]})
}

/// The message of an error, which is not worth an automatic retry.
async fn lasting(response: Response, status: u16, code: &str) -> String {
    let retry = response.headers().get("x-should-retry").cloned();
    let got = response.status();
    let error: Value = response.json().await.unwrap();
    assert_eq!((got.as_u16(), error["error"]["code"].as_str()), (status, Some(code)), "{error}");
    assert!(status < 500 || retry.is_some_and(|retry| retry == "false"), "{error}");
    error["error"]["message"].as_str().unwrap().to_owned()
}

async fn health(proxy: &TestProxy) -> Value {
    proxy.get("/health").send().await.unwrap().json().await.unwrap()
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn invalid_configuration_is_reported_in_the_answer_and_in_health_on_every_route() {
    let proxy = real().start().await;
    let model = proxy.model.base_url();
    configure(&proxy, &model, "sandbox_mode = \"yolo\"", "", "[mcp_servers.a]\ncommand = \"x\"");
    let prompt = "[[words=1]]";
    for (path, mut body) in [
        ("/v1/chat/completions", body("codex-local", prompt)),
        ("/v1/completions", json!({"model": "codex-local", "prompt": prompt})),
        ("/v1/responses", json!({"model": "codex-local", "input": prompt})),
    ] {
        for stream in [false, true] {
            body["stream"] = stream.into();
            let message = lasting(proxy.post(path, &body).await, 503, "codex_unavailable").await;
            assert!(message.contains("config.toml, line 1: unknown variant `yolo`"), "{path}: {message}");
            assert!(!message.contains(&*proxy.folder.path().to_string_lossy()), "{message}");
        }
    }
    // Only codex-local has this part of the configuration.
    assert_eq!(proxy.chat(&body("gpt-5.5", prompt)).await.status(), 200);
    let health = health(&proxy).await;
    assert_eq!(health["codex"]["state"], "ready", "{health}");
    let message = health["codex"]["message"].as_str().unwrap();
    assert!(message.contains("config.toml, line 1") && message.contains("Correct it"), "{health}");
}

#[tokio::test]
async fn refusal_of_codex_is_reported_in_the_answer_and_in_health() {
    for (refusal, expected) in [
        (
            "failed to load configuration: `approval_policy` cannot be used because requirements do not allow it (set by /etc/codex/requirements.toml)",
            "requirements do not allow it (set by requirements.toml)",
        ),
        (
            "error creating thread: Fatal error: required MCP servers failed to initialize: mine: /home/me/bin/mine: No such file",
            "required MCP servers failed to initialize: mine: mine: No such file",
        ),
    ] {
        let proxy = fake(&format!("refuse-threads={}", json!(refusal))).start().await;
        for model in ["codex-local", "gpt-5.5"] {
            let response = proxy.chat(&body(model, "hi")).await;
            let message = lasting(response, 503, "codex_unavailable").await;
            assert!(
                message.contains(expected) && !message.contains("/etc") && !message.contains("/home"),
                "{message}"
            );
        }
        let health = health(&proxy).await;
        assert!(health["codex"]["message"].as_str().unwrap().contains(expected), "{health}");
    }
}

#[tokio::test]
async fn tool_that_codex_refuses_is_a_400_that_names_the_tools() {
    let refusal = "dynamic tool input schema is not supported for f: invalid type: map, expected a string";
    let proxy = fake(&format!("refuse-threads={}", json!(refusal))).start().await;
    let response = proxy.chat(&body("gpt-5.5", "hi")).await;
    assert_eq!(response.status(), 400);
    let error: Value = response.json().await.unwrap();
    assert_eq!(error["error"]["param"], "tools", "{error}");
    assert!(error["error"]["message"].as_str().unwrap().contains("not supported for f"), "{error}");
    assert!(health(&proxy).await["codex"]["message"].is_null());
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn error_of_the_users_own_provider_names_its_key_and_never_codexs_sign_in() {
    for (prompt, env_key) in [("[[status=401]]", false), ("[[status=403]]", false), ("[[words=1]]", true)] {
        let proxy = real().start().await;
        let provider = if env_key { "env_key = \"MY_KEY\"" } else { "request_max_retries = 0" };
        configure(&proxy, &proxy.model.base_url(), "", provider, "");
        for model in ["codex-local", "gpt-5.5"] {
            let response = proxy.chat(&body(model, prompt)).await;
            let message = lasting(response, 503, "provider_unauthorized").await;
            assert!(message.contains("mock") && !message.contains("codex login"), "{message}");
            assert_eq!(message.contains("MY_KEY"), env_key, "{message}");
        }
    }
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn proxy_as_codexs_own_provider_is_reported_at_once_and_takes_no_turn() {
    for host in ["127.0.0.1", "localhost", "127.1", "[::ffff:127.0.0.1]"] {
        let proxy = real().start().await;
        let port = proxy.address.rsplit(':').next().unwrap();
        configure(&proxy, &format!("http://{host}:{port}/v1"), "", "request_max_retries = 0", "");
        for model in ["gpt-5.5", "codex-local"] {
            let response = proxy.chat(&body(model, "hi")).await;
            let message = lasting(response, 503, "codex_unavailable").await;
            assert!(
                message.contains("its own provider") && message.contains("base_url"),
                "{host}: {message}"
            );
        }
        let health = health(&proxy).await;
        assert!(health["codex"]["message"].as_str().unwrap().contains("its own provider"), "{health}");
        assert!(proxy.model.requests().is_empty());
    }
}

/// Forwards connections to `address`, as a reverse proxy or a tunnel does.
async fn forwarder(address: String) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let own = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let address = address.clone();
            tokio::spawn(async move {
                let mut proxy = TcpStream::connect(address).await.unwrap();
                let _ = tokio::io::copy_bidirectional(&mut stream, &mut proxy).await;
            });
        }
    });
    own
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn request_of_our_own_codex_ends_its_turn_however_it_arrives() {
    let proxy = real().start().await;
    let tunnel = forwarder(proxy.address.clone()).await;
    configure(&proxy, &format!("http://{tunnel}/v1"), "", "", "");
    for model in ["gpt-5.5", "codex-local"] {
        let bodies: Vec<Value> = (0..8).map(|_| body(model, "hi")).collect();
        let responses = futures_util::future::join_all(bodies.iter().map(|body| proxy.chat(body))).await;
        for response in responses {
            let message = lasting(response, 503, "codex_unavailable").await;
            assert!(message.contains("its own provider"), "{message}");
        }
    }
    let mut turns = proxy.turns.clone();
    let idle = turns.wait_for(|turns| (turns.running, turns.waiting) == (0, 0));
    tokio::time::timeout(crate::support::TIMEOUT, idle).await.unwrap().unwrap();
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn working_folder_that_is_gone_stops_codex_local_only() {
    let proxy = real().settings(|settings| settings.workspace = Some("work".into())).start().await;
    std::fs::remove_dir_all(proxy.folder.path().join("work")).unwrap();
    assert_eq!(proxy.chat(&body("gpt-5.5", "[[words=1]]")).await.status(), 200);
    let response = proxy.chat(&body("codex-local", "[[words=1]]")).await;
    let message = lasting(response, 503, "workspace_unavailable").await;
    assert!(message.contains("does not exist"), "{message}");
    std::fs::create_dir(proxy.folder.path().join("work")).unwrap();
    assert_eq!(proxy.chat(&body("codex-local", "[[words=1]]")).await.status(), 200);
}
