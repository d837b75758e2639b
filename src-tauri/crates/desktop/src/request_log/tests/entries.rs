use codex_client::Usage;

use super::*;
use crate::request_log::live::MAX_UNWRITTEN;

fn step_names(detail: &ExchangeDetail) -> Vec<&str> {
    detail.steps.iter().map(|step| step.what.as_str()).collect()
}

#[tokio::test(start_paused = true)]
async fn arrival_first_token_and_end_are_published_immediately() {
    let test = TestLog::new();
    let log = test.in_memory().await;
    let mut changes = log.subscribe();
    let entry = begin(&log, arrival(1));
    assert_eq!(received(&mut changes)[0].state, ExchangeState::Waiting);
    test.advance(40);
    entry.first_token(7);
    let row = &received(&mut changes)[0];
    assert_eq!((row.state, row.first_ms, row.own_ms), (ExchangeState::Streaming, Some(40), Some(7)));
    test.advance(60);
    entry.done(200, Some(Usage { input: 11, cached: 5, output: 7, reasoning: 3 }));
    let row = &received(&mut changes)[0];
    assert_eq!((row.state, row.status, row.total_ms), (ExchangeState::Done, Some(200), Some(100)));
    let tokens = (row.input, row.cached, row.output, row.reasoning);
    assert_eq!(tokens, (Some(11), Some(5), Some(7), Some(3)));
    log.close().await;
}

#[tokio::test(start_paused = true)]
async fn small_changes_are_published_in_batches_ten_times_a_second() {
    let test = TestLog::new();
    let log = test.in_memory().await;
    let mut changes = log.subscribe();
    let entry = begin(&log, arrival(1));
    assert_eq!(received(&mut changes).len(), 1);
    let begun = tokio::time::Instant::now();
    for _ in 0..50 {
        command(&entry, Some("ls"));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(begun.elapsed(), Duration::from_secs(1));
    let rows = received(&mut changes);
    assert!((5..=10).contains(&rows.len()), "{} changes in a second", rows.len());
    let Ok(Change::Row(last)) = changes.recv().await else { panic!("the last change was not published") };
    assert_eq!(last.commands, 50);
    drop(entry);
    log.close().await;
}

#[tokio::test(start_paused = true)]
async fn the_end_of_a_request_is_published_last() {
    let test = TestLog::new();
    let log = test.in_memory().await;
    let mut changes = log.subscribe();
    let entry = begin(&log, arrival(1));
    entry.step("Thinks", None, false);
    entry.done(200, None);
    tokio::time::sleep(Duration::from_secs(1)).await;
    let states: Vec<_> = received(&mut changes).iter().map(|row| row.state).collect();
    assert_eq!(states, [ExchangeState::Waiting, ExchangeState::Done]);
    log.close().await;
}

#[tokio::test(start_paused = true)]
async fn parts_of_the_answer_are_not_published() {
    let test = TestLog::new();
    let log = test.with_texts().await;
    let mut changes = log.subscribe();
    let entry = begin(&log, arrival(1));
    entry.first_token(1);
    assert_eq!(received(&mut changes).len(), 2);
    for _ in 0..100 {
        entry.text("word ");
        entry.first_token(1);
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(received(&mut changes).len(), 0);
    drop(entry);
    log.close().await;
}

#[tokio::test(start_paused = true)]
async fn a_dropped_recorder_means_the_client_disconnected() {
    let test = TestLog::new();
    let log = test.in_memory().await;
    let entry = begin(&log, arrival(1));
    test.advance(5);
    assert_eq!(log.running(), 1);
    drop(entry);
    assert_eq!(log.running(), 0);
    let detail = log.detail(&id(1)).await.unwrap();
    assert_eq!((detail.row.state, detail.row.total_ms), (ExchangeState::Stopped, Some(5)));
    assert_eq!(step_names(&detail), ["Arrived", "App disconnected"]);
    log.close().await;
}

#[tokio::test(start_paused = true)]
async fn reports_after_the_end_are_ignored() {
    let test = TestLog::new();
    let log = test.in_memory().await;
    let mut changes = log.subscribe();
    let entry = begin(&log, arrival(1));
    entry.failed(502, "codex_disconnected", "codex ended.");
    assert_eq!(received(&mut changes).len(), 2);
    entry.done(200, None);
    entry.first_token(1);
    entry.step("Too late", None, false);
    drop(entry);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(received(&mut changes).len(), 0);
    let detail = log.detail(&id(1)).await.unwrap();
    assert_eq!((detail.row.state, detail.row.status), (ExchangeState::Failed, Some(502)));
    assert_eq!(detail.row.error.as_deref(), Some("codex ended."));
    assert_eq!(step_names(&detail), ["Arrived", "Failed"]);
    assert!(detail.steps[1].bad);
    assert_eq!(log.running(), 0);
    log.close().await;
}

#[tokio::test(start_paused = true)]
async fn steps_have_their_times() {
    let test = TestLog::new();
    let log = test.in_memory().await;
    let entry = begin(&log, arrival(1));
    test.advance(10);
    entry.waited(10, true);
    entry.step("Sent to Codex", None, false);
    test.advance(20);
    command(&entry, Some("ls -l"));
    test.advance(30);
    entry.first_token(2);
    entry.done(200, None);
    let detail = log.detail(&id(1)).await.unwrap();
    let line: Vec<_> = detail.steps.iter().map(|step| (step.at_ms, step.what.as_str())).collect();
    let expected = [
        (0, "Arrived"),
        (10, "Admitted"),
        (10, "Sent to Codex"),
        (30, "Started a command"),
        (60, "First token"),
        (60, "Done"),
    ];
    assert_eq!(line, expected);
    assert_eq!(detail.steps[3].detail.as_deref(), Some("ls -l"));
    assert_eq!((detail.row.wait_ms, detail.row.commands), (Some(10), 1));
    log.close().await;
}

#[tokio::test(start_paused = true)]
async fn steps_beyond_the_limit_are_counted_and_the_end_is_stored() {
    let test = TestLog::new();
    let log = test.in_memory().await;
    let entry = begin(&log, arrival(1));
    for _ in 0..500 {
        entry.step("Thinks", None, false);
    }
    entry.done(200, None);
    let detail = log.detail(&id(1)).await.unwrap();
    let [.., left_out, end] = detail.steps.as_slice() else { panic!("no steps") };
    assert_eq!((left_out.what.as_str(), end.what.as_str()), ("301 more steps", "Done"));
    assert_eq!(detail.steps.len(), 202);
    log.close().await;
}

#[tokio::test(start_paused = true)]
async fn long_client_texts_are_truncated_and_have_no_control_characters() {
    let test = TestLog::new();
    let log = test.in_memory().await;
    let long = "ä\u{1b}".repeat(10_000);
    let entry = begin(&log, Arrival { model: long.clone(), client: long.clone(), ..arrival(1) });
    entry.failed(400, "invalid_request", &long);
    let row = &all(&log).await[0];
    assert_eq!((row.model.chars().count(), row.client.chars().count()), (101, 101));
    assert_eq!(row.error.as_ref().unwrap().chars().count(), 2_001);
    assert!(row.model.starts_with("ä ä ") && row.model.ends_with('…'));
    log.close().await;
}

#[tokio::test(start_paused = true)]
async fn a_log_in_memory_keeps_the_newest_and_all_running_requests() {
    let test = TestLog::new();
    // A folder cannot be opened as a database, so the log is in memory.
    let path = test.folder.path().to_owned();
    let log =
        RequestDatabase::open(RequestDatabaseOptions { path, max_bytes: 120_000, ..test.options() }).await;
    let running = begin(&log, arrival(0));
    for n in 1..=500 {
        begin(&log, arrival(n)).done(200, None);
    }
    log.set_retention(30, false).await;
    let left = ids(&log, ExchangeQuery { limit: Some(1_000), ..ExchangeQuery::default() }).await;
    assert!((50..450).contains(&left.len()), "{}", left.len());
    assert_eq!((&left[0], left.last().unwrap()), (&id(500), &id(0)));
    drop(running);
    log.close().await;
}

#[tokio::test(start_paused = true)]
async fn memory_stays_bounded_without_writes_and_dropped_requests_are_reported() {
    let test = TestLog::new();
    let log = test.on_disk().await;
    let running = begin(&log, arrival(0));
    // Without an await, the writer does not run.
    for n in 1..=MAX_UNWRITTEN + 10 {
        begin(&log, arrival(n)).done(200, None);
    }
    assert!(log.notice().unwrap().starts_with("10 requests are missing"), "{:?}", log.notice());
    assert_eq!(log.today(0).await.requests, MAX_UNWRITTEN as u64 + 1);
    assert_eq!(log.detail(&id(10)).await, None);
    assert!(log.detail(&id(0)).await.is_some() && log.detail(&id(11)).await.is_some());
    drop(running);
    log.close().await;
    let rows: i64 = test.sqlite().query_row("SELECT count(*) FROM exchanges", (), |row| row.get(0)).unwrap();
    assert_eq!(rows, MAX_UNWRITTEN as i64 + 1);
}

#[tokio::test(start_paused = true)]
async fn a_clock_set_back_causes_no_negative_times() {
    let test = TestLog::new();
    let log = test.in_memory().await;
    let entry = begin(&log, arrival(1));
    test.set(NOON - 60_000);
    entry.first_token(1);
    entry.done(200, None);
    let row = &all(&log).await[0];
    assert_eq!((row.first_ms, row.total_ms), (Some(0), Some(0)));
    log.close().await;
}

#[tokio::test(start_paused = true)]
async fn chat_that_codex_keeps_is_in_the_details_after_a_restart_and_leaves_with_its_request() {
    let test = TestLog::new();
    let log = test.on_disk().await;
    let entry = begin(&log, arrival(1));
    entry.kept(&codex_client::KeptChat { thread: "01a2-18d9".into(), folder: "/home/me/web".into() });
    entry.done(200, None);
    begin(&log, arrival(2)).done(200, None);
    log.close().await;
    let log = test.on_disk().await;
    let chat = log.detail(&id(1)).await.unwrap().chat.unwrap();
    assert_eq!((chat.thread.as_str(), chat.folder.as_str()), ("01a2-18d9", "/home/me/web"));
    assert_eq!(log.detail(&id(2)).await.unwrap().chat, None);
    log.clear().await;
    log.close().await;
    assert_eq!(test.sqlite().query_row("SELECT count(*) FROM chats", (), |row| row.get(0)), Ok(0));
}
