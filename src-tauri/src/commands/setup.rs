//! The first start.

use std::path::Path;

use desktop::app::App;
use desktop::view::ViewError;
use tauri::State;

use super::{Result, open};

/// Codex's own page about its installation.
const INSTRUCTIONS: &str = "https://developers.openai.com/codex/cli";

#[tauri::command]
pub(super) async fn install_codex(app: State<'_, App>) -> Result<()> {
    app.install_codex()
}

#[tauri::command]
pub(super) fn cancel_install(app: State<'_, App>) {
    app.cancel_install();
}

#[tauri::command]
pub(super) async fn open_instructions(app: State<'_, App>) -> Result<()> {
    open(Path::new(INSTRUCTIONS), app.environment())
        .map_err(|error| ViewError::new(format!("Couldn't open {INSTRUCTIONS}: {error}.")))
}

#[tauri::command]
pub(super) async fn skip_setup(app: State<'_, App>) -> Result<()> {
    app.skip_setup().await
}

#[tauri::command]
pub(super) async fn reopen_setup(app: State<'_, App>) -> Result<()> {
    app.reopen_setup().await;
    Ok(())
}
