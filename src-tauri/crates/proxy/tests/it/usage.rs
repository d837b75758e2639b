//! The account's usage limits as clients see them, with the real codex and a sign-in to the sample model.

use reqwest::Method;
use reqwest::header::HeaderMap;
use serde_json::{Value, json};

use crate::support::{TestProxy, eventually, fake, prompt_body, real};

const REACHED: &str = "[[status=429 type=usage_limit_reached limits=100,300,3600]]";

async fn usage(proxy: &TestProxy) -> Value {
    let response = proxy.get("/v1/usage").send().await.unwrap();
    assert_eq!(response.status(), 200);
    response.json().await.unwrap()
}

/// The headers about limits, without the times.
fn limit_headers(headers: &HeaderMap) -> Vec<(String, String)> {
    let mut found: Vec<_> = headers
        .iter()
        .filter_map(|(name, value)| {
            let name = name.as_str().strip_prefix("x-codex-proxy-limit-")?;
            Some((name.to_owned(), value.to_str().unwrap().to_owned()))
        })
        .filter(|(name, _)| !name.ends_with("-resets-at"))
        .collect();
    found.sort();
    found
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn usage_lists_the_windows_with_what_is_left_and_needs_a_key() {
    let proxy = real().signed_in().start().await;
    let report = usage(&proxy).await;
    assert_eq!(
        (&report["object"], &report["plan"], &report["allowed"]),
        (&"usage".into(), &"plus".into(), &true.into())
    );
    assert_eq!((&report["limit_reached"], &report["resets_at"]), (&false.into(), &Value::Null));
    let limits = report["limits"].as_array().unwrap();
    let of = |index: usize| {
        let limit = &limits[index];
        json!([limit["name"], limit["window_minutes"], limit["used_percent"], limit["remaining_percent"]])
    };
    assert_eq!(
        (limits.len(), of(0), of(1)),
        (2, json!(["5 hours", 300, 12, 88]), json!(["Week", 10080, 38, 62]))
    );
    assert!(limits[0]["resets_at"].is_u64(), "{report}");
    assert_eq!(proxy.anonymous(Method::GET, "/v1/usage").send().await.unwrap().status(), 401);
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn a_reached_limit_is_in_usage_health_metrics_and_headers() {
    let proxy = real().signed_in().start().await;
    let refused = proxy.ask(REACHED).await;
    assert_eq!(refused.status(), 429);
    let headers = limit_headers(refused.headers());
    assert!(headers.contains(&("reached".to_owned(), "true".to_owned())), "{headers:?}");
    let health: Value = proxy.get("/health").send().await.unwrap().json().await.unwrap();
    assert_eq!((&health["level"], &health["title"]), (&"blocked".into(), &"Usage limit reached".into()));
    let known = proxy.handle.codex().usage_limits().watch();
    let refused = || known.borrow().as_ref().is_some_and(|known| known.ordinary_usage_allowed == Some(false));
    eventually("upstream's permission is read again", refused).await;
    let report = usage(&proxy).await;
    assert_eq!(report["limit_reached"], true);
    assert_eq!(report["resets_at"], report["limits"][0]["resets_at"]);
    let metrics = proxy.anonymous(Method::GET, "/metrics").send().await.unwrap().text().await.unwrap();
    for line in [
        "limit_used_percent{window_minutes=\"300\"} 100",
        "limit_used_percent{window_minutes=\"10080\"} 38",
        "limit_reached 1",
    ] {
        assert!(metrics.contains(&format!("\ncodex_proxy_{line}\n")), "{line} in\n{metrics}");
    }
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn answers_report_the_limits_in_headers_streamed_or_not_unless_turned_off() {
    let proxy = real().signed_in().start().await;
    // The first one starts codex.
    usage(&proxy).await;
    let known = pairs(&[("5h-used-percent", "12"), ("reached", "false"), ("week-used-percent", "38")]);
    let whole = proxy.ask("[[words=1]]").await;
    assert_eq!((whole.status().as_u16(), limit_headers(whole.headers())), (200, known.clone()));
    let mut body = prompt_body("[[words=1]]");
    body["stream"] = true.into();
    assert_eq!(limit_headers(proxy.chat(&body).await.headers()), known);
    let response = json!({"model": "gpt-5.5", "input": "[[words=1]]"});
    assert_eq!(limit_headers(proxy.post("/v1/responses", &response).await.headers()), known);
    assert_eq!(limit_headers(proxy.get("/v1/models").send().await.unwrap().headers()), []);

    let off = real().signed_in().settings(|settings| settings.usage_headers = false).start().await;
    usage(&off).await;
    assert_eq!(limit_headers(off.ask("[[words=1]]").await.headers()), []);
}

#[tokio::test]
async fn an_account_without_limits_has_an_empty_report_and_no_headers() {
    let proxy = fake("").start().await;
    let report = usage(&proxy).await;
    assert_eq!(
        (&report["limits"], &report["allowed"], &report["limit_reached"]),
        (&json!([]), &Value::Null, &false.into())
    );
    assert_eq!(limit_headers(proxy.ask("hi").await.headers()), []);
    let metrics = proxy.anonymous(Method::GET, "/metrics").send().await.unwrap().text().await.unwrap();
    assert!(!metrics.contains("codex_proxy_limit"), "{metrics}");
}
