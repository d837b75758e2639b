//! How codex is, for people to see.

use std::path::PathBuf;

use crate::account::Account;
use crate::capabilities::Capabilities;
use crate::error::CodexError;
use crate::home::HomeUsed;

/// How codex is.
#[derive(Clone, Debug, Default)]
pub enum Status {
    /// It has not been needed yet, or has ended and is not needed now.
    #[default]
    Idle,
    /// It is being started.
    Starting,
    /// It answers.
    Ready(Readiness),
    /// The last attempt to start it failed.
    Failed(CodexError),
    /// It was stopped for good.
    Stopped,
}

/// What is known of a codex that answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Readiness {
    /// The binary.
    pub path: PathBuf,
    /// Its version, as it names itself.
    pub version: String,
    /// What it can do.
    pub capabilities: Capabilities,
    /// The account that it works with; `None` when this codex does not say.
    pub account: Option<Account>,
    /// Which home it has.
    pub home: HomeUsed,
}

/// How often codex was started, and what came of it, since the handle was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StartCounts {
    /// Starts that went well.
    pub started: u64,
    /// Starts that failed.
    pub failed: u64,
    /// Times that it ended by itself.
    pub ended: u64,
}
