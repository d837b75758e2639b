//! The questions of the real codex in the app: in the overview, as notices, and what is allowed from now on.

use codex_client::Environment;
use desktop::app::{App, AppOptions, ApprovalAnswer, Change, Overview};
use desktop::keychain::MemoryStore;
use proxy::health::{FixAction, Level};
use sample_model::{SampleModel, codex_home, under_test};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::broadcast::Receiver;
use tokio::task::JoinHandle;

use crate::app::free_port;
use crate::support::{KEY, TIMEOUT, folder, sample_model};

const TOUCH: &str = "[[escalate=\"touch here.txt\" why=\"May I?\"]]";

struct Opened {
    app: App,
    changes: Receiver<Change>,
    port: u16,
    home: TempDir,
    _model: SampleModel,
}

/// An app in which codex asks.
async fn open(notify: bool) -> Opened {
    let (model, home, port) = (sample_model().await, folder(), free_port());
    let codex_home = home.path().join(".codex");
    let (data, work) = (home.path().join("data"), home.path().join("work"));
    for folder in [&codex_home, &data, &work] {
        std::fs::create_dir_all(folder).unwrap();
    }
    codex_home::write(&codex_home, &model.base_url()).unwrap();
    let settings = json!({"version": 1, "port": port, "ask": true, "workspace": work, "notify_asks": notify});
    std::fs::write(data.join("settings.json"), settings.to_string()).unwrap();
    let environment = Environment::from_process()
        .with("HOME", home.path())
        .with("CODEX_HOME", &codex_home)
        .with("TMPDIR", codex_home::temp_dir(home.path()).unwrap())
        .with("CODEX_PATH", under_test::codex_under_test())
        .with("API_KEYS", KEY);
    let options = AppOptions::new(data, environment, false);
    let app = App::open(options.with_secrets(MemoryStore::default())).await.unwrap();
    let changes = app.changes();
    Opened { app, changes, port, home, _model: model }
}

impl Opened {
    fn ask(&self) -> JoinHandle<Value> {
        let url = format!("http://127.0.0.1:{}/v1/chat/completions", self.port);
        let body = json!({"model": "codex-local", "messages": [{"role": "user", "content": TOUCH}]});
        let request = reqwest::Client::new().post(url).bearer_auth(KEY).header("User-Agent", "Zed/1.0");
        let sent = request.json(&body).send();
        tokio::spawn(async { sent.await.unwrap().json().await.unwrap() })
    }

    /// Waits for an overview with as many questions. Returns it with the notices meanwhile.
    async fn shows(&mut self, count: usize) -> (Overview, Vec<(String, String)>) {
        let mut notices = Vec::new();
        let waiting = async {
            loop {
                match self.changes.recv().await {
                    Ok(Change::Overview(overview)) if overview.approvals.len() == count => return *overview,
                    Ok(Change::Notice(notice)) => notices.push((notice.title(), notice.body())),
                    _ => {}
                }
            }
        };
        let overview = tokio::time::timeout(TIMEOUT, waiting).await.expect("never shown");
        (overview, notices)
    }

    async fn answer(&self, overview: &Overview, answer: ApprovalAnswer) {
        self.app.answer_approval(overview.approvals[0].id.clone(), answer).await.unwrap();
    }

    fn has_run(&self) -> bool {
        self.home.path().join("work/here.txt").exists()
    }
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn a_question_is_in_the_overview_and_notified_once_and_only_if_wanted() {
    for wanted in [true, false] {
        let mut opened = open(wanted).await;
        let request = opened.ask();
        let (overview, mut notices) = opened.shows(1).await;
        let asked = &overview.approvals[0];
        assert_eq!((asked.client.as_str(), asked.key.as_str()), ("Zed", "API_KEYS #1"));
        let health = &overview.health;
        assert_eq!((health.level, health.title.as_str()), (Level::Asking, "Codex asks to run a command"));
        assert_eq!(health.fix.as_ref().map(|fix| fix.action), Some(FixAction::ShowApprovals));
        assert!(!opened.app.apply_fix(FixAction::ShowApprovals).await.unwrap(), "the window shows it");
        opened.answer(&overview, ApprovalAnswer::Deny).await;
        notices.extend(opened.shows(0).await.1);
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
    let mut opened = open(true).await;
    let request = opened.ask();
    let (overview, _) = opened.shows(1).await;
    opened.answer(&overview, ApprovalAnswer::AllowFromNowOn).await;
    request.await.unwrap();
    assert!(opened.has_run());
    opened.app.stop().await;
    let rules = opened.app.approval_rules().await;
    assert_eq!(rules.len(), 1);
    assert!(rules[0].command.contains("touch here.txt") && rules[0].key == "API_KEYS #1", "{rules:?}");
    opened.app.forget_approval_rule(rules[0].id.clone()).await.unwrap();
    assert!(opened.app.approval_rules().await.is_empty());
    let gone = opened.app.forget_approval_rule(rules[0].id.clone()).await.unwrap_err().message;
    assert!(gone.starts_with("Couldn't remove it: "), "{gone}");
    opened.app.shutdown().await;
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn an_app_that_quits_denies_what_waits() {
    let mut opened = open(true).await;
    let request = opened.ask();
    opened.shows(1).await;
    opened.app.shutdown().await;
    let _ended = request.await;
    assert!(!opened.has_run());
}
