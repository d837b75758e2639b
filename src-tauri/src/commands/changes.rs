//! The commands of what answers changed.

use desktop::app::{App, UndoCoverage};
use proxy::changes::UndoReport;
use tauri::State;

use super::Result;

#[tauri::command]
pub(super) async fn undo_changes(app: State<'_, App>, id: String) -> Result<UndoReport> {
    app.undo_changes(&id).await
}

#[tauri::command]
pub(super) async fn redo_changes(app: State<'_, App>, id: String) -> Result<UndoReport> {
    app.redo_changes(&id).await
}

#[tauri::command]
pub(super) async fn undo_coverage(app: State<'_, App>) -> Result<Option<UndoCoverage>> {
    Ok(app.undo_coverage().await)
}

#[tauri::command]
pub(super) async fn review_changes(app: State<'_, App>, id: String) -> Result<()> {
    app.review_changes(&id).await
}

#[tauri::command]
pub(super) fn cancel_review(app: State<'_, App>, id: String) -> Result<()> {
    app.cancel_review(&id);
    Ok(())
}
