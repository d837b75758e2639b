//! The card of the first start, as the window shows it.

use serde::Serialize;
use ts_rs::TS;

/// The lines of an installation's output that are shown.
const SHOWN_LINES: usize = 40;

/// The first start, in three steps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct SetupView {
    /// The step to do now.
    pub step: SetupStep,
    /// Whether it is not yet known if codex works.
    pub checking: bool,
    /// The command that installs codex; `None` if there is no package manager, or while it is looked for.
    pub install_command: Option<String>,
    /// Why codex cannot be installed from here, in a sentence.
    pub install_note: Option<String>,
    /// The installation that runs or has failed.
    pub install: Option<InstallView>,
    /// The codex path in the settings, where there is no codex.
    pub wrong_path: Option<String>,
    /// The first request of an app.
    pub first_app: FirstApp,
}

/// A step of the first start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub enum SetupStep {
    /// Install codex.
    Codex,
    /// Sign in.
    Account,
    /// Connect an app.
    FirstApp,
    /// An app has had an answer.
    Done,
}

/// An installation of codex.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct InstallView {
    /// The command.
    pub command: String,
    /// When it started, in Unix milliseconds.
    pub started_at: u64,
    /// The last lines of its output.
    pub output: Vec<String>,
    /// Why it failed and what to do, in sentences; `None` while it runs.
    pub error: Option<String>,
}

impl InstallView {
    /// An installation that starts now.
    #[must_use]
    pub fn new(command: &str, started_at: u64) -> Self {
        Self { command: command.to_owned(), started_at, output: Vec::new(), error: None }
    }

    /// Adds a line of output; the oldest one goes.
    pub fn print(&mut self, line: String) {
        if self.output.len() == SHOWN_LINES {
            self.output.remove(0);
        }
        self.output.push(line);
    }
}

/// The first request of an app; the window's own do not count.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "state")]
#[ts(export)]
pub enum FirstApp {
    /// There is none yet.
    #[default]
    Waiting,
    /// It is being answered.
    Answering {
        /// The app.
        client: String,
    },
    /// The latest one failed.
    Failed {
        /// The app.
        client: String,
        /// The error's message or code.
        message: Option<String>,
    },
    /// It was answered.
    Answered {
        /// The app.
        client: String,
        /// How long the answer took, in milliseconds.
        ms: u64,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_last_lines_of_output_are_kept() {
        let mut view = InstallView::new("npm install", 0);
        for number in 0..100 {
            view.print(number.to_string());
        }
        assert_eq!(view.output.len(), SHOWN_LINES);
        assert_eq!(view.output.last().map(String::as_str), Some("99"));
    }
}
