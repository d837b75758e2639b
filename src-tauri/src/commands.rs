//! The window's commands, which only call the app.
//!
//! Secrets go from the app to the clipboard here, never through the window, except when a new key is shown once.

#![expect(clippy::needless_pass_by_value, reason = "Tauri passes arguments by value")]

mod account;
mod approvals;
mod changes;
mod keys;
mod limits;
mod playground;
mod requests;
mod settings;
mod setup;

use std::path::PathBuf;

use desktop::app::{App, Overview, RecipeText, SettingsView};
use desktop::pairing::{CheckStep, PictureCheck, Recipe};
use desktop::view::{CodexCheck, ViewError};
use serde_json::{Map, Value};
use tauri::ipc::{Channel, Invoke};
use tauri::{AppHandle, Manager as _, State, Wry};
use tauri_plugin_dialog::DialogExt as _;

use crate::clipboard::{copy, copy_secret};
use crate::logging::Log;
use crate::login;
use crate::opener::open;

type Result<T> = std::result::Result<T, ViewError>;

/// All commands of the window; Tauri rejects all others.
pub(crate) fn handler() -> impl Fn(Invoke<Wry>) -> bool + Send + Sync + 'static {
    tauri::generate_handler![
        overview,
        start_proxy,
        stop_proxy,
        use_free_port,
        recheck_codex,
        limits::refresh_limits,
        approvals::answer_approval,
        approvals::approval_rules,
        approvals::forget_approval_rule,
        account::sign_in,
        account::open_sign_in_page,
        account::sign_in_with_api_key,
        account::cancel_sign_in,
        account::sign_out,
        account::accounts,
        account::switch_account,
        setup::install_codex,
        setup::cancel_install,
        setup::open_instructions,
        setup::skip_setup,
        setup::reopen_setup,
        keys::keys,
        keys::create_key,
        keys::rename_key,
        keys::limit_key,
        keys::copy_key,
        keys::show_key,
        keys::copy_shown_key,
        keys::revoke_key,
        recipes,
        copy_piece,
        copy_both,
        installed_apps,
        listen_on_docker_bridge,
        check_connection,
        check_picture,
        settings,
        set_setting,
        set_settings,
        settings::keep_setting_drafts,
        settings::dismiss_notice,
        settings::recheck_keychain,
        settings::show_file,
        settings::doctor,
        settings::stored_answers,
        settings::forget_stored_answers,
        check_codex,
        pick_codex,
        pick_folder,
        requests::exchanges,
        requests::exchange_counts,
        requests::exchange_detail,
        requests::stop_exchange,
        requests::clear_exchanges,
        requests::undo_clear,
        requests::export_exchanges,
        requests::save_picture,
        requests::copy_as_curl,
        requests::copy_resume_command,
        requests::chart,
        requests::today,
        changes::undo_changes,
        changes::redo_changes,
        changes::undo_coverage,
        changes::review_changes,
        changes::cancel_review,
        playground::send_prompt,
        playground::stop_prompt,
        playground::copy_conversation,
        playground::conversations,
        playground::keep_conversations,
        playground::open_link,
        copy_text,
        open_log_folder,
        open_data_folder,
        copy_diagnostics,
        close_window,
        answer_close,
        show_window,
        quit,
    ]
}

#[tauri::command]
async fn overview(app: State<'_, App>, utc_offset_seconds: i32) -> Result<Overview> {
    Ok(app.overview_at(utc_offset_seconds).await)
}

#[tauri::command]
async fn start_proxy(app: State<'_, App>) -> Result<()> {
    app.start().await;
    Ok(())
}

#[tauri::command]
async fn stop_proxy(app: State<'_, App>) -> Result<()> {
    app.stop().await;
    Ok(())
}

#[tauri::command]
async fn use_free_port(app: State<'_, App>) -> Result<()> {
    app.use_free_port().await
}

#[tauri::command]
async fn recheck_codex(app: State<'_, App>) -> Result<()> {
    app.recheck_codex().await;
    Ok(())
}

#[tauri::command]
async fn recipes(app: State<'_, App>, key_id: Option<String>, url: Option<String>) -> Result<Vec<Recipe>> {
    app.recipes(key_id.as_deref(), url.as_deref()).await
}

#[tauri::command]
async fn copy_piece(
    handle: AppHandle,
    app: State<'_, App>,
    recipe_id: String,
    index: usize,
    key_id: Option<String>,
    url: Option<String>,
) -> Result<()> {
    match app.recipe_text(&recipe_id, index, key_id.as_deref(), url.as_deref()).await? {
        RecipeText::Secret(text) => copy_secret(&handle, &text),
        RecipeText::Plain(text) => copy(&handle, &text),
    }
}

#[tauri::command]
async fn listen_on_docker_bridge(app: State<'_, App>) -> Result<()> {
    app.listen_on_docker_bridge().await
}

#[tauri::command]
async fn copy_both(
    handle: AppHandle,
    app: State<'_, App>,
    recipe_id: Option<String>,
    key_id: Option<String>,
    url: Option<String>,
) -> Result<()> {
    match app.both_text(recipe_id.as_deref(), key_id.as_deref(), url.as_deref()).await? {
        RecipeText::Secret(text) => copy_secret(&handle, &text),
        RecipeText::Plain(text) => copy(&handle, &text),
    }
}

#[tauri::command]
async fn installed_apps(app: State<'_, App>) -> Result<Vec<String>> {
    Ok(app.installed_apps().await)
}

#[tauri::command]
async fn check_connection(
    app: State<'_, App>,
    recipe_id: String,
    key_id: Option<String>,
    steps: Channel<CheckStep>,
) -> Result<()> {
    app.check_connection(&recipe_id, key_id.as_deref(), |step| drop(steps.send(step))).await
}

#[tauri::command]
async fn check_picture(app: State<'_, App>, key_id: Option<String>) -> Result<PictureCheck> {
    app.check_picture(key_id.as_deref()).await
}

#[tauri::command]
async fn settings(handle: AppHandle, app: State<'_, App>) -> Result<SettingsView> {
    // The user may have changed start at login in the system.
    login::sync(&handle, &app).await;
    Ok(app.settings_view().await)
}

#[tauri::command]
async fn set_setting(handle: AppHandle, app: State<'_, App>, name: String, value: Value) -> Result<()> {
    app.set_setting(&name, value).await?;
    apply(&handle, &app).await?;
    Ok(())
}

#[tauri::command]
async fn set_settings(handle: AppHandle, app: State<'_, App>, changes: Map<String, Value>) -> Result<()> {
    app.set_settings(changes).await?;
    apply(&handle, &app).await?;
    Ok(())
}

/// Applies the settings of the shell: the log level and start at login.
async fn apply(handle: &AppHandle, app: &App) -> Result<()> {
    handle.state::<Log>().reload(app.data_folder());
    login::set(handle, app, app.overview().starts_at_login).await.map_err(ViewError::new)
}

#[tauri::command]
async fn check_codex(app: State<'_, App>, path: String) -> Result<CodexCheck> {
    Ok(app.check_codex(&path).await)
}

#[tauri::command]
async fn pick_codex(handle: AppHandle) -> Result<Option<String>> {
    Ok(pick(handle.dialog().file().set_title("Choose the Codex program"), false).await)
}

#[tauri::command]
async fn pick_folder(handle: AppHandle) -> Result<Option<String>> {
    Ok(pick(handle.dialog().file().set_title("Choose the working folder"), true).await)
}

#[tauri::command]
fn copy_text(handle: AppHandle, text: String) -> Result<()> {
    copy(&handle, &text)
}

#[tauri::command]
async fn open_log_folder(app: State<'_, App>) -> Result<()> {
    open(app.log_folder(), app.environment())
        .map_err(|error| ViewError::new(format!("Couldn't open the log folder: {error}.")))
}

#[tauri::command]
async fn open_data_folder(app: State<'_, App>) -> Result<()> {
    open(app.data_folder(), app.environment())
        .map_err(|error| ViewError::new(format!("Couldn't open the folder: {error}.")))
}

#[tauri::command]
async fn copy_diagnostics(handle: AppHandle, app: State<'_, App>) -> Result<()> {
    copy(&handle, &app.diagnostics().await)
}

/// Not on the main thread, where it would destroy the web view inside a call from it.
#[tauri::command]
async fn close_window(handle: AppHandle) {
    crate::window::ask_to_close(&handle);
}

#[tauri::command]
async fn answer_close(handle: AppHandle, app: State<'_, App>, keep_running: bool) -> Result<()> {
    app.set_setting("asked_about_background", keep_running.into()).await?;
    if keep_running {
        crate::window::close(&handle);
    } else {
        crate::quit(&handle);
    }
    Ok(())
}

#[tauri::command]
fn show_window(handle: AppHandle) {
    crate::window::show_painted(&handle);
}

/// Not on the main thread either.
#[tauri::command]
async fn quit(handle: AppHandle) {
    crate::quit(&handle);
}

async fn pick(dialog: tauri_plugin_dialog::FileDialogBuilder<Wry>, folder: bool) -> Option<String> {
    let (sender, picked) = tokio::sync::oneshot::channel();
    let reply = move |path: Option<tauri_plugin_dialog::FilePath>| drop(sender.send(path));
    if folder {
        dialog.pick_folder(reply);
    } else {
        dialog.pick_file(reply);
    }
    let path: PathBuf = picked.await.ok()??.into_path().ok()?;
    Some(path.display().to_string())
}
