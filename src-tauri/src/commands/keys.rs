//! The commands of the Keys view.

use desktop::app::App;
use desktop::keychain::{KeyLimitsForm, KeyRow, NewKey};
use tauri::{AppHandle, State};

use super::Result;
use crate::clipboard::copy_secret;

#[tauri::command]
pub(super) async fn keys(app: State<'_, App>) -> Result<Vec<KeyRow>> {
    app.keys().await
}

#[tauri::command]
pub(super) async fn create_key(app: State<'_, App>, name: String, limits: KeyLimitsForm) -> Result<NewKey> {
    app.create_key(&name, limits).await
}

#[tauri::command]
pub(super) async fn rename_key(app: State<'_, App>, id: String, name: String) -> Result<()> {
    app.rename_key(&id, &name).await
}

#[tauri::command]
pub(super) async fn limit_key(app: State<'_, App>, id: String, limits: KeyLimitsForm) -> Result<()> {
    app.limit_key(&id, limits).await
}

#[tauri::command]
pub(super) async fn copy_key(handle: AppHandle, app: State<'_, App>, id: String) -> Result<()> {
    copy_secret(&handle, app.key_secret(&id).await?.reveal())
}

#[tauri::command]
pub(super) async fn show_key(app: State<'_, App>, id: String) -> Result<NewKey> {
    app.show_key(&id).await
}

#[tauri::command]
pub(super) async fn revoke_key(app: State<'_, App>, id: String) -> Result<Option<String>> {
    app.revoke_key(&id).await
}

#[tauri::command]
pub(super) fn copy_shown_key(handle: AppHandle, secret: String) -> Result<()> {
    copy_secret(&handle, &secret)
}
