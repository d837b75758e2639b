//! The playground's commands, and links in its answers.

use desktop::app::{App, RecipeText};
use desktop::pairing::{ChatRequest, CodeLanguage, PlaygroundEvent};
use desktop::view::{ViewError, openable};
use tauri::ipc::Channel;
use tauri::{AppHandle, State};

use super::{Result, open};
use crate::clipboard::{copy, copy_secret};

#[tauri::command]
pub(super) async fn send_prompt(
    app: State<'_, App>,
    request: ChatRequest,
    events: Channel<PlaygroundEvent>,
) -> Result<()> {
    app.send_prompt(&request, |event| drop(events.send(event))).await;
    Ok(())
}

#[tauri::command]
pub(super) fn stop_prompt(app: State<'_, App>) {
    app.stop_prompt();
}

#[tauri::command]
pub(super) async fn copy_conversation(
    handle: AppHandle,
    app: State<'_, App>,
    language: CodeLanguage,
    request: ChatRequest,
) -> Result<()> {
    match app.conversation_code(language, &request).await? {
        RecipeText::Secret(text) => copy_secret(&handle, &text),
        RecipeText::Plain(text) => copy(&handle, &text),
    }
}

#[tauri::command]
pub(super) fn conversations(app: State<'_, App>) -> String {
    app.conversations()
}

#[tauri::command]
pub(super) fn keep_conversations(app: State<'_, App>, conversations: String) {
    app.keep_conversations(conversations);
}

#[tauri::command]
pub(super) async fn open_link(app: State<'_, App>, url: String) -> Result<()> {
    let url = openable(&url)?;
    open(url, app.environment()).map_err(|error| ViewError::new(format!("Couldn't open the link: {error}.")))
}
