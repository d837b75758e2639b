//! Protection against web pages: DNS rebinding, origins, preflights.

use reqwest::Method;
use serde_json::Value;

use crate::support::{KEY, fake, prompt_body};

#[tokio::test]
async fn unknown_host_names_are_rejected() {
    let proxy = fake("").settings(|settings| settings.allowed_hosts = vec!["my.lan".into()]).start().await;
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
async fn web_pages_are_not_allowed_by_default() {
    let proxy = fake("").start().await;
    let response = proxy.get("/v1/models").header("origin", "http://page.example").send().await.unwrap();
    assert!(!response.headers().contains_key("access-control-allow-origin"));
    let preflight = proxy
        .anonymous(Method::OPTIONS, "/v1/chat/completions")
        .header("origin", "http://page.example")
        .header("access-control-request-method", "POST");
    let response = preflight.send().await.unwrap();
    assert_eq!(response.status(), 403);
    assert!(!response.headers().contains_key("access-control-allow-origin"));
}

#[tokio::test]
async fn allowed_page_gets_its_preflight_without_a_key_and_responses_with_one() {
    let origin = "http://localhost:3000";
    let proxy = fake("").settings(|settings| settings.allowed_origins = vec![origin.into()]).start().await;
    let preflight = proxy
        .anonymous(Method::OPTIONS, "/v1/chat/completions")
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
    let refused = proxy.anonymous(Method::GET, "/v1/models").header("origin", origin).send().await.unwrap();
    assert_eq!(refused.status(), 401);
    assert_eq!(refused.headers()["access-control-allow-origin"], origin);
}

#[tokio::test]
async fn any_page_is_allowed_by_the_wildcard_where_a_key_is_checked() {
    let proxy = fake("").settings(|settings| settings.allowed_origins = vec!["*".into()]).start().await;
    for origin in ["https://page.example", "null"] {
        let answer = proxy.get("/v1/models").header("origin", origin).send().await.unwrap();
        assert_eq!(
            (answer.status().as_u16(), &answer.headers()["access-control-allow-origin"]),
            (200, &origin.parse().unwrap())
        );
        let without_key = proxy.anonymous(Method::GET, "/v1/models").header("origin", origin);
        assert_eq!(without_key.send().await.unwrap().status(), 401);
        let metrics = proxy.anonymous(Method::GET, "/metrics").header("origin", origin);
        assert_eq!(metrics.send().await.unwrap().status(), 403);
    }
}

#[tokio::test]
async fn cross_origin_pages_are_rejected_even_without_authentication() {
    let proxy = fake("").settings(|settings| settings.keys_needed = false).start().await;
    let chat = || proxy.anonymous(Method::POST, "/v1/chat/completions").json(&prompt_body("hi"));
    assert_eq!(chat().send().await.unwrap().status(), 200);
    assert_eq!(chat().header("origin", "http://page.example").send().await.unwrap().status(), 403);
    assert_eq!(chat().header("origin", "null").send().await.unwrap().status(), 403);
    // Our own /docs page.
    let own = format!("http://{}", proxy.address);
    assert_eq!(chat().header("origin", own).send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn key_created_at_runtime_works_until_it_is_revoked() {
    let proxy = fake("").start().await;
    let keys = proxy::KeyFile::in_folder(&proxy.folder.path().join("data"));
    let (key, entry) = keys.create("laptop", 1).unwrap();
    let status = async |key: &str| {
        proxy.anonymous(Method::GET, "/v1/models").bearer_auth(key).send().await.unwrap().status().as_u16()
    };
    assert_eq!(status(key.reveal()).await, 200);
    keys.revoke(&entry.id).unwrap();
    assert_eq!(status(key.reveal()).await, 401);
    // A damaged key file does not affect the other keys.
    std::fs::write(proxy.folder.path().join("data/keys.json"), "{").unwrap();
    assert_eq!(status(KEY).await, 200);
    assert_eq!(status(key.reveal()).await, 503);
}

#[tokio::test]
async fn cross_site_forms_are_rejected_with_and_without_authentication() {
    let chat = prompt_body("hi").to_string();
    for no_auth in [false, true] {
        let proxy = fake("").settings(|settings| settings.keys_needed = !no_auth).start().await;
        for route in
            ["/v1/chat/completions", "/v1/responses", "/v1/completions", "/v1/responses/resp_1/cancel"]
        {
            for kind in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"]
            {
                for origin in
                    ["http://page.example", "null", "http://localhost.page.example", "https://127.0.0.1"]
                {
                    let form = proxy
                        .anonymous(Method::POST, route)
                        .header("content-type", kind)
                        .header("origin", origin);
                    let form =
                        form.header("sec-fetch-site", "cross-site").header("cookie", format!("key={KEY}"));
                    let response = form.body(chat.clone()).send().await.unwrap();
                    assert_eq!(response.status(), if no_auth { 403 } else { 401 }, "{route} {kind} {origin}");
                    assert!(!response.headers().contains_key("access-control-allow-origin"));
                }
                // Even a page with the key must send JSON, which requires a preflight.
                let form = proxy.anonymous(Method::POST, route).header("content-type", kind).bearer_auth(KEY);
                let status = form.body(chat.clone()).send().await.unwrap().status();
                assert!(status == 415 || route.ends_with("cancel"), "{route} {kind}: {status}");
            }
        }
        let began = |event: &sample_model::Event| matches!(event, sample_model::Event::Request { .. });
        assert!(proxy.model.wait_for(began, std::time::Duration::ZERO).await.is_none());
    }
}

#[tokio::test]
async fn cross_site_loads_without_an_origin_are_rejected_if_no_key_is_required() {
    let proxy = fake("").settings(|settings| settings.keys_needed = false).start().await;
    for (site, status) in [("cross-site", 403), ("same-site", 403), ("same-origin", 200), ("none", 200)] {
        let request = proxy.anonymous(Method::GET, "/v1/models").header("sec-fetch-site", site);
        assert_eq!(request.send().await.unwrap().status(), status, "{site}");
        // A link to the documentation is harmless.
        let link = proxy.anonymous(Method::GET, "/docs").header("sec-fetch-site", site);
        assert_eq!(link.send().await.unwrap().status(), 200, "{site}");
    }
    // With authentication the key decides.
    let proxy = fake("").start().await;
    let request = proxy.get("/v1/models").header("sec-fetch-site", "cross-site");
    assert_eq!(request.send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn preflights_of_other_pages_are_rejected() {
    let listed = "http://localhost:3000";
    let proxy = fake("").settings(|settings| settings.allowed_origins = vec![listed.into()]).start().await;
    let origins = [
        "null",
        "*",
        "http://localhost:30000",
        "http://localhost",
        "https://localhost:3000",
        "http://localhost:3000.page.example",
        "",
    ];
    for origin in origins {
        for path in ["/v1/chat/completions", "/health", "/nope"] {
            let preflight = proxy.anonymous(Method::OPTIONS, path).header("origin", origin);
            let preflight = preflight
                .header("access-control-request-method", "POST")
                .header("access-control-request-headers", "authorization")
                .header("access-control-request-private-network", "true");
            let response = preflight.send().await.unwrap();
            assert_eq!(response.status(), 403, "{origin} {path}");
            let allows =
                |name: &reqwest::header::HeaderName| name.as_str().starts_with("access-control-allow");
            assert!(!response.headers().keys().any(allows), "{origin} {path}");
        }
    }
}

#[tokio::test]
async fn wrong_keys_are_rejected_immediately_and_do_not_block_the_correct_one() {
    let proxy = fake("").start().await;
    let ask = |key: &str| proxy.anonymous(Method::GET, "/v1/models").bearer_auth(key).send();
    let guesses = futures_util::future::join_all((0..60).map(|_| ask("sk-another-guess")));
    let right = async {
        for _ in 0..20 {
            assert_eq!(ask(KEY).await.unwrap().status(), 200);
        }
    };
    let (answers, ()) = tokio::join!(guesses, right);
    assert!(answers.into_iter().all(|answer| answer.unwrap().status() == 401));
}
