//! codex-proxyd as a user runs it.

use std::path::Path;
use std::process::Stdio;

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

use crate::support::{TIMEOUT, folder, home_for, sample_model};

/// A command of codex-proxyd with nothing of this process's environment but the PATH.
#[expect(clippy::disallowed_methods, reason = "the program under test is started as a user does")]
pub(crate) fn codex_proxyd(folder: &Path) -> Command {
    of_this_environment(Command::new(env!("CARGO_BIN_EXE_codex-proxyd")), folder)
}

/// The same behind a line of the shell, such as one that sets a limit.
#[cfg(target_os = "linux")]
#[expect(clippy::disallowed_methods, reason = "the program under test is started as a user does")]
pub(crate) fn codex_proxyd_after(line: &str, folder: &Path) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", &format!("{line}; exec \"$0\" \"$@\""), env!("CARGO_BIN_EXE_codex-proxyd")]);
    of_this_environment(command, folder)
}

fn of_this_environment(mut command: Command, folder: &Path) -> Command {
    command
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", folder)
        .env("CODEX_HOME", folder.join(".codex"))
        .env("TMPDIR", sample_model::codex_home::temp_dir(folder).unwrap())
        .env("CODEX_PATH", sample_model::under_test::codex_under_test())
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

pub(crate) struct Daemon {
    pub(crate) child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    /// Everything that it printed before it was ready.
    pub(crate) before: Vec<String>,
    /// `http://127.0.0.1:PORT`
    pub(crate) url: String,
}

pub(crate) async fn start(command: &mut Command) -> Daemon {
    let mut child = command.spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut before = Vec::new();
    loop {
        let line = tokio::time::timeout(TIMEOUT, lines.next_line()).await.expect("not ready").unwrap();
        let line = line.expect("ended before it was ready");
        if let Some(url) = line.strip_prefix("listening on ") {
            return Daemon { url: url.to_owned(), child, lines, before };
        }
        before.push(line);
    }
}

pub(crate) async fn ask(url: &str, key: &str, prompt: &str) -> reqwest::Response {
    let body = crate::support::prompt_body(prompt);
    let request = reqwest::Client::new().post(format!("{url}/v1/chat/completions"));
    request.bearer_auth(key).json(&body).timeout(TIMEOUT).send().await.unwrap()
}

pub(crate) async fn run(command: &mut Command) -> (bool, String, String) {
    let output = tokio::time::timeout(TIMEOUT, command.output()).await.unwrap().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.success(), text(&output.stdout), text(&output.stderr))
}

pub(crate) async fn a_home() -> (TempDir, sample_model::SampleModel) {
    let (folder, model) = (folder(), sample_model().await);
    home_for(folder.path(), &model);
    (folder, model)
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn the_first_start_makes_a_key_shows_it_once_and_keeps_no_secret() {
    let (folder, _model) = a_home().await;
    let mut daemon = start(codex_proxyd(folder.path()).args(["--port", "0", "--data-dir", "data"])).await;
    let key = daemon.before[0].split_whitespace().last().unwrap().to_owned();
    assert!(key.starts_with("sk-"), "{:?}", daemon.before);
    assert_eq!(ask(&daemon.url, &key, "[[words=1]]").await.status(), 200);
    daemon.child.kill().await.unwrap();

    let again = start(codex_proxyd(folder.path()).args(["--port", "0", "--data-dir", "data"])).await;
    assert!(again.before.is_empty(), "{:?}", again.before);
    assert_eq!(ask(&again.url, &key, "[[words=1]]").await.status(), 200);
    for entry in std::fs::read_dir(folder.path().join("data")).unwrap().flatten() {
        if entry.path().is_file() {
            assert!(!std::fs::read_to_string(entry.path()).unwrap().contains(&key[6..]), "{entry:?}");
        }
    }
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn an_env_file_is_read_and_the_log_holds_no_key_no_prompt_and_an_id_a_line() {
    let (folder, _model) = a_home().await;
    let dotenv = "API_KEYS=sk-local-key1,sk-local-key2\nPORT=0\nDATA_DIR=data\nLOG_LEVEL=debug\n";
    std::fs::write(folder.path().join(".env"), dotenv).unwrap();
    let daemon = start(&mut codex_proxyd(folder.path())).await;
    for key in ["sk-local-key1", "sk-local-key2"] {
        assert_eq!(ask(&daemon.url, key, "[[say=\"an answer nobody should log\"]]").await.status(), 200);
    }
    assert_eq!(ask(&daemon.url, "sk-local-wrong", "hi").await.status(), 401);
    let log = ended(daemon).await;
    for secret in ["sk-local", "nobody should log", "[[say"] {
        assert!(!log.contains(secret), "{secret} in {log}");
    }
    let of_requests: Vec<&str> =
        log.lines().filter(|line| line.contains("answered") || line.contains("turn done")).collect();
    assert_eq!(of_requests.len(), 5, "{log}");
    assert!(of_requests.iter().all(|line| line.contains("request{id=\"req_")), "{log}");
}

/// Ends a daemon as a system does, and gives back its log.
pub(crate) async fn ended(mut daemon: Daemon) -> String {
    terminate(&daemon.child);
    let mut stderr = daemon.child.stderr.take().unwrap();
    let mut log = String::new();
    tokio::io::AsyncReadExt::read_to_string(&mut stderr, &mut log).await.unwrap();
    let status = tokio::time::timeout(TIMEOUT, daemon.child.wait()).await.unwrap().unwrap();
    assert!(status.success(), "{status}: {log}");
    assert!(daemon.lines.next_line().await.unwrap().is_none(), "one line only");
    log
}

fn terminate(child: &Child) {
    signal(child, "-TERM");
}

/// Sends a signal, as `kill` names it.
pub(crate) fn signal(child: &Child, name: &str) {
    let pid = child.id().unwrap().to_string();
    assert!(std::process::Command::new("kill").args([name, &pid]).status().unwrap().success());
}

#[cfg(unix)]
#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn a_signal_ends_it_cleanly_with_codex() {
    let (folder, _model) = a_home().await;
    let daemon = start(codex_proxyd(folder.path()).env("API_KEYS", "sk-1").args([
        "--port",
        "0",
        "--data-dir",
        "data",
    ]))
    .await;
    assert_eq!(ask(&daemon.url, "sk-1", "[[words=1]]").await.status(), 200);
    #[cfg(target_os = "linux")]
    for pid in crate::support::processes_of(folder.path()) {
        let environment = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        let told = String::from_utf8_lossy(&environment).contains("sk-1");
        assert!(!told || Some(pid) == daemon.child.id(), "our keys are none of codex's business");
    }
    let log = ended(daemon).await;
    assert!(log.contains("stopped"), "{log}");
    #[cfg(target_os = "linux")]
    crate::support::eventually("codex is gone", || crate::support::processes_of(folder.path()).is_empty())
        .await;
}

#[cfg(target_os = "linux")]
#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn killed_outright_it_leaves_no_codex_behind() {
    let (folder, model) = a_home().await;
    let mut daemon = start(codex_proxyd(folder.path()).env("API_KEYS", "sk-1").args([
        "--port",
        "0",
        "--data-dir",
        "data",
    ]))
    .await;
    let url = daemon.url.clone();
    let asking = tokio::spawn(async move { ask(&url, "sk-1", "[[hold=0]]").await });
    let held = |event: &sample_model::Event| matches!(event, sample_model::Event::Held { .. });
    assert!(model.wait_for(held, TIMEOUT).await.is_some());
    assert!(crate::support::processes_of(folder.path()).len() >= 2);
    daemon.child.kill().await.unwrap();
    crate::support::eventually("codex is gone", || crate::support::processes_of(folder.path()).is_empty())
        .await;
    asking.abort();
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn killed_outright_it_takes_even_a_codex_along_that_would_stay() {
    let folder = folder();
    let mut daemon = start(
        codex_proxyd(folder.path())
            .env("API_KEYS", "sk-1")
            .env("CODEX_PATH", sample_model::under_test::fake_codex())
            .env("FAKE_CODEX", "ignore-eof spawn-child")
            .args(["--port", "0", "--data-dir", "data"]),
    )
    .await;
    assert_eq!(ask(&daemon.url, "sk-1", "hi").await.status(), 200);
    assert!(crate::support::processes_of(folder.path()).len() >= 3, "us, codex and its child");
    daemon.child.kill().await.unwrap();
    crate::support::eventually("all are gone", || crate::support::processes_of(folder.path()).is_empty())
        .await;
}

#[tokio::test]
async fn keys_are_made_listed_and_revoked_from_the_command_line() {
    let folder = folder();
    let command = |args: &[&str]| {
        let mut command = codex_proxyd(folder.path());
        command.args(["key"]).args(args).args(["--data-dir", "data"]);
        command
    };
    let (ok, key, _) = run(&mut command(&["new", "my laptop"])).await;
    assert!(ok && key.starts_with("sk-"));
    let (_, list, _) = run(&mut command(&["list"])).await;
    assert!(list.contains("my laptop") && !list.contains(key.trim()), "{list}");
    let id = list.split_whitespace().next().unwrap();
    assert!(run(&mut command(&["revoke", id])).await.0);
    assert!(run(&mut command(&["list"])).await.1.is_empty());
    let (ok, _, error) = run(&mut command(&["revoke", id])).await;
    assert!(!ok && error.contains("key list"), "{error}");
}

#[tokio::test]
async fn a_key_is_limited_from_the_command_line_and_never_beyond_the_settings() {
    let folder = folder();
    std::fs::create_dir_all(folder.path().join("work/notes")).unwrap();
    let key = async |before: &[&str], behind: &[&str]| {
        let mut command = codex_proxyd(folder.path());
        command.args(["--workspace", "work"]).args(before).arg("key").args(behind);
        run(command.args(["--data-dir", "data"])).await
    };
    let (ok, _, told) = key(&[], &["new", "reader", "--sandbox", "read-only"]).await;
    assert!(ok && told.contains("read-only"), "{told}");
    let writer = ["new", "writer", "--sandbox", "workspace-write", "--workspace", "work/notes"];
    let (ok, _, error) = key(&[], &writer).await;
    assert!(!ok && error.contains("allow read-only at most"), "{error}");
    let (ok, _, error) = key(&["--sandbox", "workspace-write"], &writer).await;
    assert!(ok, "{error}");
    let (ok, _, error) = key(&[], &["new", "stray", "--workspace", "data"]).await;
    assert!(!ok && error.contains("not within the working folder"), "{error}");
    let (ok, _, error) = key(&[], &["new", "lost", "--workspace", "work/gone"]).await;
    assert!(!ok && error.contains("is not there"), "{error}");
    let (_, list, _) = key(&[], &["list"]).await;
    let lines: Vec<&str> = list.lines().collect();
    assert!(lines.len() == 2 && lines[0].ends_with("reader  [read-only]"), "{list}");
    assert!(
        lines[1].contains("writer  [workspace-write in /") && lines[1].ends_with("work/notes]"),
        "{list}"
    );
}

#[cfg(target_os = "linux")]
#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn a_full_disk_is_said_and_ends_nothing() {
    let (home, _model) = a_home().await;
    // Whatever is written to a file fails, and the process is not killed for it.
    let mut command = codex_proxyd_after("trap '' XFSZ; ulimit -f 0", home.path());
    let daemon = start(command.args(["--port", "0", "--no-auth"])).await;
    for _ in 0..2 {
        let answer = ask(&daemon.url, "none", "[[words=1]]").await;
        assert_eq!(answer.status(), 503);
        let error: Value = answer.json().await.unwrap();
        assert_eq!(error["error"]["code"], "codex_unavailable", "{error}");
    }
    let log = ended(daemon).await;
    assert!(log.contains("config.toml of its private home cannot be written"), "{log}");
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn more_files_may_be_open_than_a_desktop_allows_at_first() {
    let (home, _model) = a_home().await;
    let mut command = codex_proxyd_after("ulimit -S -n 256", home.path());
    command.args(["--port", "0", "--no-auth"]);
    let daemon = start(&mut command).await;
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", daemon.child.id().unwrap())).unwrap();
    let files = limits.lines().find(|line| line.starts_with("Max open files")).unwrap();
    let soft: u64 = files.split_whitespace().nth(3).unwrap().parse().unwrap();
    assert!(soft > 256, "{files}");
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn the_version_names_ours_and_codexs() {
    let folder = folder();
    let (ok, out, _) = run(codex_proxyd(folder.path()).arg("--version")).await;
    assert!(ok && out.contains(concat!("codex-proxyd ", env!("CARGO_PKG_VERSION"))), "{out}");
    assert!(out.lines().nth(1).unwrap().starts_with("codex 0."), "{out}");
}

#[tokio::test]
async fn what_cannot_work_is_said_in_one_line() {
    let folder = folder();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    for (args, words) in [
        (vec!["--port", &port], "taken by another program"),
        (vec!["--port", "99999"], "--port is \"99999\""),
        (vec!["--no-auth", "--host", "0.0.0.0"], "on this machine only"),
        (vec!["--host", "203.0.113.7"], "not an address of this machine"),
        (vec!["--sandbox", "none"], "read-only, workspace-write or danger-full-access"),
    ] {
        let (ok, _, error) = run(codex_proxyd(folder.path()).args(&args).args(["--data-dir", "data"])).await;
        assert!(!ok && error.contains(words), "{args:?}: {error}");
        assert_eq!(error.lines().count(), 1, "{error}");
    }
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn without_keys_nobody_is_asked_for_one() {
    let (folder, _model) = a_home().await;
    let daemon =
        start(codex_proxyd(folder.path()).args(["--no-auth", "--port", "0", "--data-dir", "data"])).await;
    assert!(daemon.before.is_empty());
    let models = reqwest::get(format!("{}/v1/models", daemon.url)).await.unwrap();
    let models: Value = models.json().await.unwrap();
    assert_eq!(models["data"][0]["id"], "codex-local");
}

#[tokio::test]
async fn codex_proxyd_takes_the_limits_from_its_flags_and_its_environment_and_names_a_bad_one() {
    let (folder, _model) = a_home().await;
    let mut command = codex_proxyd(folder.path());
    let command = command.args(["--port", "0", "--data-dir", "data", "--max-turns", "3"]);
    let daemon = start(command.env("MAX_WAITING", "7")).await;
    let health: Value = reqwest::get(format!("{}/health", daemon.url)).await.unwrap().json().await.unwrap();
    assert_eq!(health["turns"], json!({"running":0,"waiting":0,"most":3,"most_waiting":7}));
    let mut command = codex_proxyd(folder.path());
    let (ok, _, words) = run(command.args(["--silence-limit", "0"])).await;
    assert!(
        !ok && words.contains("--silence-limit is \"0\". Write a number of minutes from 1 to 1440."),
        "{words}"
    );
}
