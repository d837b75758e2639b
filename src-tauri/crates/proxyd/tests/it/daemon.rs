//! codex-proxyd as a user runs it, and helpers to run it.

use std::path::Path;
use std::process::{ExitStatus, Stdio};

use sample_model::{codex_home, under_test};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

use crate::support::{TIMEOUT, folder, home_for, sample_model};

/// What programs need of the environment.
const INHERITED: &[&str] =
    if cfg!(windows) { &["PATH", "SYSTEMROOT", "SYSTEMDRIVE", "COMSPEC", "PATHEXT"] } else { &["PATH"] };

/// A command for codex-proxyd, with nothing else of this process's environment than [`INHERITED`].
#[expect(clippy::disallowed_methods, reason = "the program under test is started like a user starts it")]
pub(crate) fn codex_proxyd(folder: &Path) -> Command {
    with_test_environment(Command::new(under_test::built("codex-proxyd")), folder)
}

/// The same after a shell command, such as one that sets a limit.
#[cfg(target_os = "linux")]
#[expect(clippy::disallowed_methods, reason = "the program under test is started like a user starts it")]
pub(crate) fn codex_proxyd_after(line: &str, folder: &Path) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", &format!("{line}; exec \"$0\" \"$@\"")]).arg(under_test::built("codex-proxyd"));
    with_test_environment(command, folder)
}

fn with_test_environment(mut command: Command, folder: &Path) -> Command {
    let temp = codex_home::temp_dir(folder).unwrap();
    // Under Wine, codex cannot create the identifier in the private home.
    #[cfg(windows)]
    codex_home::write_installation_id(&folder.join("data").join("codex-home")).unwrap();
    command
        .env_clear()
        .envs(INHERITED.iter().filter_map(|name| Some((name, std::env::var_os(name)?))))
        .env("HOME", folder)
        .env("CODEX_HOME", folder.join(".codex"))
        .env("TMPDIR", &temp)
        .env("CODEX_PATH", under_test::codex_under_test())
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    #[cfg(windows)]
    command.env("USERPROFILE", std::path::absolute(folder).unwrap()).env("TEMP", &temp).env("TMP", &temp);
    command
}

/// The daemon in a console of its own, where [`signal`] can raise events. It ends with this program.
#[cfg(windows)]
#[expect(clippy::disallowed_methods, reason = "the program under test is started like a user starts it")]
fn in_console(daemon: &Command) -> Command {
    // A new console without a window, which a computer without a screen has too.
    const CREATE_NO_WINDOW: u32 = 0x0800_0000;
    let daemon = daemon.as_std();
    let mut command = Command::new(under_test::built("in-console"));
    command
        .arg(daemon.get_program())
        .args(daemon.get_args())
        .env_clear()
        .envs(daemon.get_envs().filter_map(|(name, value)| Some((name, value?))))
        .current_dir(daemon.get_current_dir().unwrap())
        .creation_flags(CREATE_NO_WINDOW)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

pub(crate) struct Daemon {
    pub(crate) child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    /// Everything printed before it was ready.
    pub(crate) before: Vec<String>,
    /// `http://127.0.0.1:PORT`
    pub(crate) url: String,
}

pub(crate) async fn start(command: &mut Command) -> Daemon {
    #[cfg(windows)]
    let command = &mut in_console(command);
    let mut child = command.spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut before = Vec::new();
    loop {
        let line = tokio::time::timeout(TIMEOUT, lines.next_line()).await.expect("not ready").unwrap();
        let line = line.expect("it exited before it was ready");
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
async fn first_start_creates_a_key_shows_it_once_and_stores_no_secret() {
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
async fn env_file_is_read_and_the_log_has_request_ids_but_no_keys_or_prompts() {
    let (folder, _model) = a_home().await;
    let dotenv = "API_KEYS=sk-local-key1,sk-local-key2\nPORT=0\nDATA_DIR=data\nLOG_LEVEL=debug\n";
    std::fs::write(folder.path().join(".env"), dotenv).unwrap();
    let daemon = start(&mut codex_proxyd(folder.path())).await;
    for key in ["sk-local-key1", "sk-local-key2"] {
        assert_eq!(
            ask(&daemon.url, key, "[[say=\"an answer that must not be logged\"]]").await.status(),
            200
        );
    }
    assert_eq!(ask(&daemon.url, "sk-local-wrong", "hi").await.status(), 401);
    let log = ended(daemon).await;
    for secret in ["sk-local", "must not be logged", "[[say"] {
        assert!(!log.contains(secret), "{secret} in {log}");
    }
    let of_requests: Vec<&str> =
        log.lines().filter(|line| line.contains("answered") || line.contains("turn done")).collect();
    assert_eq!(of_requests.len(), 5, "{log}");
    assert!(of_requests.iter().all(|line| line.contains("request{id=\"req_")), "{log}");
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn localhost_works_where_it_is_ipv6_first() {
    if std::net::TcpListener::bind("[::1]:0").is_err() {
        return;
    }
    let (folder, _model) = a_home().await;
    for host in ["127.0.0.1", "localhost", "0.0.0.0"] {
        let mut command = codex_proxyd(folder.path());
        let daemon = start(command.args(["--host", host, "--port", "0", "--data-dir", "data"])).await;
        let port = daemon.url.rsplit(':').next().unwrap();
        let health = reqwest::get(format!("http://[::1]:{port}/health")).await;
        assert_eq!(health.unwrap().status(), 200, "{host}");
        ended(daemon).await;
    }
}

/// Stops a daemon with SIGTERM or Ctrl-Break, and returns its log.
pub(crate) async fn ended(mut daemon: Daemon) -> String {
    signal(&mut daemon, "-TERM").await;
    let mut stderr = daemon.child.stderr.take().unwrap();
    let mut log = String::new();
    let reading = tokio::io::AsyncReadExt::read_to_string(&mut stderr, &mut log);
    tokio::time::timeout(TIMEOUT, reading).await.expect("it does not end").unwrap();
    let status = exited(&mut daemon).await;
    assert!(status.success(), "{status}: {log}");
    assert!(daemon.lines.next_line().await.unwrap().is_none(), "only one line on stdout");
    log
}

/// Waits for the end of the daemon. On Windows that is also the end of every process that it started.
pub(crate) async fn exited(daemon: &mut Daemon) -> ExitStatus {
    // Waiting would close it, which ends the daemon on Windows.
    let _input = daemon.child.stdin.take();
    tokio::time::timeout(TIMEOUT, daemon.child.wait()).await.unwrap().unwrap()
}

/// Sends a signal, as `kill` names it: `-INT`, which is Ctrl-C on Windows, `-TERM`, which is Ctrl-Break, or `-KILL`.
pub(crate) async fn signal(daemon: &mut Daemon, name: &str) {
    #[cfg(unix)]
    {
        let pid = daemon.child.id().unwrap().to_string();
        assert!(std::process::Command::new("kill").args([name, &pid]).status().unwrap().success());
    }
    #[cfg(windows)]
    {
        let event = match name {
            "-INT" => "ctrl-c\n",
            "-KILL" => "kill\n",
            // Its server raises no other event (STATUS_NOT_IMPLEMENTED).
            _ if under_test::is_wine() => "ctrl-c\n",
            _ => "ctrl-break\n",
        };
        let input = daemon.child.stdin.as_mut().unwrap();
        tokio::io::AsyncWriteExt::write_all(input, event.as_bytes()).await.unwrap();
    }
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn sigterm_stops_it_cleanly_with_codex() {
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
        let has_key = String::from_utf8_lossy(&environment).contains("sk-1");
        assert!(!has_key || Some(pid) == daemon.child.id(), "codex must not get our keys");
    }
    let log = ended(daemon).await;
    assert!(log.contains("stopped"), "{log}");
    #[cfg(target_os = "linux")]
    crate::support::eventually("codex is gone", || crate::support::processes_of(folder.path()).is_empty())
        .await;
}

// Not on macOS, where nothing shows the processes of a test.
#[cfg(any(target_os = "linux", windows))]
#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn sigkill_leaves_no_codex_behind() {
    let (folder, model) = a_home().await;
    let mut daemon = start(codex_proxyd(folder.path()).env("API_KEYS", "sk-1").args([
        "--port",
        "0",
        "--data-dir",
        "data",
    ]))
    .await;
    let url = daemon.url.clone();
    let pending = tokio::spawn(async move { ask(&url, "sk-1", "[[hold=0]]").await });
    let held = |event: &sample_model::Event| matches!(event, sample_model::Event::Held { .. });
    assert!(model.wait_for(held, TIMEOUT).await.is_some());
    kill(&mut daemon, folder.path(), 2).await;
    pending.abort();
}

// Not on macOS, where nothing shows the processes of a test.
#[cfg(any(target_os = "linux", windows))]
#[tokio::test]
async fn sigkill_also_kills_a_codex_that_ignores_eof() {
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
    // The daemon, codex and its child.
    kill(&mut daemon, folder.path(), 3).await;
}

/// Kills a daemon that has at least so many processes, and waits until all of them are gone.
#[cfg(any(target_os = "linux", windows))]
async fn kill(daemon: &mut Daemon, folder: &Path, processes: usize) {
    #[cfg(target_os = "linux")]
    assert!(crate::support::processes_of(folder).len() >= processes);
    signal(daemon, "-KILL").await;
    assert!(!exited(daemon).await.success());
    #[cfg(target_os = "linux")]
    crate::support::eventually("codex is gone", || crate::support::processes_of(folder).is_empty()).await;
    #[cfg(windows)]
    let _ = (folder, processes);
}

#[tokio::test]
async fn keys_are_created_listed_and_revoked_from_the_command_line() {
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
async fn key_limits_from_the_command_line_cannot_exceed_the_settings() {
    let folder = folder();
    std::fs::create_dir_all(folder.path().join("work/notes")).unwrap();
    let key = async |before: &[&str], after: &[&str]| {
        let mut command = codex_proxyd(folder.path());
        command.args(["--workspace", "work"]).args(before).arg("key").args(after);
        run(command.args(["--data-dir", "data"])).await
    };
    let (ok, _, stderr) = key(&[], &["new", "reader", "--sandbox", "read-only"]).await;
    assert!(ok && stderr.contains("read-only"), "{stderr}");
    let writer = ["new", "writer", "--sandbox", "workspace-write", "--workspace", "work/notes"];
    let (ok, _, error) = key(&[], &writer).await;
    assert!(!ok && error.contains("allow at most read-only"), "{error}");
    let (ok, _, error) = key(&["--sandbox", "workspace-write"], &writer).await;
    assert!(ok, "{error}");
    let (ok, _, error) = key(&[], &["new", "stray", "--workspace", "data"]).await;
    assert!(!ok && error.contains("not inside the working folder"), "{error}");
    let (ok, _, error) = key(&[], &["new", "lost", "--workspace", "work/gone"]).await;
    assert!(!ok && error.contains("does not exist"), "{error}");
    let (_, list, _) = key(&[], &["list"]).await;
    let lines: Vec<&str> = list.lines().collect();
    assert!(lines.len() == 2 && lines[0].ends_with("reader  [read-only]"), "{list}");
    let notes = std::path::absolute(folder.path().join("work").join("notes")).unwrap();
    assert!(lines[1].ends_with(&format!("writer  [workspace-write in {}]", notes.display())), "{list}");
}

// Linux only: `ulimit` stands for a full disk.
#[cfg(target_os = "linux")]
#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn full_disk_is_reported_and_does_not_crash_the_daemon() {
    let (home, _model) = a_home().await;
    // Every write to a file fails, without killing the process.
    let mut command = codex_proxyd_after("trap '' XFSZ; ulimit -f 0", home.path());
    let daemon = start(command.args(["--port", "0", "--no-auth"])).await;
    for _ in 0..2 {
        let answer = ask(&daemon.url, "none", "[[words=1]]").await;
        assert_eq!(answer.status(), 503);
        let error: Value = answer.json().await.unwrap();
        assert_eq!(error["error"]["code"], "codex_unavailable", "{error}");
    }
    let log = ended(daemon).await;
    assert!(log.contains("cannot write config.toml to its private home"), "{log}");
}

// Linux only: the limit is Unix's, and /proc shows it.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn open_file_limit_is_raised_at_startup() {
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
async fn version_flag_prints_our_version_and_codexs() {
    let folder = folder();
    let (ok, out, _) = run(codex_proxyd(folder.path()).arg("--version")).await;
    assert!(ok && out.contains(concat!("codex-proxyd ", env!("CARGO_PKG_VERSION"))), "{out}");
    assert!(out.lines().nth(1).unwrap().starts_with("codex 0."), "{out}");
}

#[tokio::test]
async fn startup_errors_are_one_line() {
    let folder = folder();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    for (args, message) in [
        (vec!["--port", &port], "in use by another program"),
        (vec!["--port", "99999"], "--port is \"99999\""),
        (vec!["--no-auth", "--host", "0.0.0.0"], "on loopback only"),
        (vec!["--host", "203.0.113.7"], "not an address of this computer"),
        (vec!["--sandbox", "none"], "read-only, workspace-write or danger-full-access"),
    ] {
        let (ok, _, error) = run(codex_proxyd(folder.path()).args(&args).args(["--data-dir", "data"])).await;
        assert!(!ok && error.contains(message), "{args:?}: {error}");
        assert_eq!(error.lines().count(), 1, "{error}");
    }
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn no_auth_requires_no_key() {
    let (folder, _model) = a_home().await;
    let daemon =
        start(codex_proxyd(folder.path()).args(["--no-auth", "--port", "0", "--data-dir", "data"])).await;
    assert!(daemon.before.is_empty());
    let models = reqwest::get(format!("{}/v1/models", daemon.url)).await.unwrap();
    let models: Value = models.json().await.unwrap();
    assert_eq!(models["data"][0]["id"], "codex-local");
}

#[tokio::test]
async fn limits_come_from_flags_and_environment_and_invalid_ones_are_named() {
    let (folder, _model) = a_home().await;
    let mut command = codex_proxyd(folder.path());
    let command = command.args(["--port", "0", "--data-dir", "data", "--max-turns", "3"]);
    let daemon = start(command.env("MAX_WAITING", "7")).await;
    let key = daemon.before[0].split_whitespace().last().unwrap();
    let health = reqwest::Client::new().get(format!("{}/health", daemon.url)).bearer_auth(key);
    let health: Value = health.send().await.unwrap().json().await.unwrap();
    assert_eq!(health["turns"], json!({"running":0,"waiting":0,"most":3,"most_waiting":7}));
    let mut command = codex_proxyd(folder.path());
    let (ok, _, error) = run(command.args(["--silence-limit", "0"])).await;
    assert!(
        !ok && error.contains("--silence-limit is \"0\". Enter a number of minutes from 1 to 1440."),
        "{error}"
    );
}
