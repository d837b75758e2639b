use super::*;
use crate::shell::Platform;

/// Rows with special characters of patterns and shells.
fn odd(log: &RequestDatabase) {
    let texts = ["100%", "a_b", r"back\slash", "ÄPFEL", "Codex-Local", "it's", "plain", "aXb", "[a-z]*?"];
    for (n, text) in texts.into_iter().enumerate() {
        let text = text.to_owned();
        let arrival = match n % 4 {
            0 => Arrival { key: text, ..arrival(n) },
            1 => Arrival { client: text, ..arrival(n) },
            2 => Arrival { model: text, ..arrival(n) },
            _ => Arrival { route: text, ..arrival(n) },
        };
        let entry = begin(log, arrival);
        match n % 3 {
            0 => entry.done(200, None),
            1 => entry.failed(500, "internal_error", "Something_broke at 100%."),
            _ => drop(entry),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn filters_match_the_same_rows_in_memory_and_on_disk() {
    let test = TestLog::new();
    let log = test.on_disk().await;
    odd(&log);
    log.close().await;
    let disk = test.on_disk().await;
    let memory = test.in_memory().await;
    odd(&memory);
    let text = |text: &str| ExchangeQuery { text: Some(text.into()), ..ExchangeQuery::default() };
    let mut queries: Vec<_> =
        ["", "%", "_", r"\", "100%", "a_b", "A_B", "äpfel", "ÄPFEL", "codex-local", "'", "[a", "*"]
            .map(text)
            .into();
    queries.extend(["broke", "g_b", "curlCodex", "/v1/chat", "Default", "OF-client-3", "nothing"].map(text));
    queries.push(text(&"%".repeat(100_000)));
    for show in [Show::Running, Show::Failed, Show::Stopped, Show::Background] {
        queries.push(ExchangeQuery { show: Some(show), ..ExchangeQuery::default() });
    }
    queries.push(ExchangeQuery { key: Some("100%".into()), ..ExchangeQuery::default() });
    queries.push(ExchangeQuery { model: Some("codex-local".into()), ..ExchangeQuery::default() });
    queries.push(ExchangeQuery { app: Some("curl".into()), ..ExchangeQuery::default() });
    for (since, until) in
        [(Some(NOON), None), (Some(NOON + 1), None), (None, Some(NOON)), (None, Some(u64::MAX))]
    {
        queries.push(ExchangeQuery { since, until, ..ExchangeQuery::default() });
    }
    queries.push(ExchangeQuery { before: Some(id(5)), limit: Some(3), ..text("e") });
    let mut sizes = Vec::new();
    for query in queries {
        let from_memory = ids(&memory, query.clone()).await;
        let counts = disk.counts(ExchangeQuery { limit: None, ..query.clone() }).await;
        assert!(query.limit.is_some() || counts.total == from_memory.len() as u64, "{query:?}");
        assert_eq!(ids(&disk, query.clone()).await, from_memory, "{query:?}");
        sizes.push(from_memory.len());
    }
    // The expected counts, in case both are wrong.
    assert_eq!(
        sizes,
        [9, 4, 3, 1, 4, 1, 1, 0, 1, 7, 1, 1, 1, 3, 3, 0, 7, 6, 1, 0, 0, 0, 3, 3, 0, 1, 7, 7, 9, 0, 0, 9, 3]
    );
    memory.close().await;
    disk.close().await;
}

#[tokio::test(start_paused = true)]
async fn paging_returns_every_request_once() {
    let test = TestLog::new();
    let log = test.on_disk().await;
    for n in 0..100 {
        begin(&log, arrival(n)).done(200, None);
    }
    log.close().await;
    let log = test.on_disk().await;
    // They run so long that newer ones leave memory first.
    let running: Vec<_> = (100..110).map(|n| begin(&log, arrival(n))).collect();
    for n in 110..3_000 {
        begin(&log, arrival(n)).done(200, None);
    }
    wait_until(async || log.shared.live.lock().find(&id(2_999)).is_none()).await;
    running[3].failed(500, "internal_error", "It broke.");
    let mut seen: Vec<String> = Vec::new();
    for _ in 0..=10 {
        let query =
            ExchangeQuery { before: seen.last().cloned(), limit: Some(300), ..ExchangeQuery::default() };
        let page = ids(&log, query).await;
        seen.extend(page);
    }
    let expected: Vec<_> = (0..3_000).rev().map(id).collect();
    assert_eq!(seen, expected);
    let of = |show| ExchangeQuery { show: Some(show), ..ExchangeQuery::default() };
    assert_eq!(ids(&log, of(Show::Failed)).await, [id(103)]);
    assert_eq!(ids(&log, of(Show::Running)).await.len(), 9);
    assert_eq!(log.counts(ExchangeQuery::default()).await, ExchangeCounts { total: 3_000, failed: 1 });
    drop(running);
    log.close().await;
}

#[tokio::test(start_paused = true)]
async fn queries_default_to_200_rows_and_are_limited_to_1000() {
    let test = TestLog::new();
    let log = test.on_disk().await;
    for n in 0..1_500 {
        begin(&log, arrival(n)).done(200, None);
    }
    let count = async |limit| log.query(ExchangeQuery { limit, ..ExchangeQuery::default() }).await.len();
    assert_eq!(count(None).await, 200);
    assert_eq!(count(Some(0)).await, 1);
    assert_eq!(count(Some(u32::MAX)).await, 1_000);
    log.close().await;
}

#[tokio::test(start_paused = true)]
async fn the_curl_command_is_right_for_the_system_omits_the_key_and_quotes_client_input() {
    let test = TestLog::new();
    let log = test.with_texts().await;
    let base = "http://127.0.0.1:8000/v1";
    let text = r#"{"model":"m","messages":[{"role":"user","content":"it's $(rm -rf ~) `x`"}]}"#;
    begin(&log, Arrival { request_text: Some(text.into()), ..arrival(1) }).done(200, None);
    let expected = r#"curl 'http://127.0.0.1:8000/v1/chat/completions' \
  -H "Authorization: Bearer $CODEX_PROXY_KEY" \
  -H 'Content-Type: application/json' \
  --data-raw '{"model":"m","messages":[{"role":"user","content":"it\u0027s $(rm -rf ~) `x`"}]}'"#;
    assert_eq!(log.detail(&id(1)).await.unwrap().as_curl(base, Platform::Linux), expected);

    let expected = r#"'{"model":"m","messages":[{"role":"user","content":"it\u0027s $(rm -rf ~) `x`"}]}' | curl.exe 'http://127.0.0.1:8000/v1/chat/completions' `
  -H "Authorization: Bearer $env:CODEX_PROXY_KEY" `
  -H 'Content-Type: application/json' `
  --data-binary '@-'"#;
    assert_eq!(log.detail(&id(1)).await.unwrap().as_curl(base, Platform::Windows), expected);

    let model = "m'; rm -rf ~; '".to_owned();
    begin(&log, Arrival { model: model.clone(), ..arrival(2) }).done(200, None);
    let example = log.detail(&id(2)).await.unwrap().as_curl(base, Platform::Linux);
    assert!(example.contains(r#""model":"m\u0027; rm -rf ~; \u0027""#), "{example}");

    // A truncated text is not valid JSON.
    let long = format!("{text}{}", " ".repeat(300 * 1024));
    begin(&log, Arrival { request_text: Some(long), ..arrival(3) }).done(200, None);
    assert!(log.detail(&id(3)).await.unwrap().as_curl(base, Platform::Linux).contains("Say hello."));

    begin(&log, Arrival { route: "/v1/models".into(), ..arrival(4) }).done(200, None);
    let models = log.detail(&id(4)).await.unwrap().as_curl(base, Platform::Linux);
    assert!(models.starts_with("curl 'http://127.0.0.1:8000/v1/models'") && !models.contains("--data"));
    assert_eq!(log.detail(&id(5)).await, None);
    log.close().await;
}
