//! Why a request failed, where the reason may quote it.

use proxy::RequestEnd;

use super::*;

const SECRET: &str = "unmistakable-secret";
const SUMMARY: &str = "Rejected: invalid_request. The reason may quote the request, so it wasn't saved.";

/// A request that fails with a reason that quotes it.
fn fail(log: &RequestDatabase, n: usize) {
    let reports = log.reports();
    reports.begun(arrival(n));
    let message = format!("Unknown content type \"{SECRET}\".");
    let end = RequestEnd::Failed {
        status: 400,
        code: "invalid_request",
        message: &message,
        summary: Some(SUMMARY),
    };
    reports.ended(&id(n), &end);
}

async fn shown(log: &RequestDatabase, n: usize) -> (String, String) {
    let rows = all(log).await;
    let row = rows.into_iter().find(|row| row.id == id(n)).unwrap();
    (row.error.unwrap(), log.detail(&id(n)).await.unwrap().row.error.unwrap())
}

fn on_disk(test: &TestLog) -> bool {
    any_file_contains(test.path().parent().unwrap(), SECRET)
}

#[tokio::test(start_paused = true)]
async fn a_reason_that_may_quote_the_request_is_shown_and_only_in_memory() {
    let test = TestLog::new();
    let log = test.on_disk().await;
    let mut changes = log.subscribe();
    fail(&log, 1);
    assert!(received(&mut changes).last().unwrap().error.as_ref().unwrap().contains(SECRET));
    assert!(shown(&log, 1).await.0.contains(SECRET));
    wait_until(async || log.shared.live.lock().find(&id(1)).is_none()).await;
    let (row, detail) = shown(&log, 1).await;
    assert!(row.contains(SECRET) && detail == row, "{row}");
    assert!(!on_disk(&test));
    log.close().await;
    assert!(!on_disk(&test));
    let log = test.on_disk().await;
    assert_eq!(shown(&log, 1).await, (SUMMARY.to_owned(), SUMMARY.to_owned()));
    let found = ExchangeQuery { text: Some("may quote".into()), ..ExchangeQuery::default() };
    assert_eq!(ids(&log, found).await, [id(1)]);
    log.close().await;
}

#[tokio::test(start_paused = true)]
async fn with_texts_the_reason_is_stored_until_texts_are_turned_off() {
    let test = TestLog::new();
    let log = test.with_texts().await;
    fail(&log, 1);
    log.close().await;
    let log = test.with_texts().await;
    assert!(shown(&log, 1).await.0.contains(SECRET));
    log.close().await;
    let log = test.on_disk().await;
    assert_eq!(shown(&log, 1).await.0, SUMMARY);
    assert!(!on_disk(&test));
    log.close().await;
}

#[tokio::test(start_paused = true)]
async fn our_own_sentences_are_stored_and_shown_once() {
    let test = TestLog::new();
    let log = test.on_disk().await;
    begin(&log, arrival(1)).failed(404, "model_not_found", "The model \"gpt-9\" does not exist.");
    log.close().await;
    let log = test.on_disk().await;
    assert_eq!(shown(&log, 1).await.0, "The model \"gpt-9\" does not exist.");
    let steps = log.detail(&id(1)).await.unwrap().steps;
    let last = steps.last().unwrap();
    assert_eq!((last.what.as_str(), last.detail.as_ref(), last.bad), ("Failed", None, true));
    log.close().await;
}

#[tokio::test(start_paused = true)]
async fn a_request_that_the_user_stopped_is_no_failure() {
    let test = TestLog::new();
    let log = test.on_disk().await;
    let reports = log.reports();
    reports.begun(arrival(1));
    reports.progress(&id(1), 40);
    reports.ended(&id(1), &RequestEnd::Cancelled);
    begin(&log, arrival(2)).failed(500, "internal_error", "It broke.");
    drop(begin(&log, arrival(3)));
    let stopped = ExchangeQuery { show: Some(Show::Stopped), ..ExchangeQuery::default() };
    assert_eq!(ids(&log, stopped).await, [id(3), id(1)]);
    let detail = log.detail(&id(1)).await.unwrap();
    assert_eq!((detail.row.state, detail.row.output), (ExchangeState::Cancelled, Some(40)));
    assert_eq!(detail.steps.last().unwrap().what, "Stopped by you");
    assert_eq!(log.counts(ExchangeQuery::default()).await, ExchangeCounts { total: 3, failed: 1 });
    log.close().await;
}

#[tokio::test(start_paused = true)]
async fn the_estimate_of_tokens_is_published_in_batches_and_not_written() {
    let test = TestLog::new();
    let log = test.on_disk().await;
    let entry = begin(&log, arrival(1));
    entry.first_token(1);
    let written = async || log.shared.live.lock().unwritten().requests.is_empty();
    wait_until(written).await;
    let mut changes = log.subscribe();
    for tokens in 1..=1_000 {
        entry.progress(tokens);
    }
    assert!(log.shared.live.lock().unwritten().requests.is_empty(), "an estimate is not written");
    wait_until(async || !changes.is_empty()).await;
    let seen = received(&mut changes);
    assert_eq!((seen.len(), seen[0].output), (1, Some(1_000)));
    entry.done(200, None);
    assert_eq!(all(&log).await[0].output, None, "an unknown number is not an estimate");
    log.close().await;
}

#[tokio::test(start_paused = true)]
async fn rows_of_an_older_version_get_the_names_of_their_apps() {
    let test = TestLog::new();
    let log = test.on_disk().await;
    begin(&log, Arrival { client: "OpenAI/Python 2.8".into(), ..arrival(1) }).done(200, None);
    log.close().await;
    test.sqlite()
        .execute_batch(
            "DROP TABLE reasons; ALTER TABLE exchanges DROP COLUMN app; DROP TABLE changes; DROP TABLE reviews; DROP TABLE chats; DROP TABLE pictures;
             ALTER TABLE exchanges DROP COLUMN files_changed; PRAGMA user_version = 3",
        )
        .unwrap();
    let log = test.on_disk().await;
    assert_eq!((all(&log).await[0].app.as_str(), log.notice()), ("OpenAI Python", None));
    log.close().await;
}
