use super::*;
use crate::request_log::live::{CUT_OFF, MAX_TEXT};

const SECRET: &str = "the-word-that-nobody-may-read";

fn with_secret(n: usize) -> Arrival {
    Arrival { request_text: Some(format!("{{\"prompt\":\"{SECRET}\"}}")), ..arrival(n) }
}

/// One request with the secret in its question and its answer.
fn ask(log: &RequestDatabase, n: usize) {
    let entry = begin(log, with_secret(n));
    entry.first_token(1);
    entry.text("The answer holds ");
    entry.text(SECRET);
    entry.done(200, None);
}

fn data_holds_secret(bench: &Bench) -> bool {
    files_hold(bench.path().parent().unwrap(), SECRET)
}

/// Whether the database was written to, the log beside it included.
async fn written(bench: &Bench, rows: i64) {
    let count =
        async || bench.sqlite().query_row("SELECT count(*) FROM steps", (), |row| row.get(0)) == Ok(rows);
    until(count).await;
}

#[tokio::test(start_paused = true)]
async fn no_word_of_a_conversation_is_kept_unless_texts_are() {
    let bench = Bench::new();
    let log = bench.on_disk().await;
    ask(&log, 1);
    let detail = log.detail(&id(1)).await.unwrap();
    assert_eq!((detail.request_text, detail.answer_text), (None, None));
    written(&bench, 1).await;
    assert!(!data_holds_secret(&bench));
    log.close().await;
    assert!(!data_holds_secret(&bench));
}

#[tokio::test(start_paused = true)]
async fn texts_are_kept_where_that_was_chosen() {
    let bench = Bench::new();
    let log = bench.with_texts().await;
    ask(&log, 1);
    let before = log.detail(&id(1)).await.unwrap();
    assert_eq!(before.answer_text.as_deref(), Some(&*format!("The answer holds {SECRET}")));
    assert!(before.request_text.as_ref().unwrap().contains(SECRET));
    log.close().await;
    assert!(data_holds_secret(&bench));
    let log = bench.with_texts().await;
    assert_eq!(log.detail(&id(1)).await.unwrap(), before);
    log.close().await;
}

#[tokio::test(start_paused = true)]
async fn texts_that_were_kept_go_when_the_next_start_keeps_none() {
    let bench = Bench::new();
    let log = bench.with_texts().await;
    ask(&log, 1);
    log.close().await;
    assert!(data_holds_secret(&bench));
    let log = bench.on_disk().await;
    assert!(!data_holds_secret(&bench));
    assert_eq!(log.detail(&id(1)).await.unwrap().request_text, None);
    log.close().await;
}

#[tokio::test(start_paused = true)]
async fn texts_that_were_kept_go_when_they_are_switched_off() {
    let bench = Bench::new();
    let log = bench.with_texts().await;
    ask(&log, 1);
    written(&bench, 1).await;
    let running = begin(&log, with_secret(2));
    running.text(SECRET);
    log.keep(30, false).await;
    assert!(!log.reports().stores_texts());
    running.text(SECRET);
    running.done(200, None);
    ask(&log, 3);
    written(&bench, 3).await;
    for n in 1..=3 {
        let detail = log.detail(&id(n)).await.unwrap();
        assert_eq!((detail.request_text, detail.answer_text), (None, None), "request {n}");
    }
    log.close().await;
    assert!(!data_holds_secret(&bench));
}

#[tokio::test(start_paused = true)]
async fn clearing_takes_out_what_has_ended_from_memory_and_from_the_file() {
    let bench = Bench::new();
    let log = bench.with_texts().await;
    ask(&log, 1);
    let running = begin(&log, arrival(2));
    written(&bench, 1).await;
    ask(&log, 3);
    let mut changes = log.subscribe();
    log.clear().await;
    assert!(matches!(changes.try_recv(), Ok(Change::Cleared)));
    assert_eq!(ids(&log, ExchangeQuery::default()).await, [id(2)]);
    assert_eq!(log.detail(&id(1)).await, None);
    assert!(!data_holds_secret(&bench));
    // What runs is written anew, in case that the program is killed.
    until(async || bench.sqlite().query_row("SELECT id FROM exchanges", (), |row| row.get(0)) == Ok(id(2)))
        .await;
    running.done(200, None);
    log.close().await;
    assert!(!data_holds_secret(&bench));
    let log = bench.with_texts().await;
    assert_eq!(ids(&log, ExchangeQuery::default()).await, [id(2)]);
    log.close().await;
}

#[tokio::test(start_paused = true)]
async fn a_long_text_is_cut_between_two_characters_and_says_so() {
    let bench = Bench::new();
    let log = bench.with_texts().await;
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
async fn memory_keeps_so_many_texts_and_then_the_newest() {
    let bench = Bench::new();
    let log = bench.in_memory().await;
    let text = "x".repeat(200 * 1024);
    for n in 0..200 {
        begin(&log, Arrival { request_text: Some(text.clone()), ..arrival(n) }).done(200, None);
        if n % 50 == 49 {
            until(async || log.shared.live.lock().find(&id(n)).is_none()).await;
        }
    }
    log.keep(30, true).await;
    let kept = async |n| log.detail(&id(n)).await.unwrap().request_text.is_some();
    assert!(kept(199).await && kept(120).await);
    assert!(!kept(0).await && !kept(110).await);
    assert_eq!(all(&log).await.len(), 200);
    log.close().await;
}

#[tokio::test(start_paused = true)]
async fn what_is_on_disk_does_not_stay_in_memory() {
    let bench = Bench::new();
    let log = bench.with_texts().await;
    ask(&log, 1);
    let in_memory = || log.shared.live.lock().find(&id(1));
    assert!(in_memory().is_some());
    until(async || in_memory().is_none()).await;
    assert!(log.detail(&id(1)).await.unwrap().answer_text.unwrap().contains(SECRET));
    log.close().await;
}

#[tokio::test(start_paused = true)]
async fn texts_that_wait_for_the_disk_are_bounded_and_the_oldest_go_first() {
    let bench = Bench::new();
    let log = bench.with_texts().await;
    let text = "x".repeat(200 * 1024);
    // No await in this loop: the writer has no turn.
    for n in 0..200 {
        begin(&log, Arrival { request_text: Some(text.clone()), ..arrival(n) }).done(200, None);
    }
    let kept = async |n| log.detail(&id(n)).await.unwrap().request_text.is_some();
    assert!(kept(199).await && kept(120).await);
    assert!(!kept(0).await && !kept(110).await);
    assert_eq!(all(&log).await.len(), 200);
    log.close().await;
}
