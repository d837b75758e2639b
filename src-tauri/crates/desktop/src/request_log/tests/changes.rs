use proxy::changes::{ChangedFile, Changes, FileAction, UndoState};

use super::*;

const SECRET: &str = "unmistakable-change";

/// Changes of this many files with this diff.
pub(super) fn changed(count: u32, diff: &str) -> Changes {
    let file = |n| ChangedFile {
        path: format!("src/file{n}.rs"),
        what: FileAction::Changed,
        from: None,
        added: 1,
        removed: 0,
        binary: false,
        link: false,
    };
    Changes {
        folder: "/work".to_owned(),
        files: (0..count).map(file).collect(),
        count,
        diff: diff.to_owned(),
        diff_cut: false,
        undo: UndoState::Possible,
    }
}

/// A request that changed two files.
fn change(log: &RequestDatabase, n: usize) {
    let entry = begin(log, arrival(n));
    log.reports().changed(&id(n), &changed(2, SECRET));
    entry.done(200, None);
}

fn review(state: ReviewState) -> Review {
    Review {
        state,
        began: NOON,
        ended: None,
        step: None,
        summary: SECRET.to_owned(),
        findings: Vec::new(),
        tokens: Some(12),
    }
}

fn disk_contains_secret(test: &TestLog) -> bool {
    any_file_contains(test.path().parent().unwrap(), SECRET)
}

async fn shown(log: &RequestDatabase, n: usize) -> (u32, Option<Changes>) {
    let detail = log.detail(&id(n)).await.unwrap();
    (detail.row.files_changed, detail.changes)
}

#[tokio::test(start_paused = true)]
async fn without_texts_only_the_number_of_changed_files_is_stored() {
    let test = TestLog::new();
    let log = test.on_disk().await;
    change(&log, 1);
    assert_eq!(shown(&log, 1).await, (2, Some(changed(2, SECRET))));
    log.set_review(&id(1), review(ReviewState::Done)).await;
    assert!(log.detail(&id(1)).await.unwrap().review.is_some());
    log.close().await;
    assert!(!disk_contains_secret(&test));
    let log = test.on_disk().await;
    assert_eq!(shown(&log, 1).await, (2, None));
    log.close().await;
}

#[tokio::test(start_paused = true)]
async fn with_texts_changes_and_reviews_are_stored_until_texts_are_turned_off() {
    let test = TestLog::new();
    let log = test.with_texts().await;
    change(&log, 1);
    log.set_review(&id(1), review(ReviewState::Done)).await;
    log.close().await;
    let log = test.with_texts().await;
    assert_eq!(shown(&log, 1).await, (2, Some(changed(2, SECRET))));
    assert_eq!(log.detail(&id(1)).await.unwrap().review, Some(review(ReviewState::Done)));
    log.set_retention(30, false).await;
    assert_eq!(shown(&log, 1).await, (2, None));
    assert!(!disk_contains_secret(&test));
    log.close().await;
}

#[tokio::test(start_paused = true)]
async fn changes_that_come_after_the_end_are_stored_and_published_once() {
    let test = TestLog::new();
    let log = test.with_texts().await;
    begin(&log, arrival(1)).done(200, None);
    // The row is on disk, and no longer in memory.
    wait_until(async || log.shared.live.lock().find(&id(1)).is_none()).await;
    let mut published = log.subscribe();
    log.reports().changed(&id(1), &changed(2, SECRET));
    let mut late = None;
    let notices = loop {
        match published.recv().await.unwrap() {
            Change::Row(row) => late = Some(row.files_changed),
            Change::FilesChanged(row) => break row.files_changed,
            Change::Cleared => {}
        }
    };
    assert_eq!((late, notices), (Some(2), 2));
    assert_eq!(shown(&log, 1).await.0, 2);
    log.close().await;
    let log = test.with_texts().await;
    assert_eq!(shown(&log, 1).await, (2, Some(changed(2, SECRET))));
    log.close().await;
}

#[tokio::test(start_paused = true)]
async fn cleared_and_old_requests_lose_their_changes_in_memory_and_on_disk() {
    let test = TestLog::new();
    let log = test.with_texts().await;
    change(&log, 1);
    log.set_review(&id(1), review(ReviewState::Done)).await;
    wait_until(async || disk_contains_secret(&test)).await;
    log.clear().await;
    let kept = || log.shared.live.lock().changes.ids();
    wait_until(async || kept().is_empty()).await;
    assert!(!disk_contains_secret(&test));
    change(&log, 2);
    wait_until(async || disk_contains_secret(&test)).await;
    test.advance(DAY_MS + 1);
    log.set_retention(1, true).await;
    assert!(kept().is_empty() && !disk_contains_secret(&test));
    log.close().await;
}

#[tokio::test(start_paused = true)]
async fn memory_holds_the_changes_of_the_latest_requests_only() {
    let test = TestLog::new();
    let log = test.on_disk().await;
    (0..60).for_each(|n| change(&log, n));
    assert_eq!(shown(&log, 9).await, (2, None));
    assert!(shown(&log, 10).await.1.is_some());
    let large = "x".repeat(1024 * 1024);
    for n in 60..80 {
        let entry = begin(&log, arrival(n));
        log.reports().changed(&id(n), &changed(1, &large));
        entry.done(200, None);
    }
    assert!(shown(&log, 63).await.1.is_none());
    assert!(shown(&log, 79).await.1.is_some());
    log.close().await;
}

#[tokio::test(start_paused = true)]
async fn a_step_can_follow_the_end_of_a_request() {
    let test = TestLog::new();
    let log = test.on_disk().await;
    change(&log, 1);
    test.advance(5_000);
    log.add_step(&id(1), "Changes undone", Some("2 files".to_owned()), false).await;
    let steps = log.detail(&id(1)).await.unwrap().steps;
    let titles: Vec<&str> = steps.iter().map(|step| step.what.as_str()).collect();
    assert_eq!(titles, ["Arrived", "2 files changed", "Done", "Changes undone"]);
    assert_eq!(steps[3].at_ms, 5_000);
    log.close().await;
}
