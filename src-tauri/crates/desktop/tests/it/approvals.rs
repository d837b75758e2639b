//! The questions of the real codex in the app: in the overview, as notices, and what is allowed from now on.

use desktop::app::{ApprovalAnswer, Change, Overview};
use proxy::health::{FixAction, Level};
use sample_model::codex_home;
use serde_json::{Value, json};
use tokio::sync::broadcast::Receiver;
use tokio::task::JoinHandle;

use crate::opened::Opened;
use crate::support::TIMEOUT;

const TOUCH: &str = "[[escalate=\"mkdir here.txt\" why=\"May I?\"]]";

/// An app in which codex asks.
async fn open(notify: bool) -> (Opened, Receiver<Change>) {
    let opened = Opened::new(codex_home::write, json!({"ask": true, "notify_asks": notify})).await;
    let changes = opened.app.changes();
    (opened, changes)
}

/// Waits for an overview with as many questions. Returns it with the notices meanwhile.
async fn shows(changes: &mut Receiver<Change>, count: usize) -> (Overview, Vec<(String, String)>) {
    let mut notices = Vec::new();
    let waiting = async {
        loop {
            match changes.recv().await {
                Ok(Change::Overview(overview)) if overview.approvals.len() == count => return *overview,
                Ok(Change::Notice(notice)) => notices.push((notice.title(), notice.body())),
                _ => {}
            }
        }
    };
    let overview = tokio::time::timeout(TIMEOUT, waiting).await.expect("never shown");
    (overview, notices)
}

impl Opened {
    fn ask_to_write(&self) -> JoinHandle<Value> {
        let body = json!({"model": "codex-local", "messages": [{"role": "user", "content": TOUCH}]});
        let sent = self.chat(&body).header("User-Agent", "Zed/1.0").send();
        tokio::spawn(async { sent.await.unwrap().json().await.unwrap() })
    }

    async fn answer(&self, overview: &Overview, answer: ApprovalAnswer) {
        self.app.answer_approval(overview.approvals[0].id.clone(), answer).await.unwrap();
    }

    fn has_run(&self) -> bool {
        self.work().join("here.txt").exists()
    }
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn a_question_is_in_the_overview_and_notified_once_and_only_if_wanted() {
    for wanted in [true, false] {
        let (opened, mut changes) = open(wanted).await;
        let request = opened.ask_to_write();
        let (overview, mut notices) = shows(&mut changes, 1).await;
        let asked = &overview.approvals[0];
        assert_eq!((asked.client.as_str(), asked.key.as_str()), ("Zed", "API_KEYS #1"));
        let health = &overview.health;
        assert_eq!((health.level, health.title.as_str()), (Level::Asking, "Codex asks to run a command"));
        assert_eq!(health.fix.as_ref().map(|fix| fix.action), Some(FixAction::ShowApprovals));
        assert!(!opened.app.apply_fix(FixAction::ShowApprovals).await.unwrap(), "the window shows it");
        opened.answer(&overview, ApprovalAnswer::Deny).await;
        notices.extend(shows(&mut changes, 0).await.1);
        let expected =
            ("Codex asks for approval".to_owned(), "Requested by Zed, key API_KEYS #1.".to_owned());
        assert_eq!(notices, if wanted { vec![expected] } else { Vec::new() });
        request.await.unwrap();
        assert!(!opened.has_run());
        let late = opened.app.answer_approval(asked.id.clone(), ApprovalAnswer::AllowOnce).await;
        assert_eq!(late.unwrap_err().message, "This question is no longer waiting.");
        opened.app.shutdown().await;
    }
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn what_is_allowed_from_now_on_can_be_removed_while_the_proxy_is_stopped() {
    sample_model::not_under_wine!("Wine has no PowerShell");
    let (opened, mut changes) = open(true).await;
    let request = opened.ask_to_write();
    let (overview, _) = shows(&mut changes, 1).await;
    opened.answer(&overview, ApprovalAnswer::AllowFromNowOn).await;
    request.await.unwrap();
    assert!(opened.has_run());
    opened.app.stop().await;
    let rules = opened.app.approval_rules().await;
    assert_eq!(rules.len(), 1);
    assert!(rules[0].command.contains("mkdir here.txt") && rules[0].key == "API_KEYS #1", "{rules:?}");
    opened.app.forget_approval_rule(rules[0].id.clone()).await.unwrap();
    assert!(opened.app.approval_rules().await.is_empty());
    let gone = opened.app.forget_approval_rule(rules[0].id.clone()).await.unwrap_err().message;
    assert!(gone.starts_with("Couldn't remove it: "), "{gone}");
    opened.app.shutdown().await;
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn an_app_that_quits_denies_what_waits() {
    let (opened, mut changes) = open(true).await;
    let request = opened.ask_to_write();
    shows(&mut changes, 1).await;
    opened.app.shutdown().await;
    let _ended = request.await;
    assert!(!opened.has_run());
}
