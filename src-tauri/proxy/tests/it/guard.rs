//! Web pages: names that they rebind, origins, preflights.

use reqwest::Method;
use serde_json::Value;

use crate::support::{KEY, fake, prompt_body};

#[tokio::test]
async fn a_name_that_is_not_ours_learns_nothing() {
    let proxy = fake("").flags(|flags| flags.allow_host = vec!["my.lan".into()]).start().await;
    for path in ["/health", "/v1/models", "/openapi.json", "/docs", "/nope"] {
        let response = proxy.get(path).header("host", "evil.example").send().await.unwrap();
        assert_eq!(response.status(), 403, "{path}");
        let body: Value = response.json().await.unwrap();
        assert_eq!(body["error"]["code"], "host_not_allowed");
    }
    for host in ["localhost:1", "127.0.0.1", "host.docker.internal:8000", "my.lan"] {
        assert_eq!(
            proxy.get("/v1/models").header("host", host).send().await.unwrap().status(),
            200,
            "{host}"
        );
    }
}

#[tokio::test]
async fn no_page_is_let_in_by_default() {
    let proxy = fake("").start().await;
    let response = proxy.get("/v1/models").header("origin", "http://page.example").send().await.unwrap();
    assert!(!response.headers().contains_key("access-control-allow-origin"));
    let preflight = proxy
        .bare(Method::OPTIONS, "/v1/chat/completions")
        .header("origin", "http://page.example")
        .header("access-control-request-method", "POST");
    let response = preflight.send().await.unwrap();
    assert_eq!(response.status(), 403);
    assert!(!response.headers().contains_key("access-control-allow-origin"));
}

#[tokio::test]
async fn a_page_that_was_allowed_gets_its_preflight_without_a_key_and_its_answer_with_one() {
    let origin = "http://localhost:3000";
    let proxy = fake("").flags(|flags| flags.allow_origin = vec![origin.into()]).start().await;
    let preflight = proxy
        .bare(Method::OPTIONS, "/v1/chat/completions")
        .header("origin", origin)
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", "authorization,content-type");
    let response = preflight.send().await.unwrap();
    assert_eq!(response.status(), 204);
    assert_eq!(response.headers()["access-control-allow-origin"], origin);
    assert_eq!(response.headers()["access-control-allow-headers"], "authorization,content-type");
    let answer = proxy.get("/v1/models").header("origin", origin).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["access-control-allow-origin"], origin);
    // Errors too, or the page would only see that something failed.
    let refused = proxy.bare(Method::GET, "/v1/models").header("origin", origin).send().await.unwrap();
    assert_eq!(refused.status(), 401);
    assert_eq!(refused.headers()["access-control-allow-origin"], origin);
}

#[tokio::test]
async fn without_keys_a_page_of_another_origin_is_still_kept_out() {
    let proxy = fake("").flags(|flags| flags.no_auth = true).start().await;
    let chat = || proxy.bare(Method::POST, "/v1/chat/completions").json(&prompt_body("hi"));
    assert_eq!(chat().send().await.unwrap().status(), 200);
    assert_eq!(chat().header("origin", "http://page.example").send().await.unwrap().status(), 403);
    assert_eq!(chat().header("origin", "null").send().await.unwrap().status(), 403);
    // Our own /docs page.
    let own = format!("http://{}", proxy.address);
    assert_eq!(chat().header("origin", own).send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn a_key_that_is_made_while_the_proxy_runs_works_until_it_is_revoked() {
    let proxy = fake("").start().await;
    let keys = proxy::keys::KeyFile::in_folder(&proxy.folder.path().join("data"));
    let (key, entry) = keys.create("laptop", 1).unwrap();
    let status = async |key: &str| {
        proxy.bare(Method::GET, "/v1/models").bearer_auth(key).send().await.unwrap().status().as_u16()
    };
    assert_eq!(status(key.reveal()).await, 200);
    keys.revoke(&entry.id).unwrap();
    assert_eq!(status(key.reveal()).await, 401);
    // A damaged file does not shut out the keys that came otherwise.
    std::fs::write(proxy.folder.path().join("data/keys.json"), "{").unwrap();
    assert_eq!(status(KEY).await, 200);
    assert_eq!(status(key.reveal()).await, 503);
}
