//! What codex asks, and what is allowed from now on.

use desktop::app::{App, ApprovalAnswer, ApprovalRule};
use tauri::State;

use super::Result;

#[tauri::command]
pub(super) async fn answer_approval(app: State<'_, App>, id: String, answer: ApprovalAnswer) -> Result<()> {
    app.answer_approval(id, answer).await
}

#[tauri::command]
pub(super) async fn approval_rules(app: State<'_, App>) -> Result<Vec<ApprovalRule>> {
    Ok(app.approval_rules().await)
}

#[tauri::command]
pub(super) async fn forget_approval_rule(app: State<'_, App>, id: String) -> Result<()> {
    app.forget_approval_rule(id).await
}
