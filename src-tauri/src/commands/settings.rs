//! Commands of the settings and help views.

use std::path::Path;

use desktop::app::{App, DoctorCheck, StoredAnswers};
use desktop::view::ViewError;
use tauri::State;

use super::{Result, open};

#[tauri::command]
pub(super) fn keep_setting_drafts(app: State<'_, App>, drafts: String) {
    app.keep_setting_drafts(drafts);
}

#[tauri::command]
pub(super) async fn dismiss_notice(app: State<'_, App>) -> Result<()> {
    app.dismiss_notice().await;
    Ok(())
}

#[tauri::command]
pub(super) async fn recheck_keychain(app: State<'_, App>) -> Result<()> {
    app.recheck_keychain().await;
    Ok(())
}

/// Opens the folder that contains a file, or the folder itself.
#[tauri::command]
pub(super) async fn show_file(app: State<'_, App>, path: String) -> Result<()> {
    let path = Path::new(&path);
    let folder = if path.is_dir() { Some(path) } else { path.parent() };
    let folder = folder
        .filter(|folder| folder.is_absolute() && folder.is_dir())
        .ok_or_else(|| ViewError::new(format!("{} no longer exists.", path.display())))?;
    open(folder, app.environment())
        .map_err(|error| ViewError::new(format!("Couldn't open {}: {error}.", folder.display())))
}

#[tauri::command]
pub(super) async fn doctor(app: State<'_, App>) -> Result<Vec<DoctorCheck>> {
    Ok(app.doctor().await)
}

#[tauri::command]
pub(super) async fn stored_answers(app: State<'_, App>) -> Result<StoredAnswers> {
    Ok(app.stored_answers().await)
}

#[tauri::command]
pub(super) async fn forget_stored_answers(app: State<'_, App>) -> Result<()> {
    app.forget_stored_answers().await
}
