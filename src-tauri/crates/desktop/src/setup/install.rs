//! Runs an installation.

use std::io;
use std::time::Duration;

use codex_client::run_lines;

use super::advice::advice;
use super::method::Method;

/// How long a package manager may print nothing.
pub(super) const MAX_SILENCE: Duration = Duration::from_mins(10);

/// The lines of output that an explanation of a failure is looked for in.
const SEARCHED_LINES: usize = 200;

/// Why an installation failed and what to do, in sentences.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure(pub String);

/// Installs codex, and passes on each line of output. Everything it started ends with it, also when this future is dropped.
///
/// # Errors
/// If the package manager fails, or is silent for ten minutes.
pub async fn install(method: &Method, print: impl FnMut(String)) -> Result<(), Failure> {
    within(method, MAX_SILENCE, print).await
}

async fn within(method: &Method, silence: Duration, mut print: impl FnMut(String)) -> Result<(), Failure> {
    let mut output: Vec<String> = Vec::new();
    let ended = run_lines(&method.command, silence, |line| {
        let line = plain(&line);
        if line.is_empty() {
            return;
        }
        if output.len() == SEARCHED_LINES {
            output.remove(0);
        }
        output.push(line.clone());
        print(line);
    })
    .await;
    match ended {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(Failure(advice(method.manager, &output, status.code()))),
        Err(error) if error.kind() == io::ErrorKind::TimedOut => Err(Failure(format!(
            "{} printed nothing for {} minutes, so it was stopped. Check your connection and try again.",
            method.manager,
            silence.as_secs() / 60
        ))),
        Err(error) => Err(Failure(format!("{} couldn't be started: {error}.", method.manager))),
    }
}

/// A line without escape sequences, other control characters and surrounding spaces.
fn plain(line: &str) -> String {
    let mut text = String::with_capacity(line.len());
    let mut characters = line.chars().peekable();
    while let Some(character) = characters.next() {
        if character == '\u{1b}' {
            // `ESC [ … letter`; of other sequences only the next character belongs to it.
            if characters.next() == Some('[') {
                while characters.next().is_some_and(|c| !c.is_ascii_alphabetic()) {}
            }
        } else if character == '\t' {
            text.push(' ');
        } else if !character.is_control() {
            text.push(character);
        }
    }
    text.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_and_control_characters_are_left_out_of_the_output() {
        assert_eq!(plain("\u{1b}[1;32madded\u{1b}[0m 2\tpackages\u{7} "), "added 2 packages");
        assert_eq!(plain("\u{1b}[2K\u{1b}[1G"), "");
    }

    mod processes {
        use codex_client::{Environment, LineCommand};

        use super::*;

        fn script(text: &str) -> Method {
            let (program, option) = if cfg!(windows) { ("cmd.exe", "/c") } else { ("/bin/sh", "-c") };
            let command = LineCommand {
                program: program.into(),
                args: vec![option.to_owned(), text.to_owned()],
                environment: Environment::from_process(),
                folder: std::env::temp_dir(),
            };
            Method { manager: "npm", command, shown: "npm install".to_owned() }
        }

        #[tokio::test]
        async fn a_failure_comes_with_what_to_do() {
            let failing = script("echo npm error code ENOTFOUND>&2&& exit 1");
            let mut output = Vec::new();
            let Failure(message) = install(&failing, |line| output.push(line)).await.unwrap_err();
            assert_eq!(output, ["npm error code ENOTFOUND"]);
            assert!(message.contains("connection") && message.contains("proxy"), "{message}");
        }

        #[tokio::test]
        async fn a_silent_installation_is_stopped() {
            let silent = script(if cfg!(windows) { "ping -n 600 127.0.0.1 > NUL" } else { "sleep 600" });
            let Failure(message) = within(&silent, Duration::from_millis(100), drop).await.unwrap_err();
            assert!(message.contains("printed nothing"), "{message}");
        }
    }
}
