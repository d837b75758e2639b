//! The checks of `codex-proxyd doctor`, for the window.

use std::sync::atomic::Ordering;

use proxy::doctor::{Finding, NextStep, State, examine};
use proxy::models::CODEX_LOCAL;
use proxy::settings::FOLDER_PREFIX;
use serde::Serialize;
use ts_rs::TS;

use super::App;
use crate::keychain::KeychainState;

/// The result of a check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct DoctorCheck {
    /// The severity.
    pub state: CheckState,
    /// What was found, as a sentence.
    pub text: String,
    /// What to do about it, in sentences; commands to copy are in backquotes.
    pub next: Option<String>,
    /// What the window can do about it.
    pub step: Option<NextStep>,
}

/// How a check went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub enum CheckState {
    /// As it should be.
    Ok,
    /// Worth knowing; everything works.
    Warning,
    /// Requests fail until it is fixed.
    Failed,
}

impl App {
    /// Runs every check. Starts codex for a moment, and sends no prompt.
    pub async fn doctor(&self) -> Vec<DoctorCheck> {
        let (settings, _) = self.runtime_settings(&self.0.settings.current());
        let mut findings = examine(&settings, &self.0.environment).await;
        findings.push(match self.0.keys.state().await {
            KeychainState::Available => Finding::ok("keys are stored in the system keychain"),
            KeychainState::Unavailable { message } => Finding::note(message.trim_end_matches('.')),
        });
        if !self.0.has_tray.load(Ordering::Relaxed) {
            findings.push(Finding::note("this desktop shows no tray icons; the app is used from its window"));
        }
        findings.extend(self.notice().map(|notice| Finding::note(notice.trim_end_matches('.'))));
        findings.into_iter().map(check).collect()
    }
}

fn check(Finding { state, what, next, step }: Finding) -> DoctorCheck {
    let state = match state {
        State::Ok => CheckState::Ok,
        State::Note => CheckState::Warning,
        State::Problem => CheckState::Failed,
    };
    DoctorCheck { state, text: sentences(&what), next, step }
}

/// A finding as the window writes: in sentences, and with Codex as a name.
fn sentences(what: &str) -> String {
    what.split("; ").map(sentence).collect::<Vec<_>>().join(" ")
}

fn sentence(part: &str) -> String {
    let text = format!(" {part}").replace(" codex ", " Codex ").replace(" codex's ", " Codex's ");
    let text = text.trim_start();
    let mut letters = text.chars();
    let is_id = text.starts_with(CODEX_LOCAL) || text.starts_with(FOLDER_PREFIX);
    match letters.next().filter(|_| !is_id) {
        Some(first) => format!("{}{}.", first.to_uppercase(), letters.as_str()),
        None => format!("{text}."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn findings_become_sentences_of_the_window() {
        for (finding, shown) in [
            ("the settings are valid", "The settings are valid."),
            ("codex is /usr/bin/codex (on PATH)", "Codex is /usr/bin/codex (on PATH)."),
            ("codex-local works in /w (read-only)", "codex-local works in /w (read-only)."),
            ("this version of codex does not list models", "This version of Codex does not list models."),
            ("authentication is off; requests need no key", "Authentication is off. Requests need no key."),
            ("codex:web works in /w (read-only)", "codex:web works in /w (read-only)."),
            ("commands of codex-local fail", "Commands of codex-local fail."),
        ] {
            assert_eq!(sentences(finding), shown);
        }
    }
}
