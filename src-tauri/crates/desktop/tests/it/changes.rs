//! What answers changed: shown, undone, redone and reviewed, with the real codex and the sample model.

use std::path::PathBuf;

use desktop::app::{Change, Notice};
use desktop::request_log::{ExchangeDetail, ExchangeQuery, ReviewState};
use proxy::changes::{FileAction, UndoState};
use sample_model::{Event, codex_home};
use serde_json::{Value, json};

use crate::opened::Opened;
use crate::support::{TIMEOUT, prompt_body};

/// An app whose codex may write in a folder with one file.
async fn open(mut settings: Value) -> Opened {
    settings["sandbox"] = "workspace-write".into();
    let opened = Opened::new(codex_home::write, settings).await;
    std::fs::write(opened.work().join("notes.txt"), "one\n").unwrap();
    opened
}

impl Opened {
    /// Has codex run a command in the folder, and returns the request's id in the log.
    async fn run(&self, command: &str) -> String {
        let mut body = prompt_body(&format!("[[shell={}]]", json!(command)));
        body["model"] = "codex-local".into();
        let response = self.chat(&body).send().await.unwrap();
        assert_eq!(response.status(), 200, "{}", response.text().await.unwrap());
        response.bytes().await.unwrap();
        self.app.request_log().query(ExchangeQuery::default()).await.remove(0).id
    }

    fn read(&self, file: &str) -> Option<String> {
        std::fs::read_to_string(self.work().join(file)).ok()
    }

    async fn detail(&self, id: &str) -> ExchangeDetail {
        self.app.exchange_detail(id).await.unwrap()
    }

    /// Waits until the request's details are like this.
    async fn shows_detail(&self, id: &str, what: impl Fn(&ExchangeDetail) -> bool) -> ExchangeDetail {
        let mut changes = self.app.changes();
        let waiting = async {
            loop {
                let detail = self.detail(id).await;
                if what(&detail) {
                    return detail;
                }
                let _ = changes.recv().await;
            }
        };
        match tokio::time::timeout(TIMEOUT, waiting).await {
            Ok(detail) => detail,
            Err(_) => panic!("{:#?}", self.detail(id).await),
        }
    }
}

fn titles(detail: &ExchangeDetail) -> Vec<&str> {
    detail.steps.iter().map(|step| step.what.as_str()).collect()
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn what_a_command_changed_is_shown_undone_and_redone_also_after_a_restart() {
    sample_model::not_under_wine!("Wine has no PowerShell");
    let mut opened = open(json!({})).await;
    let mut published = opened.app.changes();
    let id = opened.run("echo two >> notes.txt; echo new > added.txt").await;
    let detail = opened.shows_detail(&id, |detail| detail.changes.is_some()).await;
    let changes = detail.changes.unwrap();
    assert_eq!((detail.row.files_changed, changes.count, changes.undo), (2, 2, UndoState::Possible));
    assert_eq!(PathBuf::from(&changes.folder), opened.work());
    let files: Vec<_> = changes.files.iter().map(|file| (file.path.as_str(), file.what)).collect();
    assert_eq!(files, [("added.txt", FileAction::Added), ("notes.txt", FileAction::Changed)]);
    assert!(changes.diff.contains("+two") && changes.diff.contains("+new"), "{}", changes.diff);
    let notice = std::iter::from_fn(|| published.try_recv().ok()).find_map(|change| match change {
        Change::Notice(Notice::FilesChanged { request, files, .. }) => Some((request, files)),
        _ => None,
    });
    assert_eq!(notice, Some((id.clone(), 2)));

    let report = opened.app.undo_changes(&id).await.unwrap();
    assert_eq!((report.restored.len(), report.refused.len()), (2, 0));
    assert_eq!((opened.read("notes.txt").as_deref(), opened.read("added.txt")), (Some("one\n"), None));
    let detail = opened.detail(&id).await;
    assert_eq!(detail.changes.as_ref().map(|changes| &changes.undo), Some(&UndoState::Undone));
    assert!(titles(&detail).contains(&"Changes undone"), "{:?}", detail.steps);

    opened.restart().await;
    let undone = opened.detail(&id).await.changes.unwrap();
    assert_eq!((undone.undo, undone.files.len()), (UndoState::Undone, 2));
    opened.app.redo_changes(&id).await.unwrap();
    assert_eq!(opened.read("notes.txt").as_deref(), Some("one\ntwo\n"));
    assert_eq!(opened.read("added.txt").as_deref(), Some("new\n"));
    opened.app.shutdown().await;
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn a_file_edited_since_is_left_and_the_notification_can_be_switched_off() {
    sample_model::not_under_wine!("Wine has no PowerShell");
    let opened = open(json!({"notify_changes": false})).await;
    let mut published = opened.app.changes();
    let id = opened.run("echo two >> notes.txt; echo new > added.txt").await;
    opened.shows_detail(&id, |detail| detail.changes.is_some()).await;
    std::fs::write(opened.work().join("notes.txt"), "mine\n").unwrap();
    let report = opened.app.undo_changes(&id).await.unwrap();
    assert_eq!(report.restored, ["added.txt"]);
    assert_eq!(report.refused[0].path, "notes.txt");
    assert_eq!(opened.read("notes.txt").as_deref(), Some("mine\n"));
    let notices = std::iter::from_fn(|| published.try_recv().ok());
    assert_eq!(notices.filter(|change| matches!(change, Change::Notice(_))).count(), 0);
    opened.app.shutdown().await;
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn a_review_of_the_changes_shows_what_it_found_and_changes_nothing() {
    sample_model::not_under_wine!("Wine has no PowerShell");
    let opened = open(json!({})).await;
    let id = opened.run("echo two >> notes.txt").await;
    opened.shows_detail(&id, |detail| detail.changes.is_some()).await;
    opened.app.review_changes(&id).await.unwrap();
    let is_done = |detail: &ExchangeDetail| {
        titles(detail).last() == Some(&"Review found 1 problem")
            && detail.review.as_ref().is_some_and(|review| review.state != ReviewState::Running)
    };
    let detail = opened.shows_detail(&id, is_done).await;
    let review = detail.review.clone().unwrap();
    assert_eq!(
        (review.state, review.summary.as_str()),
        (ReviewState::Done, "The sample model found something.")
    );
    assert_eq!(review.findings.len(), 1);
    assert_eq!(
        (review.findings[0].title.as_str(), review.findings[0].place.as_str()),
        ("[P2] Sample finding 1", "notes.txt:1-2")
    );
    assert!(review.tokens.is_some() && titles(&detail).contains(&"Review started"));
    let upstream = opened.model.requests().pop().unwrap();
    assert!(upstream.input().iter().any(|(_, text)| text.contains("+two")), "the diff is sent");
    assert_eq!(opened.read("notes.txt").as_deref(), Some("one\ntwo\n"));
    opened.app.shutdown().await;
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn one_review_runs_at_a_time_and_it_can_be_stopped() {
    sample_model::not_under_wine!("Wine has no PowerShell");
    let opened = open(json!({})).await;
    // The diff is part of the prompt, so the directive in the file applies to the review.
    let id = opened.run("printf '\\133\\133hold=0\\135\\135' >> notes.txt").await;
    opened.shows_detail(&id, |detail| detail.changes.is_some()).await;
    opened.app.review_changes(&id).await.unwrap();
    assert!(opened.model.wait_for(|event| matches!(event, Event::Held { .. }), TIMEOUT).await.is_some());
    let again = opened.app.review_changes(&id).await.unwrap_err();
    assert_eq!(again.message, "These changes are being reviewed already.");
    opened.app.cancel_review(&id);
    assert!(
        opened.model.wait_for(|event| matches!(event, Event::ClientGone { .. }), TIMEOUT).await.is_some()
    );
    let stopped = |detail: &ExchangeDetail| titles(detail).last() == Some(&"Review stopped by you");
    let review = opened.shows_detail(&id, stopped).await.review.unwrap();
    assert_eq!(review.state, ReviewState::Cancelled);
    opened.app.stop().await;
    let stopped = opened.app.review_changes(&id).await.unwrap_err();
    assert_eq!(stopped.message, "Start the proxy to have changes reviewed.");
    opened.app.shutdown().await;
}
