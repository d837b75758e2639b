//! The `PATH` of the user's login shell.
//!
//! An app started from a desktop gets a minimal `PATH`; the shell's startup files add the folders of npm, nvm and
//! Homebrew. On Windows every program gets the user's `PATH`, so there this finds nothing.

use std::path::PathBuf;
use std::time::Duration;

use crate::environment::Environment;
use crate::process::{command, output};

/// How long the user's startup files may take; after that, only the other places are searched.
const TIMEOUT: Duration = Duration::from_secs(3);

/// Delimits the value, since startup files print greetings.
const MARKER: &str = "__codex_proxy_path__";

/// The folders of the login shell's `PATH`; empty when there is no shell or it does not print its `PATH`.
pub(crate) async fn path_folders(environment: &Environment) -> Vec<PathBuf> {
    let Some(shell) = environment.path("SHELL").filter(|_| cfg!(unix)) else { return Vec::new() };
    // `printenv` rather than `$PATH`, which is a list in fish.
    let script = format!("printf {MARKER}; printenv PATH; printf {MARKER}");
    let mut command = command(&shell, environment);
    command.args(["-ilc", &script]);
    // In its own process group an interactive shell cannot take over our terminal.
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
    fn path_is_found_between_greetings() {
        let output = format!("Welcome!\n{MARKER}/a:/b c:relative\n{MARKER}bye");
        assert_eq!(between_markers(&output), [PathBuf::from("/a"), PathBuf::from("/b c")]);
        assert_eq!(between_markers("Welcome!"), Vec::<PathBuf>::new());
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn startup_files_of_the_login_shell_are_read() {
        let home = tempfile::tempdir().unwrap();
        std::fs::write(home.path().join(".profile"), "echo hello\nPATH=/from/profile:$PATH\n").unwrap();
        let environment = Environment::default()
            .with("SHELL", "/bin/sh")
            .with("HOME", home.path())
            .with("PATH", "/usr/bin:/bin");
        assert!(path_folders(&environment).await.contains(&PathBuf::from("/from/profile")));
    }

    #[tokio::test]
    async fn missing_shell_yields_no_folders() {
        assert!(path_folders(&Environment::default()).await.is_empty());
        assert!(path_folders(&Environment::default().with("SHELL", "/no/such/shell")).await.is_empty());
    }
}
