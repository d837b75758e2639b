//! The commands of the request log.

use std::path::PathBuf;

use desktop::app::App;
use desktop::request_log::{
    Chart, ChartRange, ChartStack, ExchangeCounts, ExchangeDetail, ExchangeQuery, ExchangeRow, ExportFormat,
    Today,
};
use tauri::{AppHandle, State};
use tauri_plugin_dialog::DialogExt as _;

use super::Result;
use crate::clipboard::copy;

#[tauri::command]
pub(super) async fn exchanges(app: State<'_, App>, query: ExchangeQuery) -> Result<Vec<ExchangeRow>> {
    Ok(app.request_log().query(query).await)
}

#[tauri::command]
pub(super) async fn exchange_counts(app: State<'_, App>, query: ExchangeQuery) -> Result<ExchangeCounts> {
    Ok(app.request_log().counts(query).await)
}

#[tauri::command]
pub(super) async fn exchange_detail(app: State<'_, App>, id: String) -> Result<ExchangeDetail> {
    app.exchange_detail(&id).await
}

#[tauri::command]
pub(super) fn stop_exchange(app: State<'_, App>, id: String) -> Result<()> {
    app.stop_exchange(&id)
}

#[tauri::command]
pub(super) async fn clear_exchanges(app: State<'_, App>) -> Result<()> {
    app.clear_exchanges().await;
    Ok(())
}

#[tauri::command]
pub(super) async fn undo_clear(app: State<'_, App>) -> Result<()> {
    app.undo_clear().await;
    Ok(())
}

/// Asks for a file and exports to it. Returns the number of requests, or `None` if the user has not chosen a file.
#[tauri::command]
pub(super) async fn export_exchanges(
    handle: AppHandle,
    app: State<'_, App>,
    query: ExchangeQuery,
    format: ExportFormat,
) -> Result<Option<usize>> {
    let (name, extension) = match format {
        ExportFormat::Csv => ("CSV", "csv"),
        ExportFormat::Json => ("JSON", "json"),
    };
    let file = format!("codex-proxy-requests.{extension}");
    let Some(path) = ask_where(&handle, "Export requests", name, extension, &file).await else {
        return Ok(None);
    };
    app.export_exchanges(query, format, &path).await.map(Some)
}

/// Asks for a file and writes a picture to it. Returns whether the user has chosen one.
#[tauri::command]
pub(super) async fn save_picture(
    handle: AppHandle,
    app: State<'_, App>,
    id: String,
    index: usize,
) -> Result<bool> {
    let Some(path) = ask_where(&handle, "Save picture", "PNG", "png", "picture.png").await else {
        return Ok(false);
    };
    app.save_picture(&id, index, &path).await.map(|()| true)
}

/// Asks where to save a file.
async fn ask_where(
    handle: &AppHandle,
    title: &str,
    kind: &str,
    extension: &str,
    file: &str,
) -> Option<PathBuf> {
    let (sender, picked) = tokio::sync::oneshot::channel();
    let dialog = handle.dialog().file().set_title(title).add_filter(kind, &[extension]);
    dialog.set_file_name(file).save_file(move |path| drop(sender.send(path)));
    picked.await.ok().flatten().and_then(|path| path.into_path().ok())
}

#[tauri::command]
pub(super) async fn copy_as_curl(handle: AppHandle, app: State<'_, App>, id: String) -> Result<()> {
    copy(&handle, &app.as_curl(&id).await?)
}

#[tauri::command]
pub(super) async fn copy_resume_command(handle: AppHandle, app: State<'_, App>, id: String) -> Result<()> {
    copy(&handle, &app.resume_command(&id).await?)
}

#[tauri::command]
pub(super) async fn chart(
    app: State<'_, App>,
    range: Option<ChartRange>,
    stack: Option<ChartStack>,
    utc_offset_seconds: i32,
) -> Result<Chart> {
    Ok(app.request_log().chart(range, stack, utc_offset_seconds).await)
}

#[tauri::command]
pub(super) async fn today(app: State<'_, App>) -> Result<Today> {
    Ok(app.today().await)
}
