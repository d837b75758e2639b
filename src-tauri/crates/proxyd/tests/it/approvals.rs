//! `codex-proxyd approvals`: what codex asks is answered in a terminal, with the real codex.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use sample_model::under_test;
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, ChildStdout, Command};
use tokio::task::JoinHandle;

use crate::daemon::{Daemon, a_home, codex_proxyd, run, start};
use crate::support::{TIMEOUT, eventually, prompt_body};

const MKDIR: &str = r#"[[escalate="mkdir here.txt" why="May I create a folder?"]]"#;

struct Rig {
    folder: TempDir,
    _model: sample_model::SampleModel,
    daemon: Daemon,
}

impl Rig {
    async fn new() -> Self {
        let (folder, model) = a_home().await;
        std::fs::create_dir(folder.path().join("work")).unwrap();
        let daemon = start(&mut daemon(folder.path())).await;
        Self { folder, _model: model, daemon }
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("work/here.txt")
    }

    /// The text of the answer to a prompt, once it is there.
    fn ask(&self, prompt: &str) -> JoinHandle<String> {
        let mut body = prompt_body(prompt);
        body["model"] = "codex-local".into();
        let request = reqwest::Client::new().post(format!("{}/v1/chat/completions", self.daemon.url));
        let request = request.bearer_auth("sk-1").json(&body).timeout(TIMEOUT);
        tokio::spawn(async move {
            let Ok(response) = request.send().await else { return "no answer".to_owned() };
            let answer: Value = response.json().await.unwrap();
            answer["choices"][0]["message"]["content"].as_str().unwrap_or_default().to_owned()
        })
    }

    async fn terminal(&self) -> Terminal {
        let mut terminal = Terminal::start(self.folder.path());
        terminal.read_until(&["Waiting for questions."]).await;
        terminal
    }
}

fn daemon(folder: &Path) -> Command {
    let mut command = codex_proxyd(folder);
    command.env("API_KEYS", "sk-1").args([
        "--port",
        "0",
        "--data-dir",
        "data",
        "--ask",
        "on",
        "--workspace",
        "work",
    ]);
    command
}

fn approvals(folder: &Path, args: &[&str]) -> Command {
    let mut command = codex_proxyd(folder);
    command.arg("approvals").args(args).args(["--data-dir", "data"]);
    command
}

struct Terminal {
    child: Child,
    out: ChildStdout,
    /// What was printed and not yet looked for.
    printed: String,
}

impl Terminal {
    fn start(folder: &Path) -> Self {
        let mut child = approvals(folder, &[]).stdin(Stdio::piped()).spawn().unwrap();
        let out = child.stdout.take().unwrap();
        Self { child, out, printed: String::new() }
    }

    /// Reads until one of these is printed; everything up to it.
    async fn read_until(&mut self, texts: &[&str]) -> String {
        let reading = async {
            loop {
                let found = texts.iter().filter_map(|text| Some(self.printed.find(text)? + text.len())).min();
                if let Some(end) = found {
                    let rest = self.printed.split_off(end);
                    return std::mem::replace(&mut self.printed, rest);
                }
                let mut bytes = [0; 4096];
                let count = self.out.read(&mut bytes).await.unwrap();
                assert!(count > 0, "it ended: {}", self.printed);
                self.printed.push_str(&String::from_utf8_lossy(&bytes[..count]));
            }
        };
        let read = tokio::time::timeout(TIMEOUT, reading).await;
        read.unwrap_or_else(|_| panic!("not printed: {texts:?}; but {}", self.printed))
    }

    /// The next question, in full.
    async fn question(&mut self) -> String {
        self.read_until(&["Enter denies: "]).await
    }

    /// Types this until it is taken, since what is typed at once does not count; what is printed up to `expected`.
    async fn answer(&mut self, line: &str, expected: &str) -> String {
        loop {
            self.type_line(line).await;
            let printed = self.read_until(&[expected, "Too fast"]).await;
            if printed.ends_with(expected) {
                return printed;
            }
        }
    }

    async fn type_line(&mut self, line: &str) {
        let stdin = self.child.stdin.as_mut().unwrap();
        stdin.write_all(format!("{line}\n").as_bytes()).await.unwrap();
    }
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn command_runs_when_it_is_allowed_and_not_when_it_is_denied() {
    sample_model::not_under_wine!("Wine has no PowerShell");
    let rig = Rig::new().await;
    let mut terminal = rig.terminal().await;
    let denied = rig.ask(MKDIR);
    let question = terminal.question().await;
    for part in [
        "outside the sandbox, with your rights",
        "API_KEYS #1",
        "codex-local",
        "May I create a folder?",
        if cfg!(unix) { "  | /bin/bash -lc 'mkdir here.txt'" } else { "mkdir here.txt" },
        if cfg!(unix) { "/work\n" } else { "\\work\n" },
        "Denied at",
        "(a) allow from now on",
    ] {
        assert!(question.contains(part), "{part}: {question}");
    }
    terminal.answer("n", "Denied.").await;
    assert!(denied.await.unwrap().contains("rejected by user"));
    assert!(!rig.file().exists());

    let stopped = rig.ask(MKDIR);
    terminal.question().await;
    terminal.answer("s", "the answer ends").await;
    assert!(!stopped.await.unwrap().contains("rejected"));
    assert!(!rig.file().exists());

    let allowed = rig.ask(MKDIR);
    terminal.question().await;
    assert!(!rig.file().exists());
    terminal.answer("y", "Allowed once.").await;
    allowed.await.unwrap();
    assert!(rig.file().exists());
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn without_a_terminal_and_once_it_ends_everything_is_denied() {
    let rig = Rig::new().await;
    assert!(rig.ask(MKDIR).await.unwrap().contains("rejected by user"));
    for end in ["killed", "closed"] {
        let mut terminal = rig.terminal().await;
        let answer = rig.ask(MKDIR);
        terminal.question().await;
        match end {
            "killed" => terminal.child.kill().await.unwrap(),
            _ => drop(terminal.child.stdin.take()),
        }
        assert!(answer.await.unwrap().contains("rejected by user"), "{end}");
    }
    assert!(!rig.file().exists());
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn two_questions_are_shown_one_after_the_other_and_one_that_is_gone_is_said_to_be() {
    sample_model::not_under_wine!("Wine has no PowerShell");
    let rig = Rig::new().await;
    let mut terminal = rig.terminal().await;
    let first = rig.ask(MKDIR);
    terminal.question().await;
    let second = rig.ask(r#"[[escalate="mkdir other.txt"]]"#);
    // A client that hangs up takes its question with it.
    first.abort();
    terminal.read_until(&["Answered elsewhere, or Codex does not ask any more."]).await;
    assert!(terminal.question().await.contains("mkdir other.txt"));
    terminal.answer("y", "Allowed once.").await;
    second.await.unwrap();
    assert!(rig.folder.path().join("work/other.txt").exists() && !rig.file().exists());
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn allowed_from_now_on_is_not_asked_again_until_it_is_forgotten() {
    sample_model::not_under_wine!("Wine has no PowerShell");
    let rig = Rig::new().await;
    let mut terminal = rig.terminal().await;
    let answer = rig.ask(MKDIR);
    terminal.question().await;
    terminal.answer("a", "Allowed from now on.").await;
    answer.await.unwrap();
    std::fs::remove_dir(rig.file()).unwrap();
    rig.ask(MKDIR).await.unwrap();
    assert!(rig.file().exists());

    let (ok, rules, _) = run(&mut approvals(rig.folder.path(), &["--rules"])).await;
    assert!(ok && rules.contains("mkdir here.txt") && rules.lines().count() == 1, "{rules}");
    let id = rules.split_whitespace().next().unwrap();
    assert!(run(&mut approvals(rig.folder.path(), &["--forget", id])).await.0);
    let (ok, _, error) = run(&mut approvals(rig.folder.path(), &["--forget", id])).await;
    assert!(!ok && error.contains("--rules"), "{error}");
    assert!(run(&mut approvals(rig.folder.path(), &["--rules"])).await.1.is_empty());
    let again = rig.ask(MKDIR);
    terminal.question().await;
    terminal.answer("n", "Denied.").await;
    assert!(again.await.unwrap().contains("rejected by user"));
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn models_question_is_answered_with_a_number() {
    let rig = Rig::new().await;
    let mut terminal = rig.terminal().await;
    let answer = rig.ask(r#"[[question="Which colour?|Red|Blue"]]"#);
    assert!(terminal.question().await.contains("  | Which colour?"));
    assert!(terminal.answer("y", "own answer").await.contains("2) Blue"));
    terminal.type_line("2").await;
    terminal.read_until(&["Answered."]).await;
    assert!(answer.await.unwrap().contains("Blue"));
}

#[tokio::test]
async fn without_codex_proxyd_the_command_says_so() {
    let folder = crate::support::folder();
    let (ok, _, error) = run(&mut approvals(folder.path(), &[])).await;
    assert!(!ok && error.contains("no codex-proxyd") && error.contains("--data-dir"), "{error}");
}

// Linux only: /proc shows the processes of a test.
#[cfg(target_os = "linux")]
#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn killed_daemon_leaves_nothing_that_runs_and_the_next_one_takes_its_place() {
    let mut rig = Rig::new().await;
    let mut terminal = rig.terminal().await;
    let answer = rig.ask(MKDIR);
    terminal.question().await;
    // Waiting would close it, which ends the terminal too.
    let _input = terminal.child.stdin.take();
    rig.daemon.child.kill().await.unwrap();
    assert!(!tokio::time::timeout(TIMEOUT, terminal.child.wait()).await.unwrap().unwrap().success());
    answer.await.unwrap();
    eventually("all processes are gone", || crate::support::processes_of(rig.folder.path()).is_empty()).await;
    assert!(!rig.file().exists());

    rig.daemon = start(&mut daemon(rig.folder.path())).await;
    let mut terminal = rig.terminal().await;
    let answer = rig.ask(MKDIR);
    terminal.question().await;
    terminal.answer("y", "Allowed once.").await;
    answer.await.unwrap();
    assert!(rig.file().exists());
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn second_daemon_with_the_same_data_folder_serves_without_approvals_and_says_so() {
    let rig = Rig::new().await;
    let second = start(&mut daemon(rig.folder.path())).await;
    let log = crate::daemon::ended(second).await;
    assert!(log.contains("another codex-proxyd uses this data folder"), "{log}");
    let mut terminal = rig.terminal().await;
    let answer = rig.ask(MKDIR);
    terminal.question().await;
    terminal.answer("y", "Allowed once.").await;
    answer.await.unwrap();
}

// Linux only: elsewhere the daemon does not know who connects.
#[cfg(target_os = "linux")]
#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn command_of_codexs_cannot_answer_its_own_questions() {
    let rig = Rig::new().await;
    let mut terminal = rig.terminal().await;
    let program = under_test::built("codex-proxyd");
    let data = rig.folder.path().join("data");
    let attend = format!("{} approvals --data-dir {} < /dev/null 2>&1", program.display(), data.display());
    // Without a network the sandbox lets nothing connect; with one, the daemon recognizes its own children.
    let answer = rig.ask(&format!("[[shell={}]]", Value::from(attend.clone()))).await.unwrap();
    assert!(answer.contains("Operation not permitted"), "{answer}");
    let prompt = format!("[[permission=network then shell={}]]", Value::from(attend));
    let answer = rig.ask(&prompt);
    terminal.question().await;
    terminal.answer("y", "Allowed once.").await;
    let answer = answer.await.unwrap();
    assert!(answer.contains("cannot answer questions"), "{answer}");
}
