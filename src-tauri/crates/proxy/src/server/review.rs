//! Reviews of changes by codex, which the owner of the proxy asks for.

use std::path::Path;

use codex_client::{SandboxMode, ThreadKind, ThreadProfile, Turn, TurnEvent};

use super::Proxy;
use crate::error::ApiError;
use crate::exchange::{Admit, Permit};
use crate::models::catalog::agent_profile;

/// Whose turns reviews are, for admission.
const OWNER: &str = "owner";

/// A running review. Dropping it interrupts it.
#[derive(Debug)]
pub struct Review {
    turn: Turn,
    _permit: Permit,
}

impl Review {
    /// The next event; `None` after the end.
    pub async fn next(&mut self) -> Option<TurnEvent> {
        self.turn.next().await
    }
}

impl Proxy {
    /// Has codex review what `instructions` describe, with the model of codex-local. It may read in `folder` and change nothing.
    /// It waits for its place among the turns.
    ///
    /// # Errors
    /// When the queue is full, or codex cannot start or cannot review.
    pub async fn review(&self, folder: &Path, instructions: String) -> Result<Review, ApiError> {
        let permit = match self.admission.admit(OWNER, 1)? {
            Admit::Now(permit) => permit,
            Admit::Queued(queued) => queued.permit().await?,
        };
        let profile = ThreadProfile {
            workspace: folder.to_owned(),
            sandbox: SandboxMode::ReadOnly,
            ..agent_profile(&self.settings())
        };
        let turn = self.codex.for_kind(ThreadKind::Agent).review(profile, instructions).await?;
        Ok(Review { turn, _permit: permit })
    }
}
