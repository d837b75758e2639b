//! What can go wrong with codex.
//!
//! A variant exists where callers react differently: another HTTP status, another next step. Messages say what happened, not
//! what to do: that depends on the program. They contain no prompt, answer or key.

use std::path::PathBuf;
use std::time::Duration;

use crate::account::Provider;

/// Why codex is not available, or why a turn failed.
#[derive(Clone, Debug, thiserror::Error)]
pub enum CodexError {
    /// No codex binary was found.
    #[error("codex was not found")]
    NotFound,

    /// The configured path is not an executable.
    #[error("the codex path {} {reason}", path.display())]
    BadPath {
        /// The configured path.
        path: PathBuf,
        /// What is wrong with it, such as "does not exist".
        reason: &'static str,
    },

    /// This version of codex lacks something the proxy cannot work without.
    #[error("codex {version} cannot {missing}")]
    Unsupported {
        /// The installed version, or "of an unknown version".
        version: String,
        /// What it lacks, after "cannot".
        missing: &'static str,
    },

    /// This version of codex does not support what the request needs.
    #[error("codex {version} cannot {what}; codex {since} and later can")]
    CannotDo {
        /// The installed version, or "of an unknown version".
        version: String,
        /// What the request needs, after "cannot".
        what: &'static str,
        /// The first version that can.
        since: &'static str,
    },

    /// codex is not signed in with ChatGPT, which it needs for what the request asks for.
    #[error("codex is not signed in with ChatGPT, without which it cannot {what}")]
    NeedsChatGpt {
        /// What the request needs, after "cannot".
        what: &'static str,
    },

    /// codex has no account.
    #[error("codex is not signed in")]
    NotSignedIn,

    /// codex cannot use its configuration.
    #[error("codex's configuration is invalid: {reason}")]
    BadConfig {
        /// The file, the line and what is wrong there, without a final period.
        reason: String,
    },

    /// codex's provider is this proxy, so that every turn would ask for another one.
    #[error("codex is set up to use this proxy as its own provider")]
    OwnProvider,

    /// The user's own provider did not accept codex's credentials, or codex has none for it.
    #[error("the provider {} rejected codex's credentials", provider.name)]
    ProviderKey {
        /// The provider.
        provider: Provider,
    },

    /// The process failed to start.
    #[error("codex did not start: {reason}")]
    StartFailed {
        /// What happened, without a final period.
        reason: String,
    },

    /// The process exited while a request was pending.
    #[error("codex exited during this request")]
    Disconnected,

    /// codex did not answer a request within its timeout.
    #[error("codex did not answer `{method}` within {} s", limit.as_secs())]
    NoAnswer {
        /// The protocol method.
        method: &'static str,
        /// The timeout.
        limit: Duration,
    },

    /// codex rejected a request, or its answer could not be parsed.
    #[error("codex rejected `{method}`: {message}")]
    Refused {
        /// The protocol method.
        method: &'static str,
        /// codex's message.
        message: String,
    },

    /// The turn failed.
    #[error("{0}")]
    Turn(TurnFailure),

    /// The turn's reader fell behind by more than the event queue holds.
    #[error("the answer was not read fast enough")]
    ReaderTooSlow,

    /// The proxy is stopping.
    #[error("the proxy is stopping")]
    ShuttingDown,
}

/// A turn that ended with an error.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct TurnFailure {
    /// What kind of failure it is.
    pub kind: FailureKind,
    /// The message of codex or the upstream.
    pub message: String,
    /// The upstream's HTTP status, if codex reported one.
    pub upstream_status: Option<u16>,
    /// When the account's limit resets, in Unix seconds, if known.
    pub resets_at: Option<u64>,
}

impl TurnFailure {
    /// A failure without further details.
    pub(crate) fn new(kind: FailureKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), upstream_status: None, resets_at: None }
    }
}

/// Kinds of failed turns that callers treat differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureKind {
    /// The conversation exceeds the model's context window.
    ContextWindow,
    /// The account has reached its usage limit.
    UsageLimit,
    /// The upstream's rate limit applies.
    RateLimit,
    /// The upstream has no capacity right now.
    Overloaded,
    /// The model does not exist, or the account may not use it.
    ModelNotFound,
    /// The upstream rejected the account's sign-in.
    Unauthorized,
    /// The upstream rejected the request; the message says why.
    BadRequest,
    /// codex rejected one of the client's tools; the message says which and why.
    BadTool,
    /// codex could not connect to the upstream.
    Unreachable,
    /// The upstream failed, or its stream broke.
    Upstream,
}
