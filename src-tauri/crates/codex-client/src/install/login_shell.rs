//! The environment of the user's login shell.
//!
//! An app started from a desktop gets a minimal environment; the shell's startup files add the folders of npm, nvm and Homebrew,
//! and variables such as `HTTPS_PROXY` and `CODEX_HOME`. On Windows every program gets the user's environment, so there this
//! finds nothing.

use std::path::PathBuf;
use std::time::Duration;

use crate::environment::Environment;
#[cfg(unix)]
use crate::environment::KEY_VARIABLES;

/// How long the user's startup files may take; after that, we do without.
const TIMEOUT: Duration = Duration::from_secs(5);

/// What may be printed, the startup files' greetings included; the rest is not read.
#[cfg(unix)]
const MAX_OUTPUT: u64 = 1024 * 1024;

/// Delimits the variables, since startup files print greetings.
#[cfg(unix)]
const MARKER: &str = "__codex_proxy_environment__";

/// Marks the terminal as unattended for startup files: oh-my-zsh skips its update question and tmux, and startup files that
/// switch to another shell, such as fish, check VS Code's variable.
#[cfg(unix)]
const FOR_STARTUP_FILES: [(&str, &str); 3] =
    [("DISABLE_AUTO_UPDATE", "true"), ("ZSH_TMUX_AUTOSTART", "false"), ("VSCODE_RESOLVING_ENVIRONMENT", "1")];

/// Variables that belong to the shell.
#[cfg(unix)]
const OF_THE_SHELL: [&str; 8] = ["_", "SHLVL", "PWD", "OLDPWD", "TERM", "COLUMNS", "LINES", "PS1"];

/// Adds what the user's login shell sets.
///
/// A variable of `environment` stays as it is, except for `PATH`: the shell's folders come first, in its order, then the others.
pub async fn with_login_shell(environment: Environment) -> Environment {
    let shell = variables(&environment, TIMEOUT).await;
    if shell == Environment::default() {
        return environment;
    }
    let path = merge(shell.path_folders(), environment.path_folders());
    let missing = shell.iter().filter(|(name, _)| !environment.has(name));
    let merged = missing.fold(environment.clone(), |merged, (name, value)| merged.with(name, value));
    match std::env::join_paths(path) {
        Ok(path) if !path.is_empty() => merged.with("PATH", path),
        _ => merged,
    }
}

/// The folders of the login shell's `PATH`; empty when there is no shell or it does not print its `PATH`.
pub(super) async fn path_folders(environment: &Environment) -> Vec<PathBuf> {
    let folders = variables(environment, TIMEOUT).await.path_folders();
    folders.into_iter().filter(|folder| folder.is_absolute()).collect()
}

fn merge(first: Vec<PathBuf>, then: Vec<PathBuf>) -> Vec<PathBuf> {
    let mut merged: Vec<PathBuf> = Vec::new();
    for folder in first.into_iter().filter(|folder| folder.is_absolute()).chain(then) {
        if !merged.contains(&folder) {
            merged.push(folder);
        }
    }
    merged
}

/// What the login shell exports; empty without a shell, or if it does not answer in time. Everything it starts ends with it.
#[cfg(unix)]
async fn variables(environment: &Environment, timeout: Duration) -> Environment {
    use crate::process::{Process, StderrTail, command};
    use tokio::io::AsyncReadExt as _;

    let Some(shell) = shell(environment, cfg!(target_os = "macos")) else { return Environment::default() };
    // In `sh`, so that it is the same in fish, tcsh and others. Not every `env` has `-0`.
    let script = format!("/bin/sh -c 'printf {MARKER}; env -0 2>/dev/null || env; printf {MARKER}'");
    let mut command = command(&shell, environment);
    command.args(["-ilc", &script]).envs(FOR_STARTUP_FILES);
    // In its own process group, an interactive shell cannot take over our terminal.
    let (mut process, streams) = match Process::start(command) {
        Ok(started) => started,
        Err(error) => {
            tracing::debug!(%error, "the login shell did not start");
            return Environment::default();
        }
    };
    drop(streams.stdin);
    let (mut output, mut stdout) = (Vec::new(), streams.stdout.take(MAX_OUTPUT));
    let read = async {
        tokio::select! {
            read = read_variables(&mut stdout, &mut output) => read.is_ok(),
            // Until then, an unread stderr would block the shell.
            () = async { StderrTail::default().read(streams.stderr).await; std::future::pending().await } => false,
        }
    };
    if !matches!(tokio::time::timeout(timeout, read).await, Ok(true)) {
        tracing::warn!(?shell, "the login shell did not print its environment; its variables are missing");
    }
    process.kill().await;
    between_markers(&output)
}

/// The user's shell. On macOS, launchd may not name it; zsh is the usual one there.
#[cfg(unix)]
fn shell(environment: &Environment, on_macos: bool) -> Option<PathBuf> {
    environment.path("SHELL").or_else(|| on_macos.then(|| "/bin/zsh".into()))
}

#[cfg(not(unix))]
async fn variables(_environment: &Environment, _timeout: Duration) -> Environment {
    Environment::default()
}

/// Reads until the second marker, since a program in the background may keep the pipe open.
#[cfg(unix)]
async fn read_variables(
    stdout: &mut (impl tokio::io::AsyncRead + Unpin),
    output: &mut Vec<u8>,
) -> std::io::Result<()> {
    use tokio::io::AsyncReadExt as _;
    let mut searched = 0;
    let mut markers = 0;
    while markers < 2 {
        if stdout.read_buf(output).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        while let Some(at) = find(&output[searched..], MARKER.as_bytes()) {
            searched += at + MARKER.len();
            markers += 1;
        }
        searched = searched.max(output.len().saturating_sub(MARKER.len()));
    }
    Ok(())
}

#[cfg(unix)]
fn find(text: &[u8], part: &[u8]) -> Option<usize> {
    text.windows(part.len()).position(|window| window == part)
}

#[cfg(unix)]
fn between_markers(output: &[u8]) -> Environment {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt as _;

    let marker = MARKER.as_bytes();
    let Some(start) = find(output, marker).map(|at| at + marker.len()) else { return Environment::default() };
    let Some(end) = find(&output[start..], marker).map(|at| at + start) else {
        return Environment::default();
    };
    let printed = &output[start..end];
    let separator = if printed.contains(&0) { 0 } else { b'\n' };
    let mut variables = Environment::default();
    for line in printed.split(|byte| *byte == separator) {
        let Some(equals) = line.iter().position(|byte| *byte == b'=') else { continue };
        let (name, value) = (&line[..equals], &line[equals + 1..]);
        // Bash's exported functions have other characters, and so do the lines of a value with line breaks.
        let is_name =
            name.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_') && !name.is_empty();
        let mut not_the_users = OF_THE_SHELL
            .into_iter()
            .chain(KEY_VARIABLES)
            .chain(FOR_STARTUP_FILES.map(|(set_by_us, _)| set_by_us));
        if is_name && !not_the_users.any(|not| not.as_bytes() == name) {
            variables = variables.with(OsStr::from_bytes(name), OsStr::from_bytes(value));
        }
    }
    variables
}

// Unix only: Windows has no login shell.
#[cfg(unix)]
#[cfg(test)]
mod tests {
    use super::*;

    fn environment(profile: &str) -> (tempfile::TempDir, Environment) {
        let home = tempfile::tempdir().unwrap();
        std::fs::write(home.path().join(".profile"), profile).unwrap();
        let environment = Environment::default()
            .with("SHELL", "/bin/sh")
            .with("HOME", home.path())
            .with("PATH", "/usr/bin:/bin:/ours");
        (home, environment)
    }

    #[test]
    fn variables_are_found_between_greetings() {
        let zeros = format!(
            "Welcome!\n{MARKER}A=1\n2=x\0B=\0BASH_FUNC_f%%=() {{ }}\0SHLVL=2\0API_KEYS=k\0{MARKER}bye"
        );
        let expected = Environment::default().with("A", "1\n2=x").with("B", "");
        assert_eq!(between_markers(zeros.as_bytes()), expected);
        // Where `env` has no `-0`, the rest of a value with line breaks is lost.
        let lines = format!("{MARKER}A=1\nrest of it\nB=2\n{MARKER}");
        assert_eq!(between_markers(lines.as_bytes()), Environment::default().with("A", "1").with("B", "2"));
        for incomplete in ["Welcome!", MARKER, "", &format!("{MARKER}A=1")] {
            assert_eq!(between_markers(incomplete.as_bytes()), Environment::default());
        }
    }

    #[tokio::test]
    async fn the_login_shells_variables_fill_what_is_missing_and_its_path_comes_first() {
        let (_home, environment) = environment(
            "echo hello; export HTTPS_PROXY=http://proxy CODEX_HOME=/the/home MY_KEY='a\nb' API_KEYS=sk-other KEPT=theirs\n\
             export PATH=/from/profile:relative:$PATH\n",
        );
        let environment = environment.with("KEPT", "ours").with("EMPTY", "");
        let merged = with_login_shell(environment.clone()).await;
        let get = |name| merged.get(name).map(|value| value.to_str().unwrap());
        assert_eq!(get("HTTPS_PROXY"), Some("http://proxy"));
        assert_eq!(get("MY_KEY"), Some("a\nb"));
        assert_eq!(merged.codex_home(), Some("/the/home".into()));
        assert_eq!((get("KEPT"), get("API_KEYS"), get("SHLVL"), get("_")), (Some("ours"), None, None, None));
        // The system's own startup files may have removed and added folders.
        let path = get("PATH").unwrap();
        assert!(path.starts_with("/from/profile:") && path.ends_with(":/ours"), "{path}");
        assert!(!path.contains("relative") && path.matches("/usr/bin").count() == 1, "{path}");
    }

    #[tokio::test]
    async fn startup_files_that_hang_or_print_without_end_are_given_up_and_leave_no_process() {
        for profile in
            ["sleep 1000 & echo $! > \"$HOME/pid\"; wait", "sleep 1000 & echo $! > \"$HOME/pid\"; yes"]
        {
            let (home, environment) = environment(profile);
            let found = variables(&environment, Duration::from_secs(2)).await;
            assert_eq!(found, Environment::default());
            let pid = std::fs::read_to_string(home.path().join("pid")).unwrap();
            let ended = async {
                while sample_model::under_test::is_running(pid.trim()) {
                    tokio::task::yield_now().await;
                }
            };
            tokio::time::timeout(Duration::from_secs(30), ended).await.expect("it still runs");
        }
    }

    #[tokio::test]
    async fn a_program_that_the_startup_files_leave_running_delays_nothing() {
        let (_home, environment) = environment("sleep 1000 & export MY_KEY=1\n");
        let found = variables(&environment, Duration::from_secs(300)).await;
        assert_eq!(found.get("MY_KEY").unwrap(), "1");
    }

    #[tokio::test]
    async fn startup_files_can_tell_that_nobody_is_there_and_codex_cannot() {
        let (_home, environment) = environment(
            "export SEEN=$DISABLE_AUTO_UPDATE,$ZSH_TMUX_AUTOSTART,$VSCODE_RESOLVING_ENVIRONMENT\n",
        );
        let merged = with_login_shell(environment).await;
        assert_eq!(merged.get("SEEN").unwrap(), "true,false,1");
        assert!(FOR_STARTUP_FILES.iter().all(|(name, _)| merged.get(name).is_none()));
    }

    #[test]
    fn zsh_is_asked_on_macos_if_the_session_names_no_shell() {
        let named = Environment::default().with("SHELL", "/opt/homebrew/bin/fish");
        assert_eq!(shell(&named, true), Some("/opt/homebrew/bin/fish".into()));
        assert_eq!(shell(&Environment::default(), true), Some("/bin/zsh".into()));
        assert_eq!(shell(&Environment::default(), false), None);
    }

    #[tokio::test]
    async fn without_a_shell_the_environment_stays() {
        for environment in [Environment::default(), Environment::default().with("SHELL", "/no/such/shell")] {
            assert_eq!(with_login_shell(environment.clone()).await, environment);
        }
        let sullen = Environment::default().with("SHELL", "/bin/false").with("PATH", "/bin");
        assert_eq!(with_login_shell(sullen.clone()).await, sullen);
    }
}
