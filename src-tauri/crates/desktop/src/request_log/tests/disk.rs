use codex_client::Usage;

use super::*;
use crate::request_log::shared::CLOCK_CONFIRMATION;

#[tokio::test(start_paused = true)]
async fn all_details_of_a_request_survive_a_restart() {
    let test = TestLog::new();
    let log = test.on_disk().await;
    let entry = begin(&log, Arrival { background: true, ..arrival(1) });
    wait_until(async || count_on_disk(&test) == 1).await;
    test.advance(9);
    entry.waited(9, true);
    entry.step("Sent to Codex", None, false);
    command(&entry, Some("cargo test"));
    test.advance(31);
    entry.first_token(3);
    test.advance(60);
    entry.done(200, Some(Usage { input: 1_000, cached: 900, output: 70, reasoning: 30 }));
    let failed = begin(&log, arrival(2));
    failed.failed(429, "rate_limit_exceeded", "Too many turns wait.");
    let before = (all(&log).await, log.detail(&id(1)).await, log.detail(&id(2)).await);
    log.close().await;
    let log = test.on_disk().await;
    let after = (all(&log).await, log.detail(&id(1)).await, log.detail(&id(2)).await);
    assert_eq!(after, before);
    assert_eq!(log.notice(), None);
    log.close().await;
}

#[tokio::test(start_paused = true)]
async fn a_request_running_when_the_app_quit_has_failed() {
    let test = TestLog::new();
    let log = test.on_disk().await;
    let entry = begin(&log, arrival(1));
    entry.first_token(1);
    log.close().await;
    // This is not written, as if the process had been killed.
    drop(entry);
    let log = test.on_disk().await;
    let row = &all(&log).await[0];
    assert_eq!(row.state, ExchangeState::Failed);
    assert_eq!(row.error.as_deref(), Some("Codex Proxy quit during this request"));
    assert_eq!(row.first_ms, Some(0));
    log.close().await;
}

#[tokio::test(start_paused = true)]
async fn running_requests_are_on_disk() {
    let test = TestLog::new();
    let log = test.on_disk().await;
    let entry = begin(&log, arrival(1));
    let state = async |word: &str| {
        test.sqlite().query_row("SELECT state FROM exchanges", (), |row| row.get(0)) == Ok(word.to_owned())
    };
    wait_until(async || state("waiting").await).await;
    entry.first_token(1);
    wait_until(async || state("streaming").await).await;
    entry.done(200, None);
    wait_until(async || state("done").await).await;
    log.close().await;
}

#[tokio::test(start_paused = true)]
async fn dropping_the_last_handle_writes_pending_changes_and_ends_the_task() {
    let test = TestLog::new();
    let log = test.on_disk().await;
    let shared = Arc::downgrade(&log.shared);
    begin(&log, arrival(1)).done(200, None);
    let second = log.clone();
    drop(log);
    assert!(!second.shared.stop.is_cancelled());
    drop(second);
    wait_until(async || shared.strong_count() == 0).await;
    let log = test.on_disk().await;
    assert_eq!(ids(&log, ExchangeQuery::default()).await, [id(1)]);
    log.close().await;
}

#[tokio::test(start_paused = true)]
async fn old_requests_are_removed_while_the_app_runs() {
    let test = TestLog::new();
    let log = test.on_disk().await;
    for n in 0..1_200 {
        begin(&log, arrival(n)).done(200, None);
    }
    log.close().await;
    test.advance(20 * DAY_MS);
    let log = test.on_disk().await;
    begin(&log, arrival(2_000)).done(200, None);
    let running = begin(&log, arrival(2_001));
    let count = async || all(&log).await.len();
    assert_eq!(count().await, 1_000);

    test.advance(11 * DAY_MS);
    tokio::time::sleep(CLOCK_CONFIRMATION * 3).await;
    wait_until(async || count().await == 2).await;
    test.advance(21 * DAY_MS);
    tokio::time::sleep(CLOCK_CONFIRMATION * 3).await;
    wait_until(async || ids(&log, ExchangeQuery::default()).await == [id(2_001)]).await;
    running.done(200, None);
    log.close().await;

    test.advance(31 * DAY_MS);
    let log = test.on_disk().await;
    tokio::time::sleep(CLOCK_CONFIRMATION * 3).await;
    wait_until(async || count_on_disk(&test) == 0).await;
    log.close().await;
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_was_ahead_once_does_not_empty_the_log() {
    let test = TestLog::new();
    let log = test.on_disk().await;
    begin(&log, arrival(1)).done(200, None);
    wait_until(async || count_on_disk(&test) == 1).await;
    test.advance(400 * DAY_MS);
    begin(&log, arrival(2)).done(200, None);
    wait_until(async || count_on_disk(&test) == 2).await;
    log.close().await;
    // Ahead at a start too.
    let log = test.on_disk().await;
    log.set_retention(30, false).await;
    begin(&log, arrival(3)).done(200, None);
    wait_until(async || count_on_disk(&test) == 3).await;
    test.set(NOON + DAY_MS);
    tokio::time::sleep(CLOCK_CONFIRMATION * 3).await;
    assert_eq!(count_on_disk(&test), 3);
    log.close().await;
}

fn count_on_disk(test: &TestLog) -> i64 {
    test.sqlite().query_row("SELECT count(*) FROM exchanges", (), |row| row.get(0)).unwrap()
}

#[tokio::test(start_paused = true)]
async fn keeping_fewer_days_removes_older_requests_and_shrinks_the_file() {
    let test = TestLog::new();
    let log = test.with_texts().await;
    for n in 0..100 {
        let request_text = Some("x".repeat(20_000));
        begin(&log, Arrival { request_text, ..arrival(n) }).done(200, None);
    }
    wait_until(async || count_on_disk(&test) == 100).await;
    test.advance(5 * DAY_MS);
    begin(&log, arrival(200)).done(200, None);
    log.set_retention(3, true).await;
    assert_eq!(ids(&log, ExchangeQuery::default()).await, [id(200)]);
    assert_eq!(log.detail(&id(1)).await, None);
    let bytes = std::fs::metadata(test.path()).unwrap().len();
    assert!(bytes < 200_000, "the file has {bytes} bytes");
    log.close().await;
}

#[tokio::test(start_paused = true)]
async fn failed_writes_are_reported_and_retried() {
    let test = TestLog::new();
    let log = test.on_disk().await;
    // Every commit with a new row fails, like on a full disk.
    let other = test.sqlite();
    other
        .execute_batch(
            "CREATE TABLE full (row TEXT REFERENCES absent (id) DEFERRABLE INITIALLY DEFERRED);
             CREATE TABLE absent (id TEXT PRIMARY KEY);
             CREATE TRIGGER fill AFTER INSERT ON exchanges BEGIN INSERT INTO full VALUES ('x'); END",
        )
        .unwrap();
    begin(&log, arrival(1)).done(200, None);
    wait_until(async || log.notice().is_some()).await;
    assert!(log.notice().unwrap().contains("couldn't be written"));
    assert_eq!(all(&log).await.len(), 1);
    assert_eq!(count_on_disk(&test), 0);
    other.execute_batch("DROP TRIGGER fill").unwrap();
    wait_until(async || log.notice().is_none()).await;
    assert_eq!(count_on_disk(&test), 1);
    assert_eq!(log.detail(&id(1)).await.unwrap().steps.len(), 2);
    log.close().await;
}

#[tokio::test(start_paused = true)]
async fn beyond_the_size_limit_the_oldest_texts_are_removed_then_the_oldest_requests() {
    let test = TestLog::new();
    let options = RequestDatabaseOptions { max_bytes: 1024 * 1024, keep_texts: true, ..test.options() };
    let log = RequestDatabase::open(options).await;
    let fill = async |from: usize, text: Option<&str>, steps: usize| {
        for n in from..from + 40 {
            let entry = begin(&log, Arrival { request_text: text.map(str::to_owned), ..arrival(n) });
            (0..steps).for_each(|_| command(&entry, Some(&"x".repeat(300))));
            entry.done(200, None);
        }
        wait_until(async || log.shared.live.lock().find(&id(from + 39)).is_none()).await;
        // Everything is written; now the excess is removed.
        log.set_retention(30, true).await;
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

// Unix only: file modes.
#[cfg(unix)]
#[tokio::test(start_paused = true)]
async fn only_the_owner_can_read_the_log() {
    use std::os::unix::fs::PermissionsExt;
    let test = TestLog::new();
    let log = test.on_disk().await;
    begin(&log, arrival(1)).done(200, None);
    wait_until(async || count_on_disk(&test) == 1).await;
    for file in std::fs::read_dir(test.path().parent().unwrap()).unwrap() {
        let mode = file.unwrap().metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0);
    }
    log.close().await;
}

/// Windows only: elsewhere no program keeps a file from others.
#[cfg(windows)]
#[tokio::test(start_paused = true)]
async fn other_programs_with_the_files_open_cost_no_request() {
    use std::os::windows::fs::OpenOptionsExt as _;
    let test = TestLog::new();
    let open =
        |path: PathBuf, share| std::fs::OpenOptions::new().read(true).share_mode(share).open(path).unwrap();
    let log = test.on_disk().await;
    begin(&log, arrival(1)).done(200, None);
    log.close().await;
    // Like a virus scanner: for a moment it shares the file with nobody.
    let scanner = open(test.path(), 0);
    let (_keep, never) = std::sync::mpsc::channel::<()>();
    std::thread::spawn(move || {
        let _ = never.recv_timeout(std::time::Duration::from_millis(1500));
        drop(scanner);
    });
    let log = test.on_disk().await;
    assert_eq!((log.notice(), all(&log).await.len()), (None, 1));
    // Like an editor or a backup: it lets others read and write, but not rename or delete.
    let _editor = ["", "-wal", "-shm"].map(|end| open(format!("{}{end}", test.path().display()).into(), 3));
    begin(&log, arrival(2)).done(200, None);
    wait_until(async || count_on_disk(&test) == 2).await;
    let file = test.path().with_extension("csv");
    let export = async || log.export(ExchangeQuery::default(), ExportFormat::Csv, &file).await;
    assert_eq!(export().await.unwrap(), 2);
    let excel = open(file.clone(), 1);
    let error = export().await.unwrap_err().to_string();
    assert!(error.contains("another program has it open"), "{error}");
    drop(excel);
    assert_eq!(export().await.unwrap(), 2);
    log.clear().await;
    log.close().await;
    let log = test.on_disk().await;
    assert_eq!((log.notice(), all(&log).await.len(), count_on_disk(&test)), (None, 0, 0));
    log.close().await;
}
