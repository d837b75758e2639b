//! What answers changed in the working folder: shown, undone and redone.

use std::path::PathBuf;

use codex_client::SandboxMode;
use proxy::changes::{ChangeStore, Coverage, UndoError, UndoReport, UndoState};
use serde::Serialize;
use ts_rs::TS;

use super::notices::Notice;
use super::{App, Change};
use crate::client_name::OWN;
use crate::request_log::{ExchangeDetail, ExchangeRow};
use crate::view::ViewError;

/// Whether changes in the working folder can be undone, as said before a turn.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct UndoCoverage {
    /// The working folder.
    pub folder: String,
    /// Whether its changes can be undone.
    pub coverage: Coverage,
}

impl App {
    /// Puts back what changed in the working folder while the request ran.
    ///
    /// # Errors
    /// If it cannot be undone; nothing has been changed then.
    pub async fn undo_changes(&self, id: &str) -> Result<UndoReport, ViewError> {
        let undone = self.change_store().undo(id).await;
        self.report("Changes undone", id, undone).await
    }

    /// Takes back an undo.
    ///
    /// # Errors
    /// If it cannot be redone; nothing has been changed then.
    pub async fn redo_changes(&self, id: &str) -> Result<UndoReport, ViewError> {
        let redone = self.change_store().redo(id).await;
        self.report("Changes redone", id, redone).await
    }

    /// Whether changes in the working folder could be undone, if a turn began now; `None` if codex may not change anything, or if
    /// undoing is switched off.
    pub async fn undo_coverage(&self) -> Option<UndoCoverage> {
        let settings = self.runtime_settings(&self.0.settings.current()).0;
        if settings.sandbox == SandboxMode::ReadOnly || !settings.undo {
            return None;
        }
        let folder: PathBuf = settings.working_folder();
        let coverage = self.change_store().before_turn(&folder).await;
        Some(UndoCoverage { folder: folder.display().to_string(), coverage })
    }

    /// Adds what changed to a request's details, as its snapshots say now. Without snapshots, it is what the log has of it.
    pub(super) async fn show_changes(&self, detail: &mut ExchangeDetail) {
        if detail.changes.is_none() && detail.row.files_changed == 0 {
            return;
        }
        if let Some(changes) = self.change_store().changes(&detail.row.id).await {
            detail.changes = Some(changes);
        } else if let Some(changes) = &mut detail.changes
            && !matches!(changes.undo, UndoState::Not { .. })
        {
            changes.undo = UndoState::Not { why: UndoError::Gone.to_string() };
        }
    }

    /// Notifies that an answer has changed files.
    pub(super) fn notice_changes(&self, row: &ExchangeRow) {
        if row.files_changed > 0 && self.0.settings.current().notify_changes {
            let app = Some(row.app.clone()).filter(|app| !OWN.contains(&app.as_str()));
            let (request, files) = (row.id.clone(), row.files_changed);
            self.notify(Change::Notice(Notice::FilesChanged { request, app, files }));
        }
    }

    /// The snapshots, which are there without the proxy too.
    fn change_store(&self) -> ChangeStore {
        match self.running() {
            Some(running) => running.proxy.changes(),
            None => ChangeStore::new(&self.0.data_dir, &self.0.environment),
        }
    }

    /// Logs what was undone or redone.
    async fn report(
        &self,
        what: &str,
        id: &str,
        done: Result<UndoReport, UndoError>,
    ) -> Result<UndoReport, ViewError> {
        let report = done?;
        let files = |count: usize| if count == 1 { "1 file".to_owned() } else { format!("{count} files") };
        let refused = match report.refused.len() {
            0 => String::new(),
            count => format!(", {} left as they are", files(count)),
        };
        let detail = format!("{}{refused}", files(report.restored.len()));
        self.0.request_log.add_step(id, what, Some(detail), !report.refused.is_empty()).await;
        Ok(report)
    }
}
