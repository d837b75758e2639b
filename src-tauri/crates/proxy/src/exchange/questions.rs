//! What codex asks the owner during an exchange: shown by [`Approvals`], logged, counted, and sent to the client as activity.

use std::borrow::Cow;
use std::future::pending;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use codex_client::{Ask, Question, TurnRequest};
use futures_util::future::select_all;

use super::Exchange;
use super::log::Arrival;
use crate::answer::activity::one_line;
use crate::approvals::{Approvals, Asking, Outcome, Resolution, Waiting, visible};
use crate::error::in_words;

/// Where an exchange asks, and for whom.
#[derive(Debug)]
pub(crate) struct Desk {
    approvals: Approvals,
    /// This computer's name, for the client.
    computer: Arc<str>,
    key: String,
    client: String,
    model: String,
    /// The key's digest and the working folder, from the start of the turns.
    key_sha256: String,
    folder: PathBuf,
}

impl Desk {
    pub(crate) fn new(approvals: &Approvals, computer: &Arc<str>, arrival: &Arrival) -> Self {
        Self {
            approvals: approvals.clone(),
            computer: Arc::clone(computer),
            key: arrival.key.clone(),
            client: arrival.client.clone(),
            model: arrival.model.clone(),
            key_sha256: String::new(),
            folder: PathBuf::new(),
        }
    }

    pub(super) fn begin(&mut self, request: &TurnRequest) {
        self.key_sha256.clone_from(&request.owner);
        self.folder.clone_from(&request.profile.workspace);
    }

    fn asking(&self, request: &str) -> Asking {
        Asking {
            request: request.to_owned(),
            key: self.key.clone(),
            key_sha256: self.key_sha256.clone(),
            client: self.client.clone(),
            model: self.model.clone(),
            folder: self.folder.clone(),
        }
    }
}

/// A question that codex waits for.
#[derive(Debug)]
pub(super) struct PendingQuestion {
    waiting: Waiting,
    about: About,
    limit: Duration,
}

/// What a question is about.
#[derive(Debug)]
struct About {
    kind: &'static str,
    /// For the log. A question of the model is close to the prompt, which is not stored here.
    logged: String,
    /// For the client.
    shown: String,
    /// Whether it is answered instead of allowed.
    is_answered: bool,
}

impl About {
    fn of(question: &Question) -> Self {
        let (kind, logged, shown) = match question {
            Question::Command { command, argv, .. } => {
                let command = one_line(&visible(typed(command, argv)));
                ("command", command.clone(), format!("`{command}`"))
            }
            Question::FileChange { changes, .. } => {
                let paths: Vec<_> = changes.iter().map(|change| visible(&change.path)).collect();
                let paths = one_line(&paths.join(", "));
                ("file_change", paths.clone(), format!("changes of {paths}"))
            }
            Question::Permissions { wants, .. } => {
                let wants = one_line(&visible(&wants.join(", ")));
                ("permissions", wants.clone(), format!("more permissions ({wants})"))
            }
            Question::Input { questions } => {
                let questions: Vec<_> = questions.iter().map(|asked| visible(&asked.question)).collect();
                ("input", "A question of the model".to_owned(), one_line(&questions.join(" ")))
            }
            Question::Form { server, message, .. } => {
                let server = visible(server);
                ("form", format!("A form of {server}"), one_line(&format!("{} ({server})", visible(message))))
            }
            Question::Url { server, url, .. } => {
                let server = visible(server);
                ("url", format!("A page of {server}"), one_line(&format!("{} ({server})", visible(url))))
            }
        };
        Self { kind, logged, shown, is_answered: matches!(kind, "input" | "form") }
    }
}

/// The part of a command line that the model has typed: codex runs it with a shell.
fn typed<'a>(command: &'a str, argv: &'a [String]) -> &'a str {
    let (script, flag) = match argv {
        [_, flag, script] => (script, flag),
        [_, no_profile, flag, script] if no_profile == "-NoProfile" => (script, flag),
        _ => return command,
    };
    // Of sh, PowerShell and cmd.
    if ["-lc", "-c", "-Command", "/c"].contains(&flag.as_str()) { script } else { command }
}

/// Resolves when one of the questions ends, to its place. Cancel-safe.
pub(super) async fn next_answered(questions: &mut [PendingQuestion]) -> (usize, Resolution) {
    if questions.is_empty() {
        return pending().await;
    }
    let ends = questions.iter_mut().map(|question| Box::pin(question.waiting.resolved()));
    let (resolution, at, _) = select_all(ends).await;
    (at, resolution)
}

impl Exchange {
    /// Asks the owner what codex asks.
    pub(super) fn ask(&mut self, index: usize, ask: Ask) {
        // Dropping it declines.
        let Some(choice) = self.turns.as_mut().and_then(|turns| turns.choices.get_mut(index)) else { return };
        let spent = choice.started.map(|started| started.elapsed()).unwrap_or_default();
        let limit = self.limits.ask_timeout.min(self.limits.turn_timeout.saturating_sub(spent));
        let about = About::of(&ask.question);
        let waiting = self.desk.approvals.ask(self.desk.asking(self.recorder.id()), ask, limit);
        if waiting.waits() {
            let what = if about.is_answered { "an answer" } else { "approval" };
            let line = format!("Waiting for {what} on {}: {}", self.desk.computer, about.shown);
            choice.pipeline.push_activity(&line, &mut choice.ready);
            self.recorder.step("Codex asked you", Some(&about.logged), false);
        }
        choice.questions.push(PendingQuestion { waiting, about, limit });
    }

    /// Handles the end of the question at this place.
    pub(super) fn handle_answered(&mut self, index: usize, at: usize, resolution: Resolution) {
        let Some(choice) = self.turns.as_mut().and_then(|turns| turns.choices.get_mut(index)) else { return };
        let question = choice.questions.remove(at);
        choice.denied |= resolution.outcome == Outcome::Stopped;
        let line = question.activity(resolution.outcome, &self.desk.computer);
        choice.pipeline.push_activity(&line, &mut choice.ready);
        self.record_question(&question.about, question.limit, resolution);
    }

    fn withdraw_questions(&mut self, index: usize, outcome: Outcome) {
        let choice = self.turns.as_mut().and_then(|turns| turns.choices.get_mut(index));
        let questions = choice.map(|choice| std::mem::take(&mut choice.questions)).unwrap_or_default();
        for PendingQuestion { waiting, about, limit } in questions {
            let resolution = waiting.withdraw(outcome);
            self.record_question(&about, limit, resolution);
        }
    }

    /// Denies the questions of an answer whose turn is over.
    pub(super) fn withdraw_ended_questions(&mut self, index: usize) {
        let choice = self.turns.as_ref().and_then(|turns| turns.choices.get(index));
        if choice.is_some_and(|choice| choice.turn.is_none()) {
            self.withdraw_questions(index, Outcome::Withdrawn);
        }
    }

    pub(super) fn withdraw_all_questions(&mut self, outcome: Outcome) {
        let answers = self.turns.as_ref().map_or(0, |turns| turns.choices.len());
        for index in 0..answers {
            self.withdraw_questions(index, outcome);
        }
    }

    fn record_question(&self, about: &About, limit: Duration, Resolution { outcome, after }: Resolution) {
        self.metrics.count_approval(about.kind, outcome.label());
        let what = step(outcome, limit, about.is_answered);
        let detail = if after.as_secs() == 0 {
            about.logged.clone()
        } else {
            format!("{}, after {}", about.logged, in_words(after))
        };
        self.recorder.step(&what, Some(&detail), !outcome.is_allowed());
        self.span.in_scope(|| tracing::info!(kind = about.kind, outcome = outcome.label(), "codex asked"));
    }
}

impl PendingQuestion {
    /// How it ended, for the client.
    fn activity(&self, outcome: Outcome, computer: &str) -> String {
        let shown = &self.about.shown;
        let denied = |why: &str| format!("Denied on {computer}, {why}: {shown}");
        match outcome {
            Outcome::Allowed if self.about.is_answered => "Answered".to_owned(),
            Outcome::Allowed | Outcome::Remembered => "Allowed".to_owned(),
            Outcome::Rule => format!("Allowed on {computer} by a rule: {shown}"),
            Outcome::Expired => format!("No answer in {}, denied", in_words(self.limit)),
            Outcome::Unattended if !self.waiting.waits() => denied("where nothing is open to ask"),
            Outcome::TooMany => denied("where too many questions wait"),
            Outcome::TooLong => denied("since it is too long to review"),
            _ => "Denied".to_owned(),
        }
    }
}

/// How a question ended, as a step of the request.
fn step(outcome: Outcome, limit: Duration, is_answered: bool) -> Cow<'static, str> {
    match outcome {
        Outcome::Allowed if is_answered => "Answered by you".into(),
        Outcome::Allowed => "Allowed by you".into(),
        Outcome::Remembered => "Allowed by you from now on".into(),
        Outcome::Rule => "Allowed by your rule".into(),
        Outcome::Denied => "Denied by you".into(),
        Outcome::Stopped => "Denied and stopped by you".into(),
        Outcome::Expired => format!("Denied: no answer in {}", in_words(limit)).into(),
        Outcome::Unattended => "Denied: nothing was open to ask you".into(),
        Outcome::TooMany => "Denied: too many questions were waiting".into(),
        Outcome::TooLong => "Denied: too long to review".into(),
        Outcome::ClientGone => "Denied: the app disconnected".into(),
        Outcome::Shutdown => "Denied: the proxy stopped".into(),
        Outcome::Withdrawn => "Denied: the turn ended".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_shown_without_the_shell_that_runs_it() {
        let of = |words: &[&str]| {
            let argv: Vec<_> = words.iter().map(|word| (*word).to_owned()).collect();
            typed("the whole line", &argv).to_owned()
        };
        let powershell = r"C:\Windows\System32\WindowsPowerShell\v1.0\powershell.exe";
        assert_eq!(of(&["/bin/bash", "-lc", "touch x"]), "touch x");
        assert_eq!(of(&[powershell, "-Command", "touch x"]), "touch x");
        assert_eq!(of(&[powershell, "-NoProfile", "-Command", "touch x"]), "touch x");
        assert_eq!(of(&["cmd.exe", "/c", "touch x"]), "touch x");
        assert_eq!(of(&["touch", "-x", "y"]), "the whole line");
        assert_eq!(of(&[powershell, "-File", "-Command", "x"]), "the whole line");
    }
}
