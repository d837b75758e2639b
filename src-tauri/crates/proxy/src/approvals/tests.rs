use std::collections::BTreeMap;
use std::fs;

use codex_client::{AskOutcome, PendingAsk};

use super::*;
use crate::auth::{KeyFile, Renamed};

mod properties;

struct Desk {
    approvals: Approvals,
    folder: tempfile::TempDir,
}

/// A question that waits, and what codex gets to know.
struct Asked {
    waiting: Waiting,
    codex: Option<PendingAsk>,
}

impl Asked {
    async fn outcome(&mut self) -> Outcome {
        self.waiting.resolved().await.outcome
    }

    /// What codex receives.
    async fn received(&mut self) -> AskOutcome {
        self.codex.take().unwrap().outcome().await
    }
}

const LIMIT: Duration = Duration::from_secs(300);

const DECLINED: AskOutcome = AskOutcome::Answered(Decision::Decline);
const ACCEPTED: AskOutcome = AskOutcome::Answered(Decision::Accept);

impl Desk {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { approvals: Approvals::new(folder.path(), Vec::new()), folder }
    }

    fn ask(&self, question: Question) -> Asked {
        self.ask_as("", question)
    }

    fn ask_as(&self, key_sha256: &str, question: Question) -> Asked {
        let asking = Asking {
            request: "req".to_owned(),
            key: "laptop".to_owned(),
            key_sha256: key_sha256.to_owned(),
            client: "curl\u{1b}[2K".to_owned(),
            model: "codex-local".to_owned(),
            folder: "/work".into(),
        };
        let (ask, codex) = Ask::new(question, Some("because\u{202e}".to_owned()));
        Asked { waiting: self.approvals.ask(asking, ask, LIMIT), codex: Some(codex) }
    }

    fn rules(&self) -> Vec<ApprovalRule> {
        rules_in(self.folder.path())
    }

    fn shown(&self) -> Arc<[Approval]> {
        self.approvals.waiting().borrow().clone()
    }

    fn answer(&self, asked: &Asked, answer: ApprovalAnswer) -> Result<(), AnswerError> {
        self.approvals.answer(&asked.waiting.id, answer)
    }
}

fn command(command: &str) -> Question {
    Question::Command {
        command: command.to_owned(),
        argv: vec![command.to_owned()],
        folder: "/work".into(),
        escalates: true,
        extra_permissions: None,
        network: None,
    }
}

fn input() -> Question {
    let option = codex_client::InputOption { label: "red\u{202e}".to_owned(), description: String::new() };
    Question::Input {
        questions: vec![codex_client::InputQuestion {
            id: "co\u{200b}lour".to_owned(),
            header: "Colour".to_owned(),
            question: "Which one?".to_owned(),
            options: vec![option],
            is_other: true,
            is_secret: false,
        }],
    }
}

fn values(name: &str, value: &str) -> BTreeMap<String, Vec<String>> {
    BTreeMap::from([(name.to_owned(), vec![value.to_owned()])])
}

#[tokio::test(start_paused = true)]
async fn the_first_answer_wins() {
    let desk = Desk::new();
    let _attendance = desk.approvals.attend();
    let mut asked = desk.ask(command("touch a"));
    assert_eq!(desk.shown().len(), 1);
    tokio::time::advance(Duration::from_secs(12)).await;
    desk.answer(&asked, ApprovalAnswer::AllowOnce).unwrap();
    let again = desk.answer(&asked, ApprovalAnswer::Deny);
    assert!(matches!(again, Err(AnswerError::NotWaiting)));
    let resolution = asked.waiting.resolved().await;
    assert_eq!(resolution, Resolution { outcome: Outcome::Allowed, after: Duration::from_secs(12) });
    assert_eq!(asked.received().await, ACCEPTED);
    assert!(desk.shown().is_empty());
}

#[tokio::test(start_paused = true)]
async fn each_denial_reaches_codex_as_what_it_means() {
    let desk = Desk::new();
    let _attendance = desk.approvals.attend();
    for (answer, decision, outcome) in [
        (ApprovalAnswer::Deny, Decision::Decline, Outcome::Denied),
        (ApprovalAnswer::DenyAndStop, Decision::Cancel, Outcome::Stopped),
    ] {
        let mut asked = desk.ask(command("touch a"));
        desk.answer(&asked, answer).unwrap();
        assert_eq!(asked.outcome().await, outcome);
        assert_eq!(asked.received().await, AskOutcome::Answered(decision));
    }
}

#[tokio::test(start_paused = true)]
async fn without_an_answer_in_time_it_is_denied() {
    let desk = Desk::new();
    let _attendance = desk.approvals.attend();
    let mut asked = desk.ask(command("touch a"));
    let approval = desk.shown()[0].clone();
    assert_eq!(approval.expires_at - approval.asked_at, 300_000);
    let resolution = asked.waiting.resolved().await;
    assert_eq!(resolution, Resolution { outcome: Outcome::Expired, after: LIMIT });
    let late = desk.answer(&asked, ApprovalAnswer::AllowOnce);
    assert!(matches!(late, Err(AnswerError::NotWaiting)));
    assert_eq!(asked.received().await, DECLINED);
}

#[tokio::test(start_paused = true)]
async fn a_question_that_codex_takes_back_is_gone() {
    let desk = Desk::new();
    let _attendance = desk.approvals.attend();
    let mut asked = desk.ask(command("touch a"));
    asked.codex.as_ref().unwrap().withdraw();
    // Before the list knows.
    assert!(matches!(desk.answer(&asked, ApprovalAnswer::AllowFromNowOn), Err(AnswerError::NotWaiting)));
    assert_eq!(asked.outcome().await, Outcome::Withdrawn);
    assert!(desk.rules().is_empty());
    let mut asked = desk.ask(command("touch a"));
    asked.codex.as_ref().unwrap().withdraw();
    assert_eq!(asked.outcome().await, Outcome::Withdrawn);
    assert!(desk.shown().is_empty());
}

#[tokio::test(start_paused = true)]
async fn while_nothing_shows_questions_each_is_denied_at_once() {
    let desk = Desk::new();
    let denied = async |desk: &Desk| {
        let mut asked = desk.ask(command("touch a"));
        assert_eq!(asked.outcome().await, Outcome::Unattended);
        assert_eq!(asked.received().await, DECLINED);
    };
    denied(&desk).await;
    let [first, second] = [desk.approvals.attend(), desk.approvals.attend()];
    let mut waiting = [desk.ask(command("touch a")), desk.ask(command("touch b"))];
    drop(first);
    assert_eq!(desk.shown().len(), 2);
    drop(second);
    for asked in &mut waiting {
        assert_eq!(asked.outcome().await, Outcome::Unattended);
        assert_eq!(asked.received().await, DECLINED);
    }
    denied(&desk).await;
}

#[tokio::test(start_paused = true)]
async fn a_turn_that_ends_takes_its_question_back() {
    let desk = Desk::new();
    let _attendance = desk.approvals.attend();
    let (dropped, withdrawn) = (desk.ask(command("touch a")), desk.ask(command("touch b")));
    drop(dropped.waiting);
    assert_eq!(dropped.codex.unwrap().outcome().await, DECLINED);
    assert_eq!(withdrawn.waiting.withdraw(Outcome::ClientGone).outcome, Outcome::ClientGone);
    assert_eq!(withdrawn.codex.unwrap().outcome().await, DECLINED);
    assert!(desk.shown().is_empty());
    let answered = desk.ask(command("touch c"));
    desk.answer(&answered, ApprovalAnswer::AllowOnce).unwrap();
    assert_eq!(answered.waiting.withdraw(Outcome::ClientGone).outcome, Outcome::Allowed);
    assert_eq!(answered.codex.unwrap().outcome().await, ACCEPTED);
}

#[tokio::test(start_paused = true)]
async fn a_stop_denies_what_waits_and_what_comes() {
    let desk = Desk::new();
    let _attendance = desk.approvals.attend();
    let before = desk.ask(command("touch a"));
    desk.approvals.close();
    for mut asked in [before, desk.ask(command("touch a"))] {
        assert_eq!(asked.outcome().await, Outcome::Shutdown);
        assert_eq!(asked.received().await, DECLINED);
    }
}

#[tokio::test(start_paused = true)]
async fn there_is_a_limit_to_how_many_wait_and_how_long_they_are() {
    let desk = Desk::new();
    let _attendance = desk.approvals.attend();
    let mut waiting: Vec<_> = (0..MAX_WAITING).map(|n| desk.ask(command(&format!("touch {n}")))).collect();
    let mut further = desk.ask(command("touch more"));
    assert_eq!(further.outcome().await, Outcome::TooMany);
    assert_eq!(further.received().await, DECLINED);
    assert_eq!(desk.shown().len(), MAX_WAITING);
    waiting.clear();
    let mut long = desk.ask(command(&"x".repeat(MAX_QUESTION_BYTES)));
    assert_eq!(long.outcome().await, Outcome::TooLong);
    assert_eq!(long.received().await, DECLINED);
}

#[tokio::test(start_paused = true)]
async fn questions_are_shown_oldest_first_with_nothing_hidden() {
    let desk = Desk::new();
    let _attendance = desk.approvals.attend();
    let _waiting = [desk.ask(command("one")), desk.ask(command("two\u{202e}"))];
    let shown = desk.shown();
    let shown_command = |at: usize| match &shown[at].question {
        ApprovalQuestion::Command { command, .. } => command.clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!((shown_command(0).as_str(), shown_command(1).as_str()), ("one", "two\\u{202e}"));
    assert_eq!(shown[0].reason.as_deref(), Some("because\\u{202e}"));
    assert_eq!(shown[0].client, "curl\\u{1b}[2K");
    let json = serde_json::to_value(&shown[0]).unwrap();
    assert_eq!(json["question"]["kind"], "command");
    assert!(json["canRemember"].as_bool().unwrap() && json["question"]["outsideSandbox"].as_bool().unwrap());
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_does_not_fit_leaves_the_question_waiting() {
    let desk = Desk::new();
    let _attendance = desk.approvals.attend();
    let (to_run, asks) = (desk.ask(command("touch a")), desk.ask(input()));
    for (asked, answer) in [
        (&to_run, ApprovalAnswer::Values { values: values("x", "y") }),
        (&asks, ApprovalAnswer::AllowOnce),
        (&asks, ApprovalAnswer::AllowFromNowOn),
        (&asks, ApprovalAnswer::Values { values: values("another", "y") }),
    ] {
        assert!(matches!(desk.answer(asked, answer), Err(AnswerError::NotFitting)));
    }
    assert_eq!(desk.shown().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn values_reach_codex_without_our_escapes() {
    let desk = Desk::new();
    let _attendance = desk.approvals.attend();
    for (chosen, sent) in [("red\\u{202e}", "red\u{202e}"), ("own \\u{41}", "own \\u{41}")] {
        let mut asked = desk.ask(input());
        desk.answer(&asked, ApprovalAnswer::Values { values: values("co\\u{200b}lour", chosen) }).unwrap();
        let values = values("co\u{200b}lour", sent);
        assert_eq!(asked.received().await, AskOutcome::Answered(Decision::Values(values)));
    }
}

#[tokio::test(start_paused = true)]
async fn only_a_command_without_further_permissions_can_be_remembered() {
    let desk = Desk::new();
    let _attendance = desk.approvals.attend();
    let with = |change: fn(&mut Question)| {
        let mut question = command("touch a");
        change(&mut question);
        question
    };
    let mut questions = vec![input(), Question::Permissions { wants: vec!["x".into()], folder: "/w".into() }];
    questions.push(with(|question| {
        if let Question::Command { extra_permissions, .. } = question {
            *extra_permissions = Some("Write to /etc".to_owned());
        }
    }));
    questions.push(with(|question| {
        if let Question::Command { network, .. } = question {
            *network = Some("example.com (https)".to_owned());
        }
    }));
    // Its words are not certain.
    questions.push(with(|question| {
        if let Question::Command { argv, .. } = question {
            argv.clear();
        }
    }));
    questions.push(command(&"x".repeat(MAX_COMMAND_BYTES)));
    for question in questions {
        let asked = desk.ask(question);
        assert!(!desk.shown()[0].can_remember);
        let refused = desk.answer(&asked, ApprovalAnswer::AllowFromNowOn);
        assert!(matches!(refused, Err(AnswerError::NotFitting)));
    }
    assert!(desk.rules().is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_is_allowed_from_now_on_runs_again_for_the_same_key_and_folder() {
    let desk = Desk::new();
    let keys = KeyFile::in_folder(desk.folder.path());
    let [laptop, phone] = ["laptop", "phone"].map(|name| keys.create(name, 5).unwrap().1);
    let [laptop_sha, phone_sha] = [&laptop, &phone].map(|key| key.sha256.to_hex());
    let attendance = desk.approvals.attend();
    let mut asked = desk.ask_as(&laptop_sha, command("touch a"));
    desk.answer(&asked, ApprovalAnswer::AllowFromNowOn).unwrap();
    assert_eq!(asked.outcome().await, Outcome::Remembered);
    assert_eq!(asked.received().await, ACCEPTED);
    keys.rename(&laptop.id, "old laptop", Renamed { at: 6, last_used: None }).unwrap();
    let rules = desk.rules();
    let [rule] = rules.as_slice() else { panic!("{rules:?}") };
    let shown = (rule.command.as_str(), rule.folder.as_str(), rule.key.as_str());
    assert_eq!(shown, ("touch a", "/work", "old laptop"));

    // Also when nothing shows questions.
    drop(attendance);
    let is_allowed = async |key: &str, question| {
        let mut asked = desk.ask_as(key, question);
        let outcome = asked.outcome().await;
        assert!(matches!(outcome, Outcome::Rule | Outcome::Unattended), "{outcome:?}");
        assert_eq!(asked.received().await == ACCEPTED, outcome == Outcome::Rule);
        outcome == Outcome::Rule
    };
    let changed = |change: fn(&mut Vec<String>, &mut PathBuf, &mut bool)| {
        let mut question = command("touch a");
        if let Question::Command { argv, folder, escalates, .. } = &mut question {
            change(argv, folder, escalates);
        }
        question
    };
    assert!(is_allowed(&laptop_sha, command("touch a")).await);
    assert!(!is_allowed(&laptop_sha, command("touch a ")).await);
    assert!(!is_allowed(&phone_sha, command("touch a")).await);
    assert!(!is_allowed("", command("touch a")).await);
    assert!(!is_allowed(&laptop_sha, changed(|argv, _, _| argv.push("b".into()))).await);
    assert!(!is_allowed(&laptop_sha, changed(|_, folder, _| folder.push("b"))).await);
    assert!(!is_allowed(&laptop_sha, changed(|_, _, escalates| *escalates = false)).await);

    keys.revoke(&laptop.id).unwrap();
    assert!(!is_allowed(&laptop_sha, command("touch a")).await);
}

#[tokio::test(start_paused = true)]
async fn a_rule_taken_back_has_no_effect() {
    let desk = Desk::new();
    let attendance = desk.approvals.attend();
    let asked = desk.ask(command("touch a"));
    desk.answer(&asked, ApprovalAnswer::AllowFromNowOn).unwrap();
    drop(attendance);
    assert_eq!(desk.ask(command("touch a")).outcome().await, Outcome::Rule);
    let id = desk.rules()[0].id.clone();
    forget_rule_in(desk.folder.path(), &id).unwrap();
    assert_eq!(desk.ask(command("touch a")).outcome().await, Outcome::Unattended);
    assert!(desk.rules().is_empty());
    assert!(matches!(forget_rule_in(desk.folder.path(), &id), Err(RuleError::NoSuchRule(_))));
}

#[tokio::test(start_paused = true)]
async fn a_damaged_file_of_rules_allows_nothing_and_is_set_aside_for_a_new_one() {
    let desk = Desk::new();
    let attendance = desk.approvals.attend();
    let asked = desk.ask(command("touch a"));
    desk.answer(&asked, ApprovalAnswer::AllowFromNowOn).unwrap();
    let path = desk.folder.path().join("approvals.json");
    let whole = fs::read_to_string(&path).unwrap();
    let newer = whole.replace("\"version\": 1", "\"version\": 2");
    for damaged in [&whole[..whole.len() / 2], "[]", "", "{\"version\":1,\"rules\":{}}", newer.as_str()] {
        fs::write(&path, damaged).unwrap();
        assert!(desk.rules().is_empty());
        drop(desk.ask(command("touch a")));
        let asked = desk.ask(command("touch a"));
        assert_eq!(desk.shown().len(), 1, "{damaged}");
        drop(asked);
    }
    // A newer program's rules are not touched, and the question goes on waiting.
    let asked = desk.ask(command("touch a"));
    let refused = desk.answer(&asked, ApprovalAnswer::AllowFromNowOn);
    assert!(matches!(refused, Err(AnswerError::NotRemembered(_))) && desk.shown().len() == 1);
    assert_eq!(fs::read_to_string(&path).unwrap(), newer);
    fs::write(&path, "{").unwrap();
    desk.answer(&asked, ApprovalAnswer::AllowFromNowOn).unwrap();
    assert_eq!(desk.rules().len(), 1);
    drop(attendance);
    assert_eq!(desk.ask(command("touch a")).outcome().await, Outcome::Rule);
}

// Unix only: file modes.
#[cfg(unix)]
#[tokio::test(start_paused = true)]
async fn only_the_owner_can_read_the_rules() {
    use std::os::unix::fs::PermissionsExt as _;
    let desk = Desk::new();
    let _attendance = desk.approvals.attend();
    let asked = desk.ask(command("touch a"));
    desk.answer(&asked, ApprovalAnswer::AllowFromNowOn).unwrap();
    let mode = fs::metadata(desk.folder.path().join("approvals.json")).unwrap().permissions().mode();
    assert_eq!(mode & 0o077, 0);
}
