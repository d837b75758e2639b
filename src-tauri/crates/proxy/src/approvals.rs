//! The questions that codex waits to have answered by the owner of this computer.
//!
//! A question is answered once: the first answer wins. Every other way out denies it: its limit, a client that disconnects, a
//! turn that ends, a stop of the proxy, too many questions, a text that is too long to judge, and that no window or terminal
//! shows it.

mod question;
mod rules;
mod types;
mod visible;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use codex_client::{Ask, Decision, Question};
use parking_lot::Mutex;
use tokio::sync::{oneshot, watch};
use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;

use crate::auth::KeyEntry;
use crate::clock::unix_now_ms;

pub use rules::RuleError;
pub use types::{Approval, ApprovalAnswer, ApprovalQuestion, ApprovalRule, FileToChange};
pub(crate) use visible::visible;

use rules::{Allowed, MAX_COMMAND_BYTES, Rules};

/// Maximum number of questions that wait. Further ones are denied.
const MAX_WAITING: usize = 32;

/// Maximum size of a question, in bytes. A longer one cannot be judged, so it is denied.
const MAX_QUESTION_BYTES: usize = 512 * 1024;

/// The questions that wait. Clones share them.
#[derive(Clone, Debug)]
pub struct Approvals(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    state: Mutex<State>,
    waiting: watch::Sender<Arc<[Approval]>>,
    rules: Rules,
}

#[derive(Debug, Default)]
struct State {
    /// Oldest first.
    entries: Vec<Entry>,
    /// How many windows and terminals show the questions.
    attending: usize,
    /// Whether the proxy stops.
    closed: bool,
}

/// A question that waits.
#[derive(Debug)]
struct Entry {
    approval: Approval,
    /// What a rule would allow; `None` where it cannot be remembered.
    allowed: Option<Allowed>,
    asked: Instant,
    ask: Ask,
    resolved: oneshot::Sender<Resolution>,
}

/// Who asks.
#[derive(Clone, Debug)]
pub(crate) struct Asking {
    /// The request's id in the request log.
    pub(crate) request: String,
    /// The key's name and digest.
    pub(crate) key: String,
    pub(crate) key_sha256: String,
    pub(crate) client: String,
    pub(crate) model: String,
    /// The working folder.
    pub(crate) folder: PathBuf,
}

/// How a question ended, and how long it waited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Resolution {
    pub(crate) outcome: Outcome,
    pub(crate) after: Duration,
}

/// How a question ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The owner allowed it, or answered.
    Allowed,
    /// The owner allowed it from now on.
    Remembered,
    /// A rule of the owner's allowed it.
    Rule,
    Denied,
    /// Denied, and the answer ended.
    Stopped,
    /// No answer within the limit.
    Expired,
    /// No window or terminal shows questions.
    Unattended,
    /// Too many questions waited.
    TooMany,
    TooLong,
    /// The client disconnected.
    ClientGone,
    /// The proxy stopped.
    Shutdown,
    /// The turn ended, or codex took it back.
    Withdrawn,
}

impl Outcome {
    /// Whether codex gets what it asked for.
    pub(crate) fn is_allowed(self) -> bool {
        matches!(self, Self::Allowed | Self::Remembered | Self::Rule)
    }

    /// Its label in metrics.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Allowed => "allowed",
            Self::Remembered => "allowed_from_now_on",
            Self::Rule => "rule",
            Self::Denied => "denied",
            Self::Stopped => "denied_and_stopped",
            Self::Expired => "expired",
            Self::Unattended => "unattended",
            Self::TooMany => "too_many",
            Self::TooLong => "too_long",
            Self::ClientGone => "client_gone",
            Self::Shutdown => "shutdown",
            Self::Withdrawn => "withdrawn",
        }
    }
}

/// Why an answer does not count.
#[derive(Debug, thiserror::Error)]
pub enum AnswerError {
    /// It was answered already, or denied for want of an answer.
    #[error("this question is not waiting any more")]
    NotWaiting,
    /// The answer does not fit the question. It still waits.
    #[error("this answer does not fit the question")]
    NotFitting,
    /// The rule cannot be kept. The question still waits.
    #[error("cannot allow it from now on: {0}")]
    NotRemembered(#[from] RuleError),
}

/// What is allowed from now on, latest first, without a running proxy. Blocks on the file system.
#[must_use]
pub fn rules_in(data_dir: &Path) -> Vec<ApprovalRule> {
    Rules::new(data_dir, Vec::new()).list()
}

/// Removes a rule without a running proxy; a running one notices. Blocks on the file system.
///
/// # Errors
/// When there is no such rule, or the file cannot be changed.
pub fn forget_rule_in(data_dir: &Path, id: &str) -> Result<(), RuleError> {
    Rules::new(data_dir, Vec::new()).forget(id)
}

/// Shows the questions to the owner. When the last one is dropped, all are denied.
#[derive(Debug)]
#[must_use = "questions are denied unless something attends to them"]
pub struct Attendance(Approvals);

/// A question of a turn. Dropping it withdraws the question, which declines it.
#[derive(Debug)]
pub(crate) struct Waiting {
    approvals: Approvals,
    id: String,
    resolved: oneshot::Receiver<Resolution>,
    expiry: Option<AbortOnDropHandle<()>>,
}

impl Approvals {
    /// No question waits. `configured_keys` are the keys that are not in the key file of `data_dir`.
    #[must_use]
    pub(crate) fn new(data_dir: &Path, configured_keys: Vec<KeyEntry>) -> Self {
        Self(Arc::new(Inner {
            state: Mutex::default(),
            waiting: watch::Sender::new(Arc::new([])),
            rules: Rules::new(data_dir, configured_keys),
        }))
    }

    /// Watches the questions that wait, oldest first.
    #[must_use]
    pub fn waiting(&self) -> watch::Receiver<Arc<[Approval]>> {
        self.0.waiting.subscribe()
    }

    /// How many wait.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.waiting.borrow().len()
    }

    /// Answers a question. `AllowFromNowOn` blocks on the file system.
    ///
    /// # Errors
    /// When it does not wait any more, or the answer does not fit it.
    pub fn answer(&self, id: &str, answer: ApprovalAnswer) -> Result<(), AnswerError> {
        let (approval, allowed) = {
            let state = self.0.state.lock();
            let entry = state.entries.iter().find(|entry| entry.approval.id == id);
            let entry = entry.ok_or(AnswerError::NotWaiting)?;
            (entry.approval.clone(), entry.allowed.clone())
        };
        let (decision, outcome) = match answer {
            ApprovalAnswer::Deny => (Decision::Decline, Outcome::Denied),
            ApprovalAnswer::DenyAndStop => (Decision::Cancel, Outcome::Stopped),
            ApprovalAnswer::AllowOnce if approval.question.takes_values() => {
                return Err(AnswerError::NotFitting);
            }
            ApprovalAnswer::AllowOnce => (Decision::Accept, Outcome::Allowed),
            ApprovalAnswer::AllowFromNowOn => {
                let allowed = allowed.ok_or(AnswerError::NotFitting)?;
                // First, so that a rule that cannot be kept leaves the choice to the owner.
                let rule = self.0.rules.add(&allowed, &approval.key)?;
                if self.resolve(id, Decision::Accept, Outcome::Remembered) {
                    return Ok(());
                }
                // It has ended meanwhile, so this was no answer.
                if let Some(rule) = rule {
                    self.0.rules.forget(&rule)?;
                }
                return Err(AnswerError::NotWaiting);
            }
            ApprovalAnswer::Values { values } => {
                let values = approval.question.values(values).ok_or(AnswerError::NotFitting)?;
                (Decision::Values(values), Outcome::Allowed)
            }
        };
        if self.resolve(id, decision, outcome) { Ok(()) } else { Err(AnswerError::NotWaiting) }
    }

    /// Attends to the questions: without this, each is denied at once.
    pub fn attend(&self) -> Attendance {
        self.0.state.lock().attending += 1;
        Attendance(self.clone())
    }

    /// Asks the owner. Waits at most for `limit`. Must be called within a tokio runtime.
    pub(crate) fn ask(&self, asking: Asking, ask: Ask, limit: Duration) -> Waiting {
        let (sender, resolved) = oneshot::channel();
        let id = uuid::Uuid::now_v7().simple().to_string();
        let mut waiting = Waiting { approvals: self.clone(), id: id.clone(), resolved, expiry: None };
        let allowed = asking.allowed(&ask.question);
        let by_rule = allowed.as_ref().is_some_and(|allowed| self.0.rules.allow(allowed));
        let can_remember = allowed.is_some();
        let approval = asking.approval(id.clone(), &ask, limit, can_remember);
        let (asked, closed) = (Instant::now(), ask.closed());
        let mut state = self.0.state.lock();
        let outcome = if state.closed {
            Some(Outcome::Shutdown)
        } else if by_rule {
            Some(Outcome::Rule)
        } else if approval.question.bytes() > MAX_QUESTION_BYTES {
            Some(Outcome::TooLong)
        } else if state.attending == 0 {
            Some(Outcome::Unattended)
        } else if state.entries.len() >= MAX_WAITING {
            Some(Outcome::TooMany)
        } else {
            None
        };
        let entry = Entry { approval, allowed, asked, ask, resolved: sender };
        if let Some(outcome) = outcome {
            drop(state);
            entry.resolve(if outcome.is_allowed() { Decision::Accept } else { Decision::Decline }, outcome);
            return waiting;
        }
        state.entries.push(entry);
        self.publish(&state);
        drop(state);
        let approvals = self.clone();
        waiting.expiry = Some(AbortOnDropHandle::new(tokio::spawn(async move {
            let outcome = tokio::select! {
                () = closed => Outcome::Withdrawn,
                () = tokio::time::sleep_until(asked + limit) => Outcome::Expired,
            };
            approvals.resolve(&id, Decision::Decline, outcome);
        })));
        waiting
    }

    /// Denies what waits and what comes.
    pub(crate) fn close(&self) {
        self.0.state.lock().closed = true;
        self.deny_all(Outcome::Shutdown);
    }

    fn deny_all(&self, outcome: Outcome) {
        let entries = {
            let mut state = self.0.state.lock();
            let entries = std::mem::take(&mut state.entries);
            self.publish(&state);
            entries
        };
        for entry in entries {
            entry.resolve(Decision::Decline, outcome);
        }
    }

    /// Ends a question. Returns whether it still waited.
    fn resolve(&self, id: &str, decision: Decision, outcome: Outcome) -> bool {
        let entry = {
            let mut state = self.0.state.lock();
            let Some(at) = state.entries.iter().position(|entry| entry.approval.id == id) else {
                return false;
            };
            let entry = state.entries.remove(at);
            self.publish(&state);
            entry
        };
        entry.resolve(decision, outcome)
    }

    /// Called under the lock, so that watchers see the changes in order.
    fn publish(&self, state: &State) {
        self.0.waiting.send_replace(state.entries.iter().map(|entry| entry.approval.clone()).collect());
    }
}

impl Entry {
    /// Returns whether codex still waited for it.
    fn resolve(self, decision: Decision, outcome: Outcome) -> bool {
        let counts = self.ask.answer(decision);
        let outcome = if counts { outcome } else { Outcome::Withdrawn };
        // The turn may be gone.
        let _ = self.resolved.send(Resolution { outcome, after: self.asked.elapsed() });
        counts
    }
}

impl Drop for Attendance {
    fn drop(&mut self) {
        let is_last = {
            let mut state = self.0.0.state.lock();
            state.attending = state.attending.saturating_sub(1);
            state.attending == 0
        };
        if is_last {
            self.0.deny_all(Outcome::Unattended);
        }
    }
}

impl Waiting {
    /// How it ends. Cancel-safe; must not be called again afterwards.
    pub(crate) async fn resolved(&mut self) -> Resolution {
        let withdrawn = Resolution { outcome: Outcome::Withdrawn, after: Duration::ZERO };
        (&mut self.resolved).await.unwrap_or(withdrawn)
    }

    /// Whether it waits for an answer, instead of being decided already.
    pub(crate) fn waits(&self) -> bool {
        self.expiry.is_some()
    }

    /// Denies it with this outcome, unless it has ended. Returns how it ended.
    pub(crate) fn withdraw(mut self, outcome: Outcome) -> Resolution {
        self.approvals.resolve(&self.id, Decision::Decline, outcome);
        let withdrawn = Resolution { outcome: Outcome::Withdrawn, after: Duration::ZERO };
        self.resolved.try_recv().unwrap_or(withdrawn)
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.approvals.resolve(&self.id, Decision::Decline, Outcome::Withdrawn);
    }
}

impl Asking {
    /// What a rule would allow: a command as it is, with nothing else.
    fn allowed(&self, question: &Question) -> Option<Allowed> {
        let Question::Command { command, argv, folder, escalates, extra_permissions: None, network: None } =
            question
        else {
            return None;
        };
        let bytes = command.len() + argv.iter().map(String::len).sum::<usize>();
        (!argv.is_empty() && bytes <= MAX_COMMAND_BYTES).then(|| Allowed {
            key_sha256: self.key_sha256.clone(),
            command: command.clone(),
            argv: argv.clone(),
            folder: folder.clone(),
            outside_sandbox: *escalates,
        })
    }

    fn approval(self, id: String, ask: &Ask, limit: Duration, can_remember: bool) -> Approval {
        let folder = match &ask.question {
            Question::Command { folder, .. } | Question::Permissions { folder, .. } => folder,
            _ => &self.folder,
        };
        let asked_at = unix_now_ms();
        Approval {
            id,
            request: self.request,
            key: visible(&self.key),
            client: visible(&self.client),
            model: visible(&self.model),
            folder: visible(&folder.to_string_lossy()),
            reason: ask.reason.as_deref().map(visible),
            asked_at,
            expires_at: asked_at.saturating_add(u64::try_from(limit.as_millis()).unwrap_or(u64::MAX)),
            can_remember,
            question: ApprovalQuestion::from(&ask.question),
        }
    }
}

#[cfg(test)]
mod tests;
