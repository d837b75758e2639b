//! Questions of the real codex, from the model's tool call to what happens on disk.

mod lost;

use std::path::{Path, PathBuf};
use std::time::Duration;

use codex_client::SandboxMode;
use proxy::approvals::{Approval, ApprovalAnswer, ApprovalQuestion, forget_rule_in, rules_in};
use proxy::{KeyFile, KeyLimits};
use reqwest::Method;
use sample_model::not_on_windows;
use serde_json::{Value, json};

use crate::support::log::RowState;
use crate::support::{Events, TIMEOUT, TestProxy, TestProxyBuilder, data_dir, eventually, real};

/// A proxy that asks, with its own working folder.
fn asking() -> TestProxyBuilder {
    real().settings(|settings| {
        settings.ask = true;
        settings.workspace = Some("work".into());
    })
}

fn work(proxy: &TestProxy) -> PathBuf {
    proxy.folder.path().join("work")
}

/// Whether the command of these tests has run.
fn has_run(proxy: &TestProxy) -> bool {
    work(proxy).join("here.txt").exists()
}

const TOUCH: &str = "[[escalate=\"touch here.txt\" why=\"May I create a file?\"]]";

fn agent(prompt: &str) -> Value {
    json!({"model":"codex-local","messages":[{"role":"user","content":prompt}]})
}

async fn stream(proxy: &TestProxy, prompt: &str) -> Events {
    let mut body = agent(prompt);
    body["stream"] = true.into();
    proxy.stream_of(&body).await
}

/// Sends a prompt in the background.
fn send(proxy: &TestProxy, prompt: &str) -> tokio::task::JoinHandle<reqwest::Response> {
    send_as(proxy, crate::support::KEY, prompt)
}

fn send_as(proxy: &TestProxy, key: &str, prompt: &str) -> tokio::task::JoinHandle<reqwest::Response> {
    let request = proxy.anonymous(Method::POST, "/v1/chat/completions").bearer_auth(key);
    let sent = request.json(&agent(prompt)).send();
    tokio::spawn(async { sent.await.unwrap() })
}

/// The questions, once there are `count`.
async fn questions(proxy: &TestProxy, count: usize) -> Vec<Approval> {
    let mut waiting = proxy.handle.approvals().waiting();
    let asked = waiting.wait_for(|waiting| waiting.len() == count);
    let asked = tokio::time::timeout(TIMEOUT, asked).await;
    asked.expect("codex has not asked").unwrap().to_vec()
}

fn answer(proxy: &TestProxy, approval: &Approval, answer: ApprovalAnswer) {
    proxy.handle.approvals().answer(&approval.id, answer).unwrap();
}

/// The text and the reasoning of a whole answer.
async fn whole(response: reqwest::Response) -> (String, String) {
    assert_eq!(response.status(), 200);
    let body: Value = response.json().await.unwrap();
    let message = &body["choices"][0]["message"];
    let text = |field: &str| message[field].as_str().unwrap_or_default().to_owned();
    (text("content"), text("reasoning_content"))
}

fn joined(events: &[Value], field: &str) -> String {
    events.iter().filter_map(|event| event["choices"][0]["delta"][field].as_str()).collect()
}

/// The steps of the newest request.
fn steps(proxy: &TestProxy) -> Vec<(String, String)> {
    let steps = proxy.log.newest().steps;
    steps.into_iter().map(|step| (step.what, step.detail.unwrap_or_default())).collect()
}

async fn metrics(proxy: &TestProxy) -> Vec<String> {
    let text = proxy.get("/metrics").send().await.unwrap().text().await.unwrap();
    let ours = text.lines().filter(|line| line.starts_with("codex_proxy_approvals_total"));
    ours.map(str::to_owned).collect()
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn an_allowed_command_runs_and_the_answer_goes_on() {
    not_on_windows!("the commands are those of sh");
    let proxy = asking().start().await;
    let _attendance = proxy.handle.approvals().attend();
    let mut events = stream(&proxy, TOUCH).await;
    let asked = questions(&proxy, 1).await.remove(0);
    assert_eq!(
        (asked.model.as_str(), asked.reason.as_deref()),
        ("codex-local", Some("May I create a file?"))
    );
    assert_eq!(std::fs::canonicalize(&asked.folder).unwrap(), std::fs::canonicalize(work(&proxy)).unwrap());
    assert_eq!((asked.key.as_str(), asked.can_remember), ("API_KEYS #1", true));
    assert_eq!(asked.request, proxy.log.newest().arrival.id);
    let ApprovalQuestion::Command { command, outside_sandbox: true, also } = &asked.question else {
        panic!("{asked:?}")
    };
    assert!(command.contains("touch here.txt") && also.is_empty(), "{command}");
    assert!(!has_run(&proxy));
    answer(&proxy, &asked, ApprovalAnswer::AllowOnce);
    let rest = events.rest().await;
    assert!(has_run(&proxy));
    let activity = joined(&rest, "reasoning_content");
    let lines: Vec<_> = activity.lines().collect();
    let at = lines.iter().position(|line| *line == "Waiting for approval on laptop: `touch here.txt`");
    assert_eq!(lines[at.unwrap() + 1], "Allowed", "{activity}");
    assert!(joined(&rest, "content").starts_with("Tool results:"), "{rest:?}");
    assert_eq!(proxy.log.newest().state, RowState::Done);
    let steps = steps(&proxy);
    assert!(steps.contains(&("Codex asked you".to_owned(), "touch here.txt".to_owned())), "{steps:?}");
    assert!(steps.iter().any(|(what, _)| what == "Allowed by you"), "{steps:?}");
    let counted = "codex_proxy_approvals_total{kind=\"command\",outcome=\"allowed\"} 1";
    assert_eq!(metrics(&proxy).await, [counted]);
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn a_denied_command_does_not_run_and_the_model_goes_on_without_it() {
    let proxy = asking().start().await;
    let _attendance = proxy.handle.approvals().attend();
    let sent = send(&proxy, TOUCH);
    let asked = questions(&proxy, 1).await.remove(0);
    answer(&proxy, &asked, ApprovalAnswer::Deny);
    let (text, activity) = whole(sent.await.unwrap()).await;
    assert!(text.contains("rejected by user"), "{text}");
    assert!(activity.contains("Waiting for approval on laptop: `touch here.txt`\nDenied\n"), "{activity}");
    assert!(!has_run(&proxy));
    let steps = steps(&proxy);
    assert!(steps.iter().any(|(what, _)| what == "Denied by you"), "{steps:?}");
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn questions_of_several_clients_are_answered_one_by_one() {
    not_on_windows!("the commands are those of sh");
    let proxy = asking().start().await;
    let _attendance = proxy.handle.approvals().attend();
    let first = send(&proxy, "[[escalate=\"touch first.txt\"]]");
    questions(&proxy, 1).await;
    let second = send(&proxy, "[[escalate=\"touch second.txt\"]]");
    let asked = questions(&proxy, 2).await;
    answer(&proxy, &asked[1], ApprovalAnswer::AllowOnce);
    whole(second.await.unwrap()).await;
    assert!(work(&proxy).join("second.txt").exists());
    assert_eq!(questions(&proxy, 1).await, asked[..1]);
    answer(&proxy, &asked[0], ApprovalAnswer::Deny);
    whole(first.await.unwrap()).await;
    assert!(!work(&proxy).join("first.txt").exists());
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn each_question_of_one_answer_has_its_own_decision() {
    not_on_windows!("the commands are those of sh");
    let proxy = asking().start().await;
    let _attendance = proxy.handle.approvals().attend();
    let sent = send(&proxy, "[[escalate=\"touch first.txt\" escalate=\"touch second.txt\"]]");
    let mut commands = Vec::new();
    for _ in 0..2 {
        // codex may ask one after the other.
        let mut waiting = proxy.handle.approvals().waiting();
        let asked = waiting.wait_for(|waiting| !waiting.is_empty());
        let asked = tokio::time::timeout(TIMEOUT, asked).await.unwrap().unwrap()[0].clone();
        let ApprovalQuestion::Command { command, .. } = &asked.question else { panic!("{asked:?}") };
        commands.push(command.clone());
        let allowed = command.contains("second");
        answer(&proxy, &asked, if allowed { ApprovalAnswer::AllowOnce } else { ApprovalAnswer::Deny });
    }
    whole(sent.await.unwrap()).await;
    let there = ["first.txt", "second.txt"].map(|name| work(&proxy).join(name).exists());
    assert_eq!(there, [false, true], "{commands:?}");
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn a_command_allowed_from_now_on_runs_for_the_same_key_and_folder_until_taken_back() {
    not_on_windows!("the commands are those of sh");
    let proxy = asking().start().await;
    let keys = KeyFile::in_folder(&data_dir(proxy.folder.path()));
    let notes = work(&proxy).join("notes");
    std::fs::create_dir_all(&notes).unwrap();
    let inside = KeyLimits { workspace: Some(notes.clone()), ..KeyLimits::default() };
    let (laptop, entry) = keys.create("laptop", 5).unwrap();
    let (phone, _) = keys.create("phone", 5).unwrap();
    let attendance = proxy.handle.approvals().attend();

    let sent = send_as(&proxy, laptop.reveal(), TOUCH);
    let asked = questions(&proxy, 1).await.remove(0);
    answer(&proxy, &asked, ApprovalAnswer::AllowFromNowOn);
    whole(sent.await.unwrap()).await;
    assert!(has_run(&proxy));
    // Nothing reaches codex's own rules.
    assert!(!proxy.folder.path().join(".codex/rules").exists());

    // From here on nothing is open to ask, so that only a rule can allow something.
    drop(attendance);
    let runs_for = async |key: &str, folder: &Path| {
        let file = folder.join("here.txt");
        let _ = std::fs::remove_file(&file);
        let (_, activity) = whole(send_as(&proxy, key, TOUCH).await.unwrap()).await;
        (file.exists(), activity)
    };
    let (ran, activity) = runs_for(laptop.reveal(), &work(&proxy)).await;
    assert!(ran && activity.contains("Allowed on laptop by a rule: `touch here.txt`\n"), "{activity}");
    let (ran, activity) = runs_for(phone.reveal(), &work(&proxy)).await;
    assert!(!ran && activity.contains("Denied on laptop, where nothing is open to ask"), "{activity}");
    keys.limit(&entry.id, inside).unwrap();
    assert!(!runs_for(laptop.reveal(), &notes).await.0, "another folder");
    keys.limit(&entry.id, KeyLimits::default()).unwrap();

    let data_dir = data_dir(proxy.folder.path());
    let rules = rules_in(&data_dir);
    assert_eq!((rules.len(), rules[0].key.as_str()), (1, "laptop"));
    forget_rule_in(&data_dir, &rules[0].id).unwrap();
    assert!(!runs_for(laptop.reveal(), &work(&proxy)).await.0, "taken back");
    let counted = metrics(&proxy).await;
    for (outcome, count) in [("allowed_from_now_on", 1), ("rule", 1), ("unattended", 3)] {
        let line = format!("codex_proxy_approvals_total{{kind=\"command\",outcome=\"{outcome}\"}} {count}");
        assert!(counted.contains(&line), "{counted:?}");
    }
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn deny_and_stop_ends_the_answer_with_a_clear_error() {
    let proxy = asking().start().await;
    let _attendance = proxy.handle.approvals().attend();
    let message = "The owner of this proxy denied what Codex asked for and stopped the answer.";
    let sent = send(&proxy, TOUCH);
    let asked = questions(&proxy, 1).await.remove(0);
    answer(&proxy, &asked, ApprovalAnswer::DenyAndStop);
    let response = sent.await.unwrap();
    assert_eq!(
        (response.status().as_u16(), &response.headers()["x-should-retry"]),
        (403, &"false".parse().unwrap())
    );
    let body: Value = response.json().await.unwrap();
    assert_eq!(
        (&body["error"]["code"], &body["error"]["message"]),
        (&"denied_by_owner".into(), &message.into())
    );
    assert_eq!(proxy.log.newest().state, RowState::Cancelled);

    let mut events = stream(&proxy, TOUCH).await;
    let asked = questions(&proxy, 1).await.remove(0);
    answer(&proxy, &asked, ApprovalAnswer::DenyAndStop);
    let rest = events.rest().await;
    assert_eq!(rest.last().unwrap()["error"]["code"], "denied_by_owner", "{rest:?}");
    assert!(!has_run(&proxy));
    // The model was not asked again.
    assert_eq!(proxy.chat(&agent("[[words=1]]")).await.status(), 200);
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn a_response_that_is_denied_and_stopped_fails_with_a_message() {
    let proxy = asking().start().await;
    let _attendance = proxy.handle.approvals().attend();
    let body = json!({"model":"codex-local","input":TOUCH,"stream":true});
    let mut events = Events::new(proxy.post("/v1/responses", &body).await);
    let asked = questions(&proxy, 1).await.remove(0);
    answer(&proxy, &asked, ApprovalAnswer::DenyAndStop);
    let rest = events.rest().await;
    let last = rest.last().unwrap();
    assert_eq!(last["type"], "response.failed", "{rest:?}");
    assert!(last["response"]["error"]["message"].as_str().unwrap().contains("denied what Codex asked for"));
    assert!(!has_run(&proxy));
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn each_of_several_answers_asks_for_itself() {
    not_on_windows!("the commands are those of sh");
    let proxy = asking().start().await;
    let _attendance = proxy.handle.approvals().attend();
    let request = proxy.anonymous(Method::POST, "/v1/chat/completions").bearer_auth(crate::support::KEY);
    let mut body = agent(TOUCH);
    body["n"] = 2.into();
    let sent = tokio::spawn(request.json(&body).send());
    let asked = questions(&proxy, 2).await;
    answer(&proxy, &asked[0], ApprovalAnswer::AllowOnce);
    assert_eq!(questions(&proxy, 1).await, asked[1..]);
    answer(&proxy, &asked[1], ApprovalAnswer::Deny);
    let answers: Value = sent.await.unwrap().unwrap().json().await.unwrap();
    let denied =
        |index: usize| answers["choices"][index]["message"]["content"].to_string().contains("rejected");
    assert!(has_run(&proxy) && denied(0) != denied(1), "{answers}");
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn a_command_within_the_sandbox_needs_no_answer() {
    not_on_windows!("codex runs no command there before its sandbox is set up");
    let proxy = asking().settings(|settings| settings.sandbox = SandboxMode::WorkspaceWrite).start().await;
    let (_, activity) = whole(proxy.chat(&agent("[[shell=\"touch here.txt\"]]")).await).await;
    assert!(has_run(&proxy) && !activity.contains("Waiting"), "{activity}");
    assert!(metrics(&proxy).await.is_empty());
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn a_command_is_shown_as_what_it_is() {
    let proxy = asking().start().await;
    let _attendance = proxy.handle.approvals().attend();
    let sent = send(&proxy, r#"[[escalate="touch here.txt # \u202etxt.exe"]]"#);
    let asked = questions(&proxy, 1).await.remove(0);
    let ApprovalQuestion::Command { command, .. } = &asked.question else { panic!("{asked:?}") };
    assert!(command.contains(r"# \u{202e}txt.exe"), "{command}");
    answer(&proxy, &asked, ApprovalAnswer::Deny);
    let (_, activity) = whole(sent.await.unwrap()).await;
    assert!(activity.contains(r"`touch here.txt # \u{202e}txt.exe`"), "{activity}");
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn more_permissions_are_asked_for_too() {
    let proxy = asking().start().await;
    let _attendance = proxy.handle.approvals().attend();
    let sent = send(&proxy, "[[permission=network why=\"To look it up\"]]");
    let asked = questions(&proxy, 1).await.remove(0);
    let ApprovalQuestion::Permissions { wants } = &asked.question else { panic!("{asked:?}") };
    assert!(wants.iter().any(|line| line.contains("network")), "{wants:?}");
    assert!(!asked.can_remember);
    answer(&proxy, &asked, ApprovalAnswer::AllowOnce);
    let (_, activity) = whole(sent.await.unwrap()).await;
    assert!(activity.contains("Waiting for approval on laptop: more permissions"), "{activity}");
    let counted = "codex_proxy_approvals_total{kind=\"permissions\",outcome=\"allowed\"} 1";
    assert_eq!(metrics(&proxy).await, [counted]);
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn without_activity_an_answer_waits_in_silence() {
    not_on_windows!("the commands are those of sh");
    let proxy = asking().settings(|settings| settings.show_activity = false).start().await;
    let _attendance = proxy.handle.approvals().attend();
    let sent = send(&proxy, TOUCH);
    let asked = questions(&proxy, 1).await.remove(0);
    answer(&proxy, &asked, ApprovalAnswer::AllowOnce);
    let (_, activity) = whole(sent.await.unwrap()).await;
    assert!(has_run(&proxy) && activity.is_empty(), "{activity}");
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn a_patch_outside_the_sandbox_is_asked_with_its_diff() {
    let proxy = asking().start().await;
    let _attendance = proxy.handle.approvals().attend();
    for (decision, there) in [(ApprovalAnswer::Deny, false), (ApprovalAnswer::AllowOnce, true)] {
        let sent = send(&proxy, "[[patch=\"here.txt:hello\"]]");
        let asked = questions(&proxy, 1).await.remove(0);
        let ApprovalQuestion::FileChange { files, .. } = &asked.question else { panic!("{asked:?}") };
        assert!(files[0].path.ends_with("here.txt") && files[0].diff.contains("hello"), "{files:?}");
        assert!(!asked.can_remember);
        answer(&proxy, &asked, decision);
        whole(sent.await.unwrap()).await;
        assert_eq!(has_run(&proxy), there);
    }
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn a_question_of_the_model_gets_the_owners_answer() {
    let proxy = asking().start().await;
    let _attendance = proxy.handle.approvals().attend();
    let sent = send(&proxy, "[[question=\"Which colour?|red|blue\"]]");
    let asked = questions(&proxy, 1).await.remove(0);
    let ApprovalQuestion::Input { questions } = &asked.question else { panic!("{asked:?}") };
    assert_eq!(questions[0].question, "Which colour?");
    let values = [(questions[0].id.clone(), vec!["blue".to_owned()])].into();
    answer(&proxy, &asked, ApprovalAnswer::Values { values });
    let (text, activity) = whole(sent.await.unwrap()).await;
    assert!(text.contains("blue"), "{text}");
    assert!(activity.contains("Waiting for an answer on laptop: Which colour?\nAnswered\n"), "{activity}");
    // It is close to the prompt.
    let steps = steps(&proxy);
    assert!(!format!("{steps:?}").contains("colour"), "{steps:?}");
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn codex_asks_only_where_it_is_switched_on() {
    not_on_windows!("the commands are those of sh");
    // By the settings, the key, and the mode; what asks shows a question, which is then denied.
    for (setting, key, sandbox, asks, runs) in [
        (false, None, SandboxMode::ReadOnly, false, false),
        (false, Some(true), SandboxMode::ReadOnly, true, false),
        (true, Some(false), SandboxMode::ReadOnly, false, false),
        (true, None, SandboxMode::DangerFullAccess, false, true),
        (true, None, SandboxMode::ReadOnly, true, false),
    ] {
        let what = format!("{setting} {key:?} {sandbox:?}");
        let proxy = asking().settings(|settings| (settings.ask, settings.sandbox) = (setting, sandbox));
        let proxy = proxy.start().await;
        let _attendance = proxy.handle.approvals().attend();
        let keys = KeyFile::in_folder(&data_dir(proxy.folder.path()));
        let limits = KeyLimits { may_ask: key, ..KeyLimits::default() };
        let (secret, _) = keys.create_limited("laptop", limits, 5).unwrap();
        // With full access there is no sandbox to leave.
        let prompt = if runs { "[[shell=\"touch here.txt\"]]" } else { TOUCH };
        let sent = send_as(&proxy, secret.reveal(), prompt);
        if asks {
            let asked = questions(&proxy, 1).await.remove(0);
            answer(&proxy, &asked, ApprovalAnswer::Deny);
        }
        whole(sent.await.unwrap()).await;
        assert_eq!(has_run(&proxy), runs, "{what}");
        let asked = steps(&proxy).iter().any(|(what, _)| what == "Codex asked you");
        assert_eq!(asked, asks, "{what}");
    }
    assert!(!proxy::settings::Settings::default().ask);
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn a_waiting_question_is_part_of_the_health_and_keeps_the_stream_open() {
    let proxy = asking().limits(|limits| limits.ping_interval = Duration::from_millis(50)).start().await;
    let _attendance = proxy.handle.approvals().attend();
    let mut events = stream(&proxy, TOUCH).await;
    let asked = questions(&proxy, 1).await.remove(0);
    let health: Value = proxy.get("/health").send().await.unwrap().json().await.unwrap();
    assert_eq!(health["level"], "asking", "{health}");
    while events.next_block().await.unwrap() != ": ping" {}
    answer(&proxy, &asked, ApprovalAnswer::AllowOnce);
    while events.next_block().await.is_some() {}
    let health: Value = proxy.get("/health").send().await.unwrap().json().await.unwrap();
    assert_eq!(health["level"], "ok", "{health}");
}
