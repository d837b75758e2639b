//! The two kinds of model, each with a separate codex process.

use serde_json::json;

use crate::support::{fake, real};

#[tokio::test]
async fn plain_chat_does_not_start_the_agents_codex() {
    let proxy = fake("pid-file={folder}/pids").start().await;
    let pids =
        || std::fs::read_to_string(proxy.folder.path().join("pids")).unwrap_or_default().lines().count();
    proxy.ask("hi").await;
    proxy.ask("hi").await;
    assert_eq!(pids(), 1);
    let agent = json!({"model":"codex-local","messages":[{"role":"user","content":"hi"}]});
    assert_eq!(proxy.chat(&agent).await.status(), 200);
    assert_eq!(pids(), 2);
}

#[tokio::test]
async fn codex_local_does_not_start_codex_for_plain_models() {
    let proxy = fake("pid-file={folder}/pids").start().await;
    let agent = json!({"model":"codex-local","messages":[{"role":"user","content":"hi"}]});
    assert_eq!(proxy.chat(&agent).await.status(), 200);
    assert_eq!(std::fs::read_to_string(proxy.folder.path().join("pids")).unwrap().lines().count(), 1);
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn hanging_mcp_server_and_agents_md_do_not_affect_a_plain_chat() {
    let proxy = real().start().await;
    let home = proxy.folder.path().join(".codex");
    let config = std::fs::read_to_string(home.join("config.toml")).unwrap();
    let hangs = "\n[mcp_servers.hangs]\ncommand = \"sleep\"\nargs = [\"60\"]\nstartup_timeout_sec = 60\n";
    std::fs::write(home.join("config.toml"), format!("{config}{hangs}")).unwrap();
    std::fs::write(home.join("AGENTS.md"), "HOSTILE").unwrap();
    assert_eq!(proxy.ask("[[words=1]]").await.status(), 200);
    let upstream = proxy.model.request(0).unwrap();
    assert!(upstream.tools().is_empty(), "{:?}", upstream.tools());
    assert_eq!(upstream.items().count(), 2, "{}", upstream.body());
    assert!(!upstream.body().to_string().contains("HOSTILE"), "{}", upstream.body());
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn web_search_is_enabled_only_for_the_chat_that_requests_it() {
    let proxy = real().start().await;
    let options = json!({"search_context_size":"high","user_location":{"type":"approximate","approximate":{"country":"DE"}}});
    let mut body = json!({"model":"gpt-5.5","messages":[{"role":"user","content":"[[words=1]]"}],"web_search_options":options});
    assert_eq!(proxy.chat(&body).await.status(), 200);
    let tool = proxy.model.request(0).unwrap().body()["tools"][0].clone();
    assert_eq!((&tool["type"], &tool["search_context_size"]), (&json!("web_search"), &json!("high")));
    assert_eq!(tool["user_location"]["country"], "DE");
    assert_eq!(proxy.ask("[[words=1]]").await.status(), 200);
    assert!(proxy.model.request(1).unwrap().tools().is_empty());
    body["web_search_options"]["search_context_size"] = "huge".into();
    let refused = proxy.chat(&body).await;
    assert_eq!(refused.status(), 400);
    let error: serde_json::Value = refused.json().await.unwrap();
    assert_eq!(error["error"]["param"], "web_search_options.search_context_size");
}
