//! The `PATH` that the user's login shell would have.
//!
//! An app that is started from a desktop gets a thin `PATH`; the folders of npm, nvm and Homebrew are in the shell's start
//! files. Windows has no such thing: programs there get the user's `PATH` in any case.

use std::path::PathBuf;
use std::time::Duration;

use crate::environment::Environment;
use crate::process::{command, output};

/// How long the user's start files may take; then only the other places are searched.
const TIMEOUT: Duration = Duration::from_secs(3);

/// Set around the value, since start files print greetings.
const MARKER: &str = "__codex_proxy_path__";

/// The folders of the login shell's `PATH`; empty when there is no such shell or it does not answer.
pub(crate) async fn path_folders(environment: &Environment) -> Vec<PathBuf> {
    let Some(shell) = environment.path("SHELL").filter(|_| cfg!(unix)) else { return Vec::new() };
    // `printenv` and not `$PATH`: in fish the latter is a list.
    let script = format!("printf {MARKER}; printenv PATH; printf {MARKER}");
    let mut command = command(&shell, environment);
    command.args(["-ilc", &script]);
    // In its own group an interactive shell cannot take the terminal from us.
    #[cfg(unix)]
    command.process_group(0);
    match output(command, TIMEOUT).await {
        Ok(output) => between_markers(&String::from_utf8_lossy(&output.stdout)),
        Err(error) => {
            tracing::debug!(%error, "the login shell did not print its PATH");
            Vec::new()
        }
    }
}

fn between_markers(output: &str) -> Vec<PathBuf> {
    let path = output.split(MARKER).nth(1).unwrap_or_default().trim();
    std::env::split_paths(path).filter(|folder| folder.is_absolute()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn the_path_is_found_between_greetings() {
        let output = format!("Welcome!\n{MARKER}/a:/b c:relative\n{MARKER}bye");
        assert_eq!(between_markers(&output), [PathBuf::from("/a"), PathBuf::from("/b c")]);
        assert_eq!(between_markers("Welcome!"), Vec::<PathBuf>::new());
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn a_login_shell_with_start_files_is_asked() {
        let home = tempfile::tempdir().unwrap();
        std::fs::write(home.path().join(".profile"), "echo hello\nPATH=/from/profile:$PATH\n").unwrap();
        let environment = Environment::default()
            .with("SHELL", "/bin/sh")
            .with("HOME", home.path())
            .with("PATH", "/usr/bin:/bin");
        assert!(path_folders(&environment).await.contains(&PathBuf::from("/from/profile")));
    }

    #[tokio::test]
    async fn without_a_shell_there_is_nothing() {
        assert!(path_folders(&Environment::default()).await.is_empty());
        assert!(path_folders(&Environment::default().with("SHELL", "/no/such/shell")).await.is_empty());
    }
}
