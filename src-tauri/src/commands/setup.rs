//! The first start.

use std::path::Path;

use desktop::app::{App, RecipeText};
use desktop::view::ViewError;
use tauri::{AppHandle, State};

use super::{Result, open};
use crate::clipboard::{copy, copy_secret};

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

#[tauri::command]
pub(super) async fn copy_for_first_app(
    handle: AppHandle,
    app: State<'_, App>,
    recipe_id: Option<String>,
) -> Result<()> {
    match app.first_app_text(recipe_id.as_deref()).await? {
        RecipeText::Secret(text) => copy_secret(&handle, &text),
        RecipeText::Plain(text) => copy(&handle, &text),
    }
}
