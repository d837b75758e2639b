use super::*;

/// The database and what was put aside.
fn files(bench: &Bench) -> Vec<String> {
    let folder = std::fs::read_dir(bench.path().parent().unwrap()).unwrap();
    let mut names: Vec<_> = folder.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    names.sort_unstable();
    names
}

async fn with_one_request(bench: &Bench) {
    let journal = bench.on_disk().await;
    begin(&journal, arrival(1)).done(200, None);
    journal.close().await;
}

async fn is_begun_anew(bench: &Bench) {
    let journal = bench.on_disk().await;
    let notice = journal.notice().unwrap();
    assert!(notice.starts_with("The request log was damaged."), "{notice}");
    assert!(all(&journal).await.is_empty());
    begin(&journal, arrival(2)).done(200, None);
    journal.close().await;
    assert_eq!(files(bench), ["journal.sqlite3".to_owned(), format!("journal.sqlite3.damaged-{NOON}")]);
    let journal = bench.on_disk().await;
    assert_eq!(journal.notice(), None);
    assert_eq!(ids(&journal, ExchangeQuery::default()).await, [id(2)]);
    journal.close().await;
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
    let journal = bench.on_disk().await;
    begin(&journal, arrival(1)).done(200, None);
    let rows = || bench.sqlite().query_row("SELECT count(*) FROM exchanges", (), |row| row.get(0));
    until(async || rows() == Ok(1)).await;
    bench.sqlite().execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
    let mut bytes = std::fs::read(bench.path()).unwrap();
    bytes[4096..].fill(0xa5);
    std::fs::write(bench.path(), bytes).unwrap();
    // Another connection's write makes the journal's read its pages again.
    bench.sqlite().execute_batch("PRAGMA user_version = 2").unwrap();
    begin(&journal, arrival(2)).done(200, None);
    until(async || rows() == Ok(2)).await;
    assert!(journal.notice().unwrap().starts_with("The request log was damaged."));
    assert_eq!(ids(&journal, ExchangeQuery::default()).await, [id(2), id(1)]);
    journal.close().await;
}

#[tokio::test(start_paused = true)]
async fn a_database_of_a_newer_version_is_left_as_it_is() {
    let bench = Bench::new();
    with_one_request(&bench).await;
    bench.sqlite().execute_batch("PRAGMA user_version = 1000").unwrap();
    let before = std::fs::read(bench.path()).unwrap();
    let journal = bench.on_disk().await;
    assert!(journal.notice().unwrap().contains("newer version"));
    begin(&journal, arrival(2)).done(200, None);
    assert_eq!(ids(&journal, ExchangeQuery::default()).await, [id(2)]);
    journal.close().await;
    assert_eq!(std::fs::read(bench.path()).unwrap(), before);
    assert_eq!(files(&bench), ["journal.sqlite3"]);
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
    let journal = bench.on_disk().await;
    assert_eq!(journal.notice(), None);
    begin(&journal, arrival(2)).failed(500, "internal_error", "It broke.");
    journal.close().await;
    let journal = bench.on_disk().await;
    let rows = all(&journal).await;
    let of = |row: &ExchangeRow| (row.id.clone(), row.request_id.clone(), row.code.clone());
    assert_eq!(of(&rows[0]), (id(2), "of-client-2".into(), Some("internal_error".into())));
    assert_eq!(of(&rows[1]), (id(1), String::new(), None));
    journal.close().await;
}

#[tokio::test(start_paused = true)]
async fn a_folder_that_cannot_be_used_leaves_the_log_in_memory() {
    let bench = Bench::new();
    // A file stands where the folder should be.
    std::fs::write(bench.folder.path().join("data"), "").unwrap();
    let journal = bench.on_disk().await;
    assert!(journal.notice().unwrap().contains("cannot be opened"));
    begin(&journal, arrival(1)).done(200, None);
    assert_eq!(ids(&journal, ExchangeQuery::default()).await, [id(1)]);
    assert!(journal.detail(&id(1)).await.is_some());
    journal.clear().await;
    assert!(all(&journal).await.is_empty());
    journal.close().await;
}
