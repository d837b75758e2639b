//! What can go wrong between us and codex, in the words a user reads.
//!
//! A variant exists where a caller does something different for it: another HTTP status, another next step. No message
//! here carries a prompt, an answer or a key.

use std::path::PathBuf;
use std::time::Duration;

/// Why codex could not be reached, or why a turn did not end well.
#[derive(Clone, Debug, thiserror::Error)]
pub enum CodexError {
    /// No codex binary was found in any of the usual places.
    #[error(
        "codex was not found. Install it with `npm install -g @openai/codex`, or set CODEX_PATH to the binary"
    )]
    NotFound,

    /// The configured path does not name a program that can be run.
    #[error("CODEX_PATH names {}, which {reason}. Set it to the codex binary", path.display())]
    BadPath {
        /// The configured path.
        path: PathBuf,
        /// What is wrong with it, as the end of a sentence.
        reason: &'static str,
    },

    /// The codex that was found cannot do what is needed.
    #[error("codex {version} cannot {missing}. Update it with `npm install -g @openai/codex@latest`")]
    Unsupported {
        /// The version that was found, or "of an unknown version".
        version: String,
        /// What it lacks, as the end of a sentence.
        missing: &'static str,
    },

    /// This version of codex cannot do what the request asks for; others can.
    #[error(
        "codex {version} cannot {what}; codex {since} and later can. Update it with `npm install -g @openai/codex@latest`"
    )]
    CannotDo {
        /// The version that was found, or "of an unknown version".
        version: String,
        /// What was asked for, as the end of a sentence.
        what: &'static str,
        /// The version to update to at least.
        since: &'static str,
    },

    /// codex has no account to work with.
    #[error("codex is not signed in. Run `codex login` in a terminal, then try again")]
    NotSignedIn,

    /// The process did not come up.
    #[error("codex did not start: {reason}")]
    StartFailed {
        /// What happened, without a final dot.
        reason: String,
    },

    /// The process ended while something was waiting for it.
    #[error("codex ended while it was working on this request. The next request starts it again")]
    Disconnected,

    /// codex did not answer a request of ours within its limit.
    #[error("codex did not answer `{method}` within {} s", limit.as_secs())]
    NoAnswer {
        /// The protocol method.
        method: &'static str,
        /// How long we waited.
        limit: Duration,
    },

    /// codex refused a request of ours, or answered in an unknown form.
    #[error("codex refused `{method}`: {message}")]
    Refused {
        /// The protocol method.
        method: &'static str,
        /// codex's own words.
        message: String,
    },

    /// The turn itself failed.
    #[error("{0}")]
    Turn(TurnFailure),

    /// The reader of the turn fell so far behind that its events no longer fit.
    #[error("the answer was not read fast enough and was given up")]
    ReaderTooSlow,

    /// We are stopping.
    #[error("the proxy is stopping")]
    ShuttingDown,
}

/// A turn that codex ended with an error.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct TurnFailure {
    /// What it means for the caller.
    pub kind: FailureKind,
    /// codex's or the upstream's own words.
    pub message: String,
    /// The upstream's HTTP status, when codex names one.
    pub upstream_status: Option<u16>,
    /// When the account's limit is lifted, in Unix seconds, when that is known.
    pub resets_at: Option<u64>,
}

impl TurnFailure {
    /// A failure of which no more is known.
    pub(crate) fn new(kind: FailureKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), upstream_status: None, resets_at: None }
    }
}

/// The kinds of failed turn that a caller treats differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureKind {
    /// The conversation does not fit the model's context window.
    ContextWindow,
    /// The account's codex limit is used up.
    UsageLimit,
    /// The upstream asks for fewer requests.
    RateLimit,
    /// The upstream has no capacity at the moment.
    Overloaded,
    /// The model does not exist, or not for this account.
    ModelNotFound,
    /// The account's sign-in was refused.
    Unauthorized,
    /// The upstream refused the request as such; the message says why.
    BadRequest,
    /// The upstream failed, or its stream broke.
    Upstream,
}
