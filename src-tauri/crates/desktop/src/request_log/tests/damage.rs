use super::*;

/// The names of the database and renamed files.
fn files(test: &TestLog) -> Vec<String> {
    let folder = std::fs::read_dir(test.path().parent().unwrap()).unwrap();
    let mut names: Vec<_> = folder.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    names.sort_unstable();
    names
}

async fn with_one_request(test: &TestLog) {
    let log = test.on_disk().await;
    begin(&log, arrival(1)).done(200, None);
    log.close().await;
}

async fn assert_replaced(test: &TestLog) {
    let log = test.on_disk().await;
    let notice = log.notice().unwrap();
    assert!(notice.starts_with("The request log was damaged."), "{notice}");
    assert!(all(&log).await.is_empty());
    begin(&log, arrival(2)).done(200, None);
    log.close().await;
    assert_eq!(files(test), ["requests.sqlite".to_owned(), format!("requests.sqlite.damaged-{NOON}")]);
    let log = test.on_disk().await;
    assert_eq!(log.notice(), None);
    assert_eq!(ids(&log, ExchangeQuery::default()).await, [id(2)]);
    log.close().await;
}

#[tokio::test(start_paused = true)]
async fn a_file_that_is_not_a_database_is_renamed_and_replaced() {
    let test = TestLog::new();
    std::fs::create_dir_all(test.path().parent().unwrap()).unwrap();
    std::fs::write(test.path(), "not a database ".repeat(1_000)).unwrap();
    assert_replaced(&test).await;
}

#[tokio::test(start_paused = true)]
async fn a_database_without_tables_is_renamed_and_replaced() {
    let test = TestLog::new();
    with_one_request(&test).await;
    test.sqlite().execute_batch("DROP TABLE exchanges").unwrap();
    assert_replaced(&test).await;
}

#[tokio::test(start_paused = true)]
async fn a_database_with_a_corrupt_page_is_renamed_and_replaced() {
    let test = TestLog::new();
    with_one_request(&test).await;
    let mut bytes = std::fs::read(test.path()).unwrap();
    bytes[4096..].fill(0xa5);
    std::fs::write(test.path(), bytes).unwrap();
    assert_replaced(&test).await;
}

#[tokio::test(start_paused = true)]
async fn a_database_corrupted_while_open_is_replaced_and_filled_from_memory() {
    let test = TestLog::new();
    let log = test.on_disk().await;
    let running = begin(&log, arrival(1));
    let rows = || test.sqlite().query_row("SELECT count(*) FROM exchanges", (), |row| row.get(0));
    wait_until(async || rows() == Ok(1)).await;
    test.sqlite().execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
    let mut bytes = std::fs::read(test.path()).unwrap();
    bytes[4096..].fill(0xa5);
    std::fs::write(test.path(), bytes).unwrap();
    // A write from another connection invalidates the page cache.
    test.sqlite().execute_batch("PRAGMA user_version = 3").unwrap();
    begin(&log, arrival(2)).done(200, None);
    wait_until(async || rows() == Ok(2)).await;
    assert!(log.notice().unwrap().starts_with("The request log was damaged."));
    assert_eq!(ids(&log, ExchangeQuery::default()).await, [id(2), id(1)]);
    drop(running);
    log.close().await;
}

#[tokio::test(start_paused = true)]
async fn a_database_of_a_newer_version_is_left_unchanged() {
    let test = TestLog::new();
    with_one_request(&test).await;
    test.sqlite().execute_batch("PRAGMA user_version = 1000").unwrap();
    let before = std::fs::read(test.path()).unwrap();
    let log = test.on_disk().await;
    assert!(log.notice().unwrap().contains("newer version"));
    begin(&log, arrival(2)).done(200, None);
    assert_eq!(ids(&log, ExchangeQuery::default()).await, [id(2)]);
    log.close().await;
    assert_eq!(std::fs::read(test.path()).unwrap(), before);
    assert_eq!(files(&test), ["requests.sqlite"]);
}

#[tokio::test(start_paused = true)]
async fn a_database_of_an_older_version_is_migrated() {
    let test = TestLog::new();
    with_one_request(&test).await;
    test.sqlite()
        .execute_batch(
            "ALTER TABLE exchanges DROP COLUMN request_id; ALTER TABLE exchanges DROP COLUMN code;
             DROP TABLE clock; DROP TABLE reasons; ALTER TABLE exchanges DROP COLUMN app;
             DROP TABLE changes; DROP TABLE reviews; DROP TABLE chats; DROP TABLE pictures;
             ALTER TABLE exchanges DROP COLUMN files_changed;
             PRAGMA user_version = 1",
        )
        .unwrap();
    let log = test.on_disk().await;
    assert_eq!(log.notice(), None);
    begin(&log, arrival(2)).failed(500, "internal_error", "It broke.");
    log.close().await;
    let log = test.on_disk().await;
    let rows = all(&log).await;
    let of = |row: &ExchangeRow| (row.id.clone(), row.request_id.clone(), row.code.clone());
    assert_eq!(of(&rows[0]), (id(2), "of-client-2".into(), Some("internal_error".into())));
    assert_eq!(of(&rows[1]), (id(1), String::new(), None));
    assert_eq!(rows[1].files_changed, 0);
    log.close().await;
}

#[tokio::test(start_paused = true)]
async fn without_a_usable_folder_the_log_is_in_memory() {
    let test = TestLog::new();
    // A file blocks the folder.
    std::fs::write(test.folder.path().join("data"), "").unwrap();
    let log = test.on_disk().await;
    assert!(log.notice().unwrap().contains("couldn't be opened"));
    begin(&log, arrival(1)).done(200, None);
    assert_eq!(ids(&log, ExchangeQuery::default()).await, [id(1)]);
    assert!(log.detail(&id(1)).await.is_some());
    log.clear().await;
    assert!(all(&log).await.is_empty());
    log.close().await;
}

#[tokio::test(start_paused = true)]
async fn a_database_written_by_an_earlier_version_is_read() {
    let test = TestLog::new();
    std::fs::create_dir_all(test.path().parent().unwrap()).unwrap();
    let written_by_9c8d7f2 = include_str!("../../../tests/fixtures/9c8d7f2/requests.sql");
    test.sqlite().execute_batch(written_by_9c8d7f2).unwrap();
    let log = test.with_texts().await;
    assert_eq!(log.notice(), None);
    assert_eq!(ids(&log, ExchangeQuery::default()).await, [id(4), id(3), id(2), id(1)]);
    let done = log.detail(&id(1)).await.unwrap();
    let row = ExchangeRow {
        id: id(1),
        request_id: "of-client-1".into(),
        at: NOON,
        key: "Default".into(),
        client: "curl/8.5".into(),
        app: "curl".into(),
        route: "/v1/chat/completions".into(),
        model: "codex-local".into(),
        state: ExchangeState::Done,
        status: Some(200),
        wait_ms: Some(9),
        first_ms: Some(40),
        own_ms: Some(3),
        total_ms: Some(100),
        input: Some(1_000),
        cached: Some(900),
        output: Some(70),
        reasoning: Some(30),
        commands: 1,
        background: true,
        ..ExchangeRow::default()
    };
    assert_eq!(done.row, row);
    assert_eq!((done.steps.len(), done.steps[3].detail.as_deref()), (6, Some("cargo test")));
    assert!(done.request_text.unwrap().contains("Say hello."));
    assert_eq!(done.answer_text.as_deref(), Some("Hello."));
    let of = |row: &ExchangeRow| (row.state, row.status, row.code.clone(), row.error.clone());
    let rows = all(&log).await;
    let failed = Some("rate_limit_exceeded".to_owned());
    assert_eq!(of(&rows[2]), (ExchangeState::Failed, Some(429), failed, Some("Too many turns wait.".into())));
    assert_eq!(of(&rows[1]), (ExchangeState::Stopped, None, None, None));
    let interrupted = Some("Codex Proxy quit during this request".into());
    assert_eq!(of(&rows[0]), (ExchangeState::Failed, None, None, interrupted));
    test.set(NOON + 1_000);
    let last = log.chart(Some(ChartRange::Day), None, 0).await.bars.pop().unwrap();
    assert_eq!((last.requests, last.failed, last.input, last.output), (4, 2, 1_000, 70));
    log.close().await;
}
