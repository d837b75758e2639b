//! What the window may ask, one line each: take the app, call it, pass its error on.
//!
//! Secrets go from the app to the clipboard here and not through the window, but for the one time that a new key is shown.

#![expect(clippy::needless_pass_by_value, reason = "Tauri hands a command its arguments as values")]

use std::path::PathBuf;

use desktop::app::{App, Overview, SettingsView};
use desktop::keychain::{KeyLimitsForm, KeyRow, NewKey};
use desktop::pairing::{CheckStep, Recipe, TestPromptEvent};
use desktop::request_log::{ChartBar, ChartBy, ExchangeDetail, ExchangeQuery, ExchangeRow};
use desktop::view::{Applied, CodexCheck, ViewError};
use serde_json::{Map, Value};
use tauri::ipc::{Channel, Invoke};
use tauri::{AppHandle, Manager as _, State, Wry};
use tauri_plugin_clipboard_manager::ClipboardExt as _;
use tauri_plugin_dialog::DialogExt as _;
use tauri_plugin_opener::OpenerExt as _;

use crate::logging::Log;
use crate::login;

type Answer<T> = Result<T, ViewError>;

/// All of the window's commands; Tauri refuses every other.
pub(crate) fn handler() -> impl Fn(Invoke<Wry>) -> bool + Send + Sync + 'static {
    tauri::generate_handler![
        overview,
        start_proxy,
        stop_proxy,
        use_free_port,
        look_again,
        keys,
        create_key,
        limit_key,
        copy_key,
        show_key,
        revoke_key,
        recipes,
        copy_piece,
        listen_on_docker_bridge,
        check_connection,
        settings,
        set_setting,
        set_settings,
        check_codex,
        pick_codex,
        pick_folder,
        exchanges,
        exchange_detail,
        clear_exchanges,
        copy_as_curl,
        chart,
        send_test_prompt,
        stop_test_prompt,
        copy_text,
        open_log_folder,
        copy_diagnostics,
        answer_close,
        quit,
    ]
}

#[tauri::command]
async fn overview(app: State<'_, App>, utc_offset_seconds: i32) -> Answer<Overview> {
    Ok(app.overview_at(utc_offset_seconds).await)
}

#[tauri::command]
async fn start_proxy(app: State<'_, App>) -> Answer<()> {
    app.start().await;
    Ok(())
}

#[tauri::command]
async fn stop_proxy(app: State<'_, App>) -> Answer<()> {
    app.stop().await;
    Ok(())
}

#[tauri::command]
async fn use_free_port(app: State<'_, App>) -> Answer<()> {
    app.use_free_port().await
}

#[tauri::command]
async fn look_again(app: State<'_, App>) -> Answer<()> {
    app.look_again().await;
    Ok(())
}

#[tauri::command]
async fn keys(app: State<'_, App>) -> Answer<Vec<KeyRow>> {
    app.keys().await
}

#[tauri::command]
async fn create_key(app: State<'_, App>, name: String, limits: KeyLimitsForm) -> Answer<NewKey> {
    app.create_key(&name, limits).await
}

#[tauri::command]
async fn limit_key(app: State<'_, App>, id: String, limits: KeyLimitsForm) -> Answer<()> {
    app.limit_key(&id, limits).await
}

#[tauri::command]
async fn copy_key(handle: AppHandle, app: State<'_, App>, id: String) -> Answer<()> {
    copy(&handle, app.key_secret(&id).await?.reveal())
}

#[tauri::command]
async fn show_key(app: State<'_, App>, id: String) -> Answer<NewKey> {
    app.show_key(&id).await
}

#[tauri::command]
async fn revoke_key(app: State<'_, App>, id: String) -> Answer<Option<String>> {
    app.revoke_key(&id).await
}

#[tauri::command]
async fn recipes(app: State<'_, App>, key_id: Option<String>) -> Answer<Vec<Recipe>> {
    app.recipes(key_id.as_deref()).await
}

#[tauri::command]
async fn copy_piece(
    handle: AppHandle,
    app: State<'_, App>,
    recipe_id: String,
    index: usize,
    key_id: Option<String>,
) -> Answer<()> {
    copy(&handle, &app.recipe_text(&recipe_id, index, key_id.as_deref()).await?)
}

#[tauri::command]
async fn listen_on_docker_bridge(app: State<'_, App>) -> Answer<()> {
    app.listen_on_docker_bridge().await
}

#[tauri::command]
async fn check_connection(app: State<'_, App>) -> Answer<Vec<CheckStep>> {
    app.check_connection().await
}

#[tauri::command]
async fn settings(handle: AppHandle, app: State<'_, App>) -> Answer<SettingsView> {
    // Somebody may have changed it in the system.
    login::look(&handle, &app).await;
    Ok(app.settings_view().await)
}

#[tauri::command]
async fn set_setting(handle: AppHandle, app: State<'_, App>, name: String, value: Value) -> Answer<Applied> {
    let applied = app.set_setting(&name, value).await?;
    take_over(&handle, &app).await?;
    Ok(applied)
}

#[tauri::command]
async fn set_settings(
    handle: AppHandle,
    app: State<'_, App>,
    changes: Map<String, Value>,
) -> Answer<Applied> {
    let applied = app.set_settings(changes).await?;
    take_over(&handle, &app).await?;
    Ok(applied)
}

/// Does what settings ask of the shell and the system.
async fn take_over(handle: &AppHandle, app: &App) -> Answer<()> {
    handle.state::<Log>().renew(app.data_folder());
    login::set(handle, app, app.overview().starts_at_login).await.map_err(said)
}

#[tauri::command]
async fn check_codex(app: State<'_, App>, path: String) -> Answer<CodexCheck> {
    Ok(app.check_codex(&path).await)
}

#[tauri::command]
async fn pick_codex(handle: AppHandle) -> Answer<Option<String>> {
    Ok(picked(handle.dialog().file().set_title("The codex binary"), false).await)
}

#[tauri::command]
async fn pick_folder(handle: AppHandle) -> Answer<Option<String>> {
    Ok(picked(handle.dialog().file().set_title("Codex's working folder"), true).await)
}

#[tauri::command]
async fn exchanges(app: State<'_, App>, query: ExchangeQuery) -> Answer<Vec<ExchangeRow>> {
    Ok(app.request_log().query(query).await)
}

#[tauri::command]
async fn exchange_detail(app: State<'_, App>, id: String) -> Answer<ExchangeDetail> {
    app.exchange_detail(&id).await
}

#[tauri::command]
async fn clear_exchanges(app: State<'_, App>) -> Answer<()> {
    app.clear_exchanges().await;
    Ok(())
}

#[tauri::command]
async fn copy_as_curl(handle: AppHandle, app: State<'_, App>, id: String) -> Answer<()> {
    copy(&handle, &app.as_curl(&id).await?)
}

#[tauri::command]
async fn chart(app: State<'_, App>, by: ChartBy, utc_offset_seconds: i32) -> Answer<Vec<ChartBar>> {
    Ok(app.request_log().chart(by, utc_offset_seconds).await)
}

#[tauri::command]
async fn send_test_prompt(
    app: State<'_, App>,
    prompt: String,
    events: Channel<TestPromptEvent>,
) -> Answer<()> {
    app.test_prompt(&prompt, |event| drop(events.send(event))).await;
    Ok(())
}

#[tauri::command]
fn stop_test_prompt(app: State<'_, App>) {
    app.stop_test_prompt();
}

#[tauri::command]
fn copy_text(handle: AppHandle, text: String) -> Answer<()> {
    copy(&handle, &text)
}

#[tauri::command]
fn open_log_folder(handle: AppHandle, app: State<'_, App>) -> Answer<()> {
    let folder = app.log_folder().display().to_string();
    handle
        .opener()
        .open_path(folder, None::<&str>)
        .map_err(|error| said(format!("The folder cannot be opened: {error}.")))
}

#[tauri::command]
async fn copy_diagnostics(handle: AppHandle, app: State<'_, App>) -> Answer<()> {
    copy(&handle, &app.diagnostics().await)
}

#[tauri::command]
async fn answer_close(handle: AppHandle, app: State<'_, App>, keep_running: bool) -> Answer<()> {
    app.set_setting("asked_about_background", keep_running.into()).await?;
    if keep_running {
        crate::window::close(&handle);
    } else {
        crate::quit(&handle);
    }
    Ok(())
}

#[tauri::command]
fn quit(handle: AppHandle) {
    crate::quit(&handle);
}

fn copy(handle: &AppHandle, text: &str) -> Answer<()> {
    handle
        .clipboard()
        .write_text(text)
        .map_err(|error| said(format!("The clipboard cannot be written: {error}.")))
}

async fn picked(dialog: tauri_plugin_dialog::FileDialogBuilder<Wry>, folder: bool) -> Option<String> {
    let (tell, answer) = tokio::sync::oneshot::channel();
    let reply = move |path: Option<tauri_plugin_dialog::FilePath>| drop(tell.send(path));
    if folder {
        dialog.pick_folder(reply);
    } else {
        dialog.pick_file(reply);
    }
    let path: PathBuf = answer.await.ok()??.into_path().ok()?;
    Some(path.display().to_string())
}

fn said(message: String) -> ViewError {
    ViewError { message, fields: Vec::new() }
}
