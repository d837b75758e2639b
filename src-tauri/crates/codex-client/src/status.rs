//! The state of codex, for display.

use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::watch;

use crate::account::{Account, Provider};
use crate::capabilities::Capabilities;
use crate::error::CodexError;
use crate::home::HomeUsed;

/// The state of codex.
#[derive(Clone, Debug, Default)]
pub enum Status {
    /// Not started: not needed yet, or no longer.
    #[default]
    Idle,
    /// Starting.
    Starting,
    /// Running.
    Ready(Readiness),
    /// The last start failed.
    Failed(CodexError),
    /// Stopped for good.
    Stopped,
}

/// The properties of a running codex.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Readiness {
    /// The binary.
    pub path: PathBuf,
    /// The version, as codex reports it.
    pub version: String,
    /// What it supports.
    pub capabilities: Capabilities,
    /// The account; `None` when codex does not report it.
    pub account: Option<Account>,
    /// The home it runs with.
    pub home: HomeUsed,
    /// The user's own provider, if codex uses one.
    pub provider: Option<Provider>,
    /// What codex reports about its configuration, one line each.
    pub warnings: Vec<String>,
    /// Identifies the model list it was started with, if it was given one.
    pub model_list: Option<u64>,
}

impl Readiness {
    /// Whether the account can generate images: that of ChatGPT alone can. One that codex does not report may be.
    #[must_use]
    pub fn may_generate_images(&self) -> bool {
        matches!(self.account, None | Some(Account::ChatGpt { .. }))
    }
}

/// Why codex refused to start its latest thread; `None` if it did not.
pub(crate) type Refusal = Arc<watch::Sender<Option<CodexError>>>;

/// The starts of codex since the handle was created, by outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StartCounts {
    /// Successful starts.
    pub started: u64,
    /// Failed starts.
    pub failed: u64,
    /// Unexpected exits.
    pub ended: u64,
}
