//! The snapshots of working folders.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use codex_client::{Environment, find_program};

use super::types::{Changes, Coverage, UndoError, UndoReport};

/// The snapshots of all working folders, in the data folder. Clones share them.
#[derive(Clone, Debug)]
pub struct ChangeStore(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// The folder of the repositories.
    folder: PathBuf,
    environment: Environment,
}

impl ChangeStore {
    /// The snapshots in this data folder. `environment` is where git is searched for.
    #[must_use]
    pub fn new(data_dir: &Path, environment: &Environment) -> Self {
        let (folder, environment) = (data_dir.join("snapshots"), environment.clone());
        Self(Arc::new(Inner { folder, environment }))
    }

    /// Whether changes in `folder` could be undone, if a turn began now.
    pub async fn before_turn(&self, folder: &Path) -> Coverage {
        let why = match find_program("git", &self.0.environment) {
            None => UndoError::NoGit.to_string(),
            Some(_) => format!("{} has no snapshots in {}.", folder.display(), self.0.folder.display()),
        };
        Coverage { covered: false, why: Some(why), left_out: Vec::new() }
    }

    /// The changes of a request, from its snapshots; `None` when there are none.
    pub async fn changes(&self, _request: &str) -> Option<Changes> {
        None
    }

    /// Puts the changed files of a request back to what they were before it. Files edited since are left as they are.
    ///
    /// # Errors
    /// See [`UndoError`]; then nothing has been changed.
    pub async fn undo(&self, _request: &str) -> Result<UndoReport, UndoError> {
        Err(UndoError::Gone)
    }

    /// Takes back an [`undo`](Self::undo).
    ///
    /// # Errors
    /// See [`UndoError`]; then nothing has been changed.
    pub async fn redo(&self, _request: &str) -> Result<UndoReport, UndoError> {
        Err(UndoError::Gone)
    }
}
