//! `GET /metrics` as a scraper reads it.

use reqwest::Method;
use serde_json::json;

use crate::support::{KEY, TestProxy, eventually, fake, prompt_body, real};

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0";

async fn scrape(proxy: &TestProxy) -> String {
    let response = proxy.anonymous(Method::GET, "/metrics").send().await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["content-type"], "text/plain; version=0.0.4; charset=utf-8");
    response.text().await.unwrap()
}

/// The value of a series, which must occur at most once.
fn value(text: &str, series: &str) -> Option<f64> {
    let mut found = text.lines().filter_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    let value = found.next().map(|value| value.parse().unwrap());
    assert_eq!(found.next(), None, "{series} twice");
    value
}

/// Asserts the values of these series.
fn assert_values(text: &str, expected: &[(&str, f64)]) {
    for (series, expected) in expected {
        assert_eq!(value(text, &format!("codex_proxy_{series}")), Some(*expected), "{series} in\n{text}");
    }
}

/// Asserts that every sample is declared, as the classic format requires.
fn assert_declared(text: &str) {
    let declared: Vec<(&str, &str)> = text
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '))
        .inspect(|(name, kind)| assert_eq!(*kind == "counter", name.ends_with("_total"), "{name}"))
        .collect();
    for sample in text.lines().filter(|line| !line.starts_with('#')) {
        let name = sample.split(['{', ' ']).next().unwrap();
        let is_declared = |(declared, kind): &(&str, &str)| match *kind {
            "histogram" => {
                ["_bucket", "_sum", "_count"].iter().any(|part| name == format!("{declared}{part}"))
            }
            _ => name == *declared,
        };
        assert!(declared.iter().any(is_declared), "{sample}");
    }
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn requests_are_counted_by_endpoint_model_and_status() {
    let proxy = real().start().await;
    assert_eq!(proxy.ask("[[words=2 usage=100,40,20,5]]").await.status(), 200);
    let agent = json!({"model":"codex-local","messages":[{"role":"user","content":"[[words=1]]"}]});
    assert_eq!(proxy.chat(&agent).await.status(), 200);
    assert_eq!(proxy.chat(&json!({"model":"gpt-5.5"})).await.status(), 400);
    assert_eq!(proxy.anonymous(Method::GET, "/v1/models").send().await.unwrap().status(), 401);
    let text = scrape(&proxy).await;
    assert_declared(&text);
    assert_values(
        &text,
        &[
            ("requests_total{endpoint=\"/v1/chat/completions\",model=\"plain\",status=\"2xx\"}", 1.0),
            ("requests_total{endpoint=\"/v1/chat/completions\",model=\"agent\",status=\"2xx\"}", 1.0),
            ("requests_total{endpoint=\"/v1/chat/completions\",model=\"none\",status=\"4xx\"}", 1.0),
            ("requests_total{endpoint=\"/v1/models\",model=\"none\",status=\"4xx\"}", 1.0),
            ("turns_total{model=\"plain\",outcome=\"done\"}", 1.0),
            ("turns_total{model=\"agent\",outcome=\"done\"}", 1.0),
            ("turns_running", 0.0),
            ("turns_waiting", 0.0),
            ("first_token_seconds_count{model=\"plain\"}", 1.0),
            ("first_token_own_seconds_count{model=\"plain\"}", 1.0),
            ("turn_seconds_count{model=\"plain\"}", 1.0),
            ("deltas_total{model=\"plain\"}", 2.0),
            ("tokens_total{model=\"plain\",kind=\"input\"}", 100.0),
            ("tokens_total{model=\"plain\",kind=\"cached\"}", 40.0),
            ("tokens_total{model=\"plain\",kind=\"output\"}", 20.0),
            ("tokens_total{model=\"plain\",kind=\"reasoning\"}", 5.0),
            ("codex_starts_total{model=\"plain\"}", 1.0),
            ("codex_starts_total{model=\"agent\"}", 1.0),
            ("codex_start_failures_total{model=\"plain\"}", 0.0),
            ("codex_state{model=\"plain\",state=\"ready\"}", 1.0),
            ("codex_state{model=\"plain\",state=\"idle\"}", 0.0),
            (concat!("build_info{version=\"", env!("CARGO_PKG_VERSION"), "\"}"), 1.0),
        ],
    );
    assert!(text.contains("codex_proxy_codex_info{model=\"plain\",version=\"0."), "{text}");
    assert!(value(&text, "codex_proxy_uptime_seconds").is_some());
    #[cfg(target_os = "linux")]
    assert!(value(&text, "process_resident_memory_bytes").unwrap() > 1_000_000.0);
    let own = value(&text, "codex_proxy_first_token_own_seconds_sum{model=\"plain\"}").unwrap();
    let first = value(&text, "codex_proxy_first_token_seconds_sum{model=\"plain\"}").unwrap();
    assert!(own > 0.0 && own <= first, "{own} of {first}");
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn running_and_queued_turns_are_counted_and_disconnects_are_not_failures() {
    let proxy = real().limits(|limits| limits.max_turns = 1).start().await;
    let mut events = proxy.stream("[[words=3 hold=1]]").await;
    events.next_text().await;
    let second = proxy.anonymous(Method::POST, "/v1/chat/completions").bearer_auth(KEY);
    let second = tokio::spawn(second.json(&prompt_body("[[error=serverOverloaded]]")).send());
    eventually("both requests are logged", || proxy.log.running() == 2).await;
    let waiting = async || value(&scrape(&proxy).await, "codex_proxy_turns_waiting") == Some(1.0);
    for _ in 0..200 {
        if waiting().await {
            break;
        }
    }
    assert_values(&scrape(&proxy).await, &[("turns_running", 1.0), ("turns_waiting", 1.0)]);
    drop(events);
    second.await.unwrap().unwrap();
    eventually("no request is running", || proxy.log.running() == 0).await;
    let gone = ("turns_total{model=\"plain\",outcome=\"client_gone\"}", 1.0);
    assert_values(&scrape(&proxy).await, &[gone, ("turns_running", 0.0), ("turns_waiting", 0.0)]);
}

#[tokio::test]
async fn failures_of_codex_are_counted_and_reflected_in_its_state() {
    let proxy = fake("crash-on=initialize").start().await;
    assert_eq!(proxy.ask("hi").await.status(), 503);
    let text = scrape(&proxy).await;
    assert_values(
        &text,
        &[
            ("codex_state{model=\"plain\",state=\"failed\"}", 1.0),
            ("codex_state{model=\"agent\",state=\"idle\"}", 1.0),
            ("codex_starts_total{model=\"plain\"}", 0.0),
            ("codex_start_failures_total{model=\"plain\"}", 1.0),
            ("requests_total{endpoint=\"/v1/chat/completions\",model=\"none\",status=\"5xx\"}", 1.0),
        ],
    );
    let proxy = fake("crash-on=turn/start").start().await;
    assert_eq!(proxy.ask("hi").await.status(), 502);
    let ended = "codex_proxy_codex_ends_total{model=\"plain\"}";
    for _ in 0..200 {
        if value(&scrape(&proxy).await, ended) == Some(1.0) {
            break;
        }
    }
    let failed = ("turns_total{model=\"plain\",outcome=\"failed\"}", 1.0);
    assert_values(&scrape(&proxy).await, &[failed, ("codex_ends_total{model=\"plain\"}", 1.0)]);
}

#[tokio::test]
async fn client_input_neither_appears_in_metrics_nor_adds_series() {
    let proxy = fake("").start().await;
    let ask = async |word: &str| {
        let body = json!({"model":word,"messages":[{"role":"user","content":word}]});
        let request = proxy.anonymous(Method::POST, "/v1/chat/completions").bearer_auth(KEY);
        let request = request.header("x-request-id", word).header("user-agent", word);
        assert_eq!(request.json(&body).send().await.unwrap().status(), 404);
        for path in [format!("/{word}"), format!("/v1/models/{word}"), format!("/v1/responses/{word}")] {
            assert_eq!(proxy.get(&path).send().await.unwrap().status(), 404);
        }
        proxy.anonymous(Method::GET, "/v1/models").bearer_auth(format!("sk-{word}")).send().await.unwrap();
    };
    ask("unmistakable-0").await;
    let series = scrape(&proxy).await.lines().count();
    for word in ["unmistakable-1", "unmistakable-2"] {
        ask(word).await;
    }
    let text = scrape(&proxy).await;
    // The first scrape is itself a request, which the second one shows.
    assert_eq!(text.lines().count(), series + 1, "{text}");
    assert!(!text.contains("unmistakable") && !text.contains(KEY), "{text}");
}

#[tokio::test]
async fn prometheus_gets_the_requested_format() {
    let proxy = fake("").start().await;
    let request = proxy.anonymous(Method::GET, "/metrics").header("accept", OPEN_METRICS);
    let response = request.send().await.unwrap();
    assert!(response.headers()["content-type"].to_str().unwrap().starts_with(OPEN_METRICS));
    let text = response.text().await.unwrap();
    assert!(
        text.ends_with("# EOF\n") && text.contains("# TYPE codex_proxy_codex_starts counter\n"),
        "{text}"
    );
}

#[tokio::test]
async fn forwarded_requests_need_a_key_and_web_pages_are_rejected() {
    let proxy = fake("").start().await;
    let status = async |header: (&str, &str), key: Option<&str>| {
        let request = proxy.anonymous(Method::GET, "/metrics").header(header.0, header.1);
        let request = if let Some(key) = key { request.bearer_auth(key) } else { request };
        request.send().await.unwrap().status().as_u16()
    };
    assert_eq!(status(("x-other", ""), None).await, 200);
    assert_eq!(status(("x-forwarded-for", "192.0.2.1"), None).await, 401);
    assert_eq!(status(("x-forwarded-for", "192.0.2.1"), Some("sk-wrong")).await, 401);
    assert_eq!(status(("x-forwarded-for", "192.0.2.1"), Some(KEY)).await, 200);
    assert_eq!(status(("origin", "http://page.example"), None).await, 403);
    assert_eq!(status(("host", "evil.example"), None).await, 403);
}
