use super::*;
use crate::request_log::live::{CUT_OFF, MAX_PICTURES, MAX_TEXT};

const SECRET: &str = "unmistakable-secret";

fn with_secret(n: usize) -> Arrival {
    Arrival { request_text: Some(format!("{{\"prompt\":\"{SECRET}\"}}")), ..arrival(n) }
}

/// A request with the secret in its prompt and answer.
fn ask(log: &RequestDatabase, n: usize) {
    let entry = begin(log, with_secret(n));
    entry.first_token(1);
    entry.text("The answer contains ");
    entry.text(SECRET);
    entry.picture(&SECRET.into());
    entry.done(200, None);
}

fn disk_contains_secret(test: &TestLog) -> bool {
    any_file_contains(test.path().parent().unwrap(), SECRET)
}

/// Waits until the steps of `rows` requests are written.
async fn written(test: &TestLog, rows: i64) {
    let count =
        async || test.sqlite().query_row("SELECT count(*) FROM steps", (), |row| row.get(0)) == Ok(rows);
    wait_until(count).await;
}

#[tokio::test(start_paused = true)]
async fn prompts_and_answers_are_not_stored_by_default() {
    let test = TestLog::new();
    let log = test.on_disk().await;
    ask(&log, 1);
    let detail = log.detail(&id(1)).await.unwrap();
    assert_eq!((detail.request_text, detail.answer_text, detail.pictures), (None, None, Vec::new()));
    written(&test, 1).await;
    assert!(!disk_contains_secret(&test));
    log.close().await;
    assert!(!disk_contains_secret(&test));
}

#[tokio::test(start_paused = true)]
async fn texts_are_stored_if_enabled() {
    let test = TestLog::new();
    let log = test.with_texts().await;
    ask(&log, 1);
    let before = log.detail(&id(1)).await.unwrap();
    assert_eq!(before.answer_text.as_deref(), Some(&*format!("The answer contains {SECRET}")));
    assert!(before.request_text.as_ref().unwrap().contains(SECRET));
    assert_eq!(before.pictures, [SECRET]);
    log.close().await;
    assert!(disk_contains_secret(&test));
    let log = test.with_texts().await;
    assert_eq!(log.detail(&id(1)).await.unwrap(), before);
    log.close().await;
}

#[tokio::test(start_paused = true)]
async fn stored_texts_are_removed_at_a_start_with_texts_off() {
    let test = TestLog::new();
    let log = test.with_texts().await;
    ask(&log, 1);
    log.close().await;
    assert!(disk_contains_secret(&test));
    let log = test.on_disk().await;
    assert!(!disk_contains_secret(&test));
    assert_eq!(log.detail(&id(1)).await.unwrap().request_text, None);
    log.close().await;
}

#[tokio::test(start_paused = true)]
async fn stored_texts_are_removed_when_texts_are_turned_off() {
    let test = TestLog::new();
    let log = test.with_texts().await;
    ask(&log, 1);
    written(&test, 1).await;
    let running = begin(&log, with_secret(2));
    running.text(SECRET);
    log.set_retention(30, false).await;
    assert!(!log.reports().stores_texts());
    running.text(SECRET);
    running.done(200, None);
    ask(&log, 3);
    written(&test, 3).await;
    for n in 1..=3 {
        let detail = log.detail(&id(n)).await.unwrap();
        assert_eq!((detail.request_text, detail.answer_text), (None, None), "request {n}");
    }
    log.close().await;
    assert!(!disk_contains_secret(&test));
}

#[tokio::test(start_paused = true)]
async fn clearing_removes_ended_requests_from_memory_and_disk() {
    let test = TestLog::new();
    let log = test.with_texts().await;
    ask(&log, 1);
    let running = begin(&log, arrival(2));
    written(&test, 1).await;
    ask(&log, 3);
    let mut changes = log.subscribe();
    log.clear().await;
    test.advance(1);
    assert!(matches!(changes.try_recv(), Ok(Change::Cleared)));
    assert_eq!(ids(&log, ExchangeQuery::default()).await, [id(2)]);
    assert_eq!(log.detail(&id(1)).await, None);
    wait_until(async || !disk_contains_secret(&test)).await;
    // Running requests are written again, in case the process is killed.
    wait_until(async || {
        test.sqlite().query_row("SELECT id FROM exchanges", (), |row| row.get(0)) == Ok(id(2))
    })
    .await;
    running.done(200, None);
    log.close().await;
    assert!(!disk_contains_secret(&test));
    let log = test.with_texts().await;
    assert_eq!(ids(&log, ExchangeQuery::default()).await, [id(2)]);
    log.close().await;
}

#[tokio::test(start_paused = true)]
async fn clearing_can_be_undone_for_ten_seconds_and_closing_makes_it_final() {
    let test = TestLog::new();
    let log = test.with_texts().await;
    ask(&log, 1);
    let before = log.detail(&id(1)).await;
    log.clear().await;
    assert_eq!(ids(&log, ExchangeQuery::default()).await, Vec::<String>::new());
    assert_eq!(log.chart(None, None, 0).await.bars.iter().map(|bar| bar.requests).sum::<u64>(), 0);
    assert_eq!(log.counts(ExchangeQuery::default()).await, ExchangeCounts::default());
    let mut changes = log.subscribe();
    log.undo_clear().await;
    assert!(matches!(changes.try_recv(), Ok(Change::Cleared)));
    assert_eq!(log.detail(&id(1)).await, before);
    tokio::time::sleep(Duration::from_secs(20)).await;
    assert_eq!(ids(&log, ExchangeQuery::default()).await, [id(1)], "it is not removed later");
    log.clear().await;
    tokio::time::sleep(Duration::from_secs(20)).await;
    wait_until(async || !disk_contains_secret(&test)).await;
    log.undo_clear().await;
    assert_eq!(ids(&log, ExchangeQuery::default()).await, Vec::<String>::new(), "too late");
    test.advance(1);
    ask(&log, 2);
    log.clear().await;
    log.close().await;
    assert!(!disk_contains_secret(&test));
}

#[tokio::test(start_paused = true)]
async fn long_texts_are_truncated_between_characters_and_marked() {
    let test = TestLog::new();
    let log = test.with_texts().await;
    let long = format!("x{}", "ä".repeat(MAX_TEXT));
    let entry = begin(&log, Arrival { request_text: Some(long.clone()), ..arrival(1) });
    entry.text(&long);
    entry.text("more");
    entry.done(200, None);
    let detail = log.detail(&id(1)).await.unwrap();
    for text in [detail.request_text.unwrap(), detail.answer_text.unwrap()] {
        assert_eq!(text.len(), MAX_TEXT - 1 + CUT_OFF.len());
        assert!(text.ends_with(&format!("ä{CUT_OFF}")));
    }
    log.close().await;
}

#[tokio::test(start_paused = true)]
async fn pictures_of_a_request_are_bounded_and_go_with_the_texts() {
    let test = TestLog::new();
    let log = test.with_texts().await;
    let entry = begin(&log, arrival(1));
    let large = "x".repeat(MAX_PICTURES - 3);
    for picture in [&*large, "yy", "zz", "w"] {
        entry.picture(&picture.into());
    }
    let kept = log.detail(&id(1)).await.unwrap().pictures;
    assert_eq!(kept.iter().map(String::len).collect::<Vec<_>>(), [large.len(), 2, 1]);
    log.set_retention(30, false).await;
    assert!(log.detail(&id(1)).await.unwrap().pictures.is_empty());
    entry.picture(&"y".into());
    entry.done(200, None);
    assert!(log.detail(&id(1)).await.unwrap().pictures.is_empty());
    log.close().await;
}

#[tokio::test(start_paused = true)]
async fn a_log_in_memory_keeps_only_the_newest_texts() {
    let test = TestLog::new();
    let log = test.in_memory().await;
    let text = "x".repeat(200 * 1024);
    for n in 0..200 {
        begin(&log, Arrival { request_text: Some(text.clone()), ..arrival(n) }).done(200, None);
        if n % 50 == 49 {
            wait_until(async || log.shared.live.lock().find(&id(n)).is_none()).await;
        }
    }
    log.set_retention(30, true).await;
    let has_text = async |n| log.detail(&id(n)).await.unwrap().request_text.is_some();
    assert!(has_text(199).await && has_text(120).await);
    assert!(!has_text(0).await && !has_text(110).await);
    assert_eq!(all(&log).await.len(), 200);
    log.close().await;
}

#[tokio::test(start_paused = true)]
async fn written_requests_leave_memory() {
    let test = TestLog::new();
    let log = test.with_texts().await;
    ask(&log, 1);
    let in_memory = || log.shared.live.lock().find(&id(1));
    assert!(in_memory().is_some());
    wait_until(async || in_memory().is_none()).await;
    assert!(log.detail(&id(1)).await.unwrap().answer_text.unwrap().contains(SECRET));
    log.close().await;
}

#[tokio::test(start_paused = true)]
async fn unwritten_texts_are_bounded_and_the_oldest_dropped_first() {
    let test = TestLog::new();
    let log = test.with_texts().await;
    let text = "x".repeat(200 * 1024);
    // Without an await, the writer does not run.
    for n in 0..200 {
        begin(&log, Arrival { request_text: Some(text.clone()), ..arrival(n) }).done(200, None);
    }
    let has_text = async |n| log.detail(&id(n)).await.unwrap().request_text.is_some();
    assert!(has_text(199).await && has_text(120).await);
    assert!(!has_text(0).await && !has_text(110).await);
    assert_eq!(all(&log).await.len(), 200);
    log.close().await;
}
