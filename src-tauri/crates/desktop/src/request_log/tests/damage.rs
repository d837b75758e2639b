use super::*;

/// The database and what was put aside.
fn files(bench: &Bench) -> Vec<String> {
    let folder = std::fs::read_dir(bench.path().parent().unwrap()).unwrap();
    let mut names: Vec<_> = folder.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    names.sort_unstable();
    names
}

async fn with_one_request(bench: &Bench) {
    let log = bench.on_disk().await;
    begin(&log, arrival(1)).done(200, None);
    log.close().await;
}

async fn is_begun_anew(bench: &Bench) {
    let log = bench.on_disk().await;
    let notice = log.notice().unwrap();
    assert!(notice.starts_with("The request log was damaged."), "{notice}");
    assert!(all(&log).await.is_empty());
    begin(&log, arrival(2)).done(200, None);
    log.close().await;
    assert_eq!(files(bench), ["requests.sqlite".to_owned(), format!("requests.sqlite.damaged-{NOON}")]);
    let log = bench.on_disk().await;
    assert_eq!(log.notice(), None);
    assert_eq!(ids(&log, ExchangeQuery::default()).await, [id(2)]);
    log.close().await;
}

#[tokio::test(start_paused = true)]
async fn a_file_that_is_no_database_is_put_aside_and_a_new_one_begun() {
    let bench = Bench::new();
    std::fs::create_dir_all(bench.path().parent().unwrap()).unwrap();
    std::fs::write(bench.path(), "no database at all ".repeat(1_000)).unwrap();
    is_begun_anew(&bench).await;
}

#[tokio::test(start_paused = true)]
async fn a_database_without_its_tables_is_put_aside_and_a_new_one_begun() {
    let bench = Bench::new();
    with_one_request(&bench).await;
    bench.sqlite().execute_batch("DROP TABLE exchanges").unwrap();
    is_begun_anew(&bench).await;
}

#[tokio::test(start_paused = true)]
async fn a_database_with_a_broken_page_is_put_aside_and_a_new_one_begun() {
    let bench = Bench::new();
    with_one_request(&bench).await;
    let mut bytes = std::fs::read(bench.path()).unwrap();
    bytes[4096..].fill(0xa5);
    std::fs::write(bench.path(), bytes).unwrap();
    is_begun_anew(&bench).await;
}

#[tokio::test(start_paused = true)]
async fn a_database_that_breaks_while_it_is_open_is_replaced_and_gets_what_memory_has() {
    let bench = Bench::new();
    let log = bench.on_disk().await;
    let running = begin(&log, arrival(1));
    let rows = || bench.sqlite().query_row("SELECT count(*) FROM exchanges", (), |row| row.get(0));
    until(async || rows() == Ok(1)).await;
    bench.sqlite().execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
    let mut bytes = std::fs::read(bench.path()).unwrap();
    bytes[4096..].fill(0xa5);
    std::fs::write(bench.path(), bytes).unwrap();
    // Another connection's write makes the log's read its pages again.
    bench.sqlite().execute_batch("PRAGMA user_version = 2").unwrap();
    begin(&log, arrival(2)).done(200, None);
    until(async || rows() == Ok(2)).await;
    assert!(log.notice().unwrap().starts_with("The request log was damaged."));
    assert_eq!(ids(&log, ExchangeQuery::default()).await, [id(2), id(1)]);
    drop(running);
    log.close().await;
}

#[tokio::test(start_paused = true)]
async fn a_database_of_a_newer_version_is_left_as_it_is() {
    let bench = Bench::new();
    with_one_request(&bench).await;
    bench.sqlite().execute_batch("PRAGMA user_version = 1000").unwrap();
    let before = std::fs::read(bench.path()).unwrap();
    let log = bench.on_disk().await;
    assert!(log.notice().unwrap().contains("newer version"));
    begin(&log, arrival(2)).done(200, None);
    assert_eq!(ids(&log, ExchangeQuery::default()).await, [id(2)]);
    log.close().await;
    assert_eq!(std::fs::read(bench.path()).unwrap(), before);
    assert_eq!(files(&bench), ["requests.sqlite"]);
}

#[tokio::test(start_paused = true)]
async fn a_database_of_an_older_version_keeps_its_rows_and_takes_new_ones() {
    let bench = Bench::new();
    with_one_request(&bench).await;
    bench
        .sqlite()
        .execute_batch(
            "ALTER TABLE exchanges DROP COLUMN request_id; ALTER TABLE exchanges DROP COLUMN code;
             PRAGMA user_version = 1",
        )
        .unwrap();
    let log = bench.on_disk().await;
    assert_eq!(log.notice(), None);
    begin(&log, arrival(2)).failed(500, "internal_error", "It broke.");
    log.close().await;
    let log = bench.on_disk().await;
    let rows = all(&log).await;
    let of = |row: &ExchangeRow| (row.id.clone(), row.request_id.clone(), row.code.clone());
    assert_eq!(of(&rows[0]), (id(2), "of-client-2".into(), Some("internal_error".into())));
    assert_eq!(of(&rows[1]), (id(1), String::new(), None));
    log.close().await;
}

#[tokio::test(start_paused = true)]
async fn a_folder_that_cannot_be_used_leaves_the_log_in_memory() {
    let bench = Bench::new();
    // A file stands where the folder should be.
    std::fs::write(bench.folder.path().join("data"), "").unwrap();
    let log = bench.on_disk().await;
    assert!(log.notice().unwrap().contains("cannot be opened"));
    begin(&log, arrival(1)).done(200, None);
    assert_eq!(ids(&log, ExchangeQuery::default()).await, [id(1)]);
    assert!(log.detail(&id(1)).await.is_some());
    log.clear().await;
    assert!(all(&log).await.is_empty());
    log.close().await;
}

#[tokio::test(start_paused = true)]
async fn a_database_that_an_earlier_version_wrote_is_read_whole() {
    let bench = Bench::new();
    std::fs::create_dir_all(bench.path().parent().unwrap()).unwrap();
    let written_by_9c8d7f2 = include_str!("../../../tests/fixtures/9c8d7f2/requests.sql");
    bench.sqlite().execute_batch(written_by_9c8d7f2).unwrap();
    let log = bench.with_texts().await;
    assert_eq!(log.notice(), None);
    assert_eq!(ids(&log, ExchangeQuery::default()).await, [id(4), id(3), id(2), id(1)]);
    let done = log.detail(&id(1)).await.unwrap();
    let row = ExchangeRow {
        id: id(1),
        request_id: "of-client-1".into(),
        at: NOON,
        key: "Default".into(),
        client: "curl/8.5".into(),
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
    let interrupted = Some("Codex Proxy ended while it ran".into());
    assert_eq!(of(&rows[0]), (ExchangeState::Failed, None, None, interrupted));
    bench.set(NOON + 1_000);
    let last = log.chart(ChartBy::Hour, 0).await.pop().unwrap();
    assert_eq!((last.requests, last.failed, last.input, last.output), (4, 2, 1_000, 70));
    log.close().await;
}
