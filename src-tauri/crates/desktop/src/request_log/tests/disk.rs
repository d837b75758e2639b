use codex_client::Usage;

use super::*;
use crate::request_log::shared::DAY;

#[tokio::test(start_paused = true)]
async fn everything_of_a_request_is_there_after_the_next_start() {
    let bench = Bench::new();
    let log = bench.on_disk().await;
    let entry = begin(&log, Arrival { background: true, ..arrival(1) });
    until(async || count_on_disk(&bench) == 1).await;
    bench.pass(9);
    entry.waited(9, true);
    entry.step("Sent to Codex", None, false);
    command(&entry, Some("cargo test"));
    bench.pass(31);
    entry.first_token(3);
    bench.pass(60);
    entry.done(200, Some(Usage { input: 1_000, cached: 900, output: 70, reasoning: 30 }));
    let failed = begin(&log, arrival(2));
    failed.failed(429, "rate_limit_exceeded", "Too many turns wait.");
    let before = (all(&log).await, log.detail(&id(1)).await, log.detail(&id(2)).await);
    log.close().await;
    let log = bench.on_disk().await;
    let after = (all(&log).await, log.detail(&id(1)).await, log.detail(&id(2)).await);
    assert_eq!(after, before);
    assert_eq!(log.notice(), None);
    log.close().await;
}

#[tokio::test(start_paused = true)]
async fn a_request_that_ran_when_the_program_ended_has_failed() {
    let bench = Bench::new();
    let log = bench.on_disk().await;
    let entry = begin(&log, arrival(1));
    entry.first_token(1);
    log.close().await;
    // What is said now does not reach the disk any more, as if the program had been killed.
    drop(entry);
    let log = bench.on_disk().await;
    let row = &all(&log).await[0];
    assert_eq!(row.state, ExchangeState::Failed);
    assert_eq!(row.error.as_deref(), Some("Codex Proxy ended while it ran"));
    assert_eq!(row.first_ms, Some(0));
    log.close().await;
}

#[tokio::test(start_paused = true)]
async fn a_request_is_on_disk_while_it_runs() {
    let bench = Bench::new();
    let log = bench.on_disk().await;
    let entry = begin(&log, arrival(1));
    let state = async |word: &str| {
        bench.sqlite().query_row("SELECT state FROM exchanges", (), |row| row.get(0)) == Ok(word.to_owned())
    };
    until(async || state("waiting").await).await;
    entry.first_token(1);
    until(async || state("streaming").await).await;
    entry.done(200, None);
    until(async || state("done").await).await;
    log.close().await;
}

#[tokio::test(start_paused = true)]
async fn the_last_handle_takes_the_tasks_with_it_and_they_write_what_is_left() {
    let bench = Bench::new();
    let log = bench.on_disk().await;
    let shared = Arc::downgrade(&log.shared);
    begin(&log, arrival(1)).done(200, None);
    let second = log.clone();
    drop(log);
    assert!(!second.shared.stop.is_cancelled());
    drop(second);
    until(async || shared.strong_count() == 0).await;
    let log = bench.on_disk().await;
    assert_eq!(ids(&log, ExchangeQuery::default()).await, [id(1)]);
    log.close().await;
}

#[tokio::test(start_paused = true)]
async fn old_requests_go_when_the_log_is_opened_and_once_a_day() {
    let bench = Bench::new();
    let log = bench.on_disk().await;
    for n in 0..1_200 {
        begin(&log, arrival(n)).done(200, None);
    }
    log.close().await;
    bench.pass(20 * DAY_MS);
    let log = bench.on_disk().await;
    begin(&log, arrival(2_000)).done(200, None);
    let running = begin(&log, arrival(2_001));
    let count = async || all(&log).await.len();
    assert_eq!(count().await, 1_000);

    bench.pass(11 * DAY_MS);
    tokio::time::sleep(DAY).await;
    until(async || count().await == 2).await;
    bench.pass(21 * DAY_MS);
    tokio::time::sleep(DAY).await;
    until(async || ids(&log, ExchangeQuery::default()).await == [id(2_001)]).await;
    running.done(200, None);
    log.close().await;

    bench.pass(31 * DAY_MS);
    let log = bench.on_disk().await;
    until(async || count_on_disk(&bench) == 0).await;
    log.close().await;
}

fn count_on_disk(bench: &Bench) -> i64 {
    bench.sqlite().query_row("SELECT count(*) FROM exchanges", (), |row| row.get(0)).unwrap()
}

#[tokio::test(start_paused = true)]
async fn keeping_fewer_days_takes_out_the_rest_at_once_and_the_file_shrinks() {
    let bench = Bench::new();
    let log = bench.with_texts().await;
    for n in 0..100 {
        let request_text = Some("x".repeat(20_000));
        begin(&log, Arrival { request_text, ..arrival(n) }).done(200, None);
    }
    until(async || count_on_disk(&bench) == 100).await;
    bench.pass(5 * DAY_MS);
    begin(&log, arrival(200)).done(200, None);
    log.keep(3, true).await;
    assert_eq!(ids(&log, ExchangeQuery::default()).await, [id(200)]);
    assert_eq!(log.detail(&id(1)).await, None);
    let bytes = std::fs::metadata(bench.path()).unwrap().len();
    assert!(bytes < 200_000, "the file has {bytes} bytes");
    log.close().await;
}

#[tokio::test(start_paused = true)]
async fn a_disk_that_does_not_take_rows_is_said_and_tried_again() {
    let bench = Bench::new();
    let log = bench.on_disk().await;
    // Every commit with a new row fails, as on a full disk.
    let other = bench.sqlite();
    other
        .execute_batch(
            "CREATE TABLE full (row TEXT REFERENCES absent (id) DEFERRABLE INITIALLY DEFERRED);
             CREATE TABLE absent (id TEXT PRIMARY KEY);
             CREATE TRIGGER fill AFTER INSERT ON exchanges BEGIN INSERT INTO full VALUES ('x'); END",
        )
        .unwrap();
    begin(&log, arrival(1)).done(200, None);
    until(async || log.notice().is_some()).await;
    assert!(log.notice().unwrap().contains("cannot be written"));
    assert_eq!(all(&log).await.len(), 1);
    assert_eq!(count_on_disk(&bench), 0);
    other.execute_batch("DROP TRIGGER fill").unwrap();
    until(async || log.notice().is_none()).await;
    assert_eq!(count_on_disk(&bench), 1);
    assert_eq!(log.detail(&id(1)).await.unwrap().steps.len(), 2);
    log.close().await;
}

#[tokio::test(start_paused = true)]
async fn beyond_its_bytes_the_oldest_texts_go_and_then_the_oldest_requests() {
    let bench = Bench::new();
    let options = RequestDatabaseOptions { max_bytes: 1024 * 1024, keep_texts: true, ..bench.options() };
    let log = RequestDatabase::open(options).await;
    let fill = async |from: usize, text: Option<&str>, steps: usize| {
        for n in from..from + 40 {
            let entry = begin(&log, Arrival { request_text: text.map(str::to_owned), ..arrival(n) });
            (0..steps).for_each(|_| command(&entry, Some(&"x".repeat(300))));
            entry.done(200, None);
        }
        until(async || log.shared.live.lock().find(&id(from + 39)).is_none()).await;
        // It is written; what is too much goes next.
        log.keep(30, true).await;
        log.shared
            .run(|connection| connection.query_row("PRAGMA page_count", (), |row| row.get::<_, u64>(0)))
            .await
    };
    let (pages, _) = fill(0, Some(&"x".repeat(50_000)), 0).await;
    assert!(pages.unwrap() * 4096 <= 1024 * 1024);
    assert_eq!(all(&log).await.len(), 40);
    let text = async |n| log.detail(&id(n)).await.unwrap().request_text;
    assert!(text(39).await.is_some() && text(0).await.is_none());
    let (pages, _) = fill(100, None, 200).await;
    assert!(pages.unwrap() * 4096 <= 1024 * 1024);
    let left = ids(&log, ExchangeQuery::default()).await;
    assert!(left.len() < 40 && left.contains(&id(139)) && !left.contains(&id(100)), "{left:?}");
    log.close().await;
}

#[cfg(unix)]
#[tokio::test(start_paused = true)]
async fn only_its_owner_may_read_the_log() {
    use std::os::unix::fs::PermissionsExt;
    let bench = Bench::new();
    let log = bench.on_disk().await;
    begin(&log, arrival(1)).done(200, None);
    until(async || count_on_disk(&bench) == 1).await;
    for file in std::fs::read_dir(bench.path().parent().unwrap()).unwrap() {
        let mode = file.unwrap().metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0);
    }
    log.close().await;
}
