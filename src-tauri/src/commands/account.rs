//! The commands of codex's account.

use desktop::app::{AccountChoice, App, SignInChoice};
use desktop::view::ViewError;
use tauri::State;

use super::{Result, open};

#[tauri::command]
pub(super) async fn sign_in(app: State<'_, App>, method: SignInChoice) -> Result<()> {
    let environment = app.environment().clone();
    let open_page = move |url: &str| {
        if let Err(error) = open(url, &environment) {
            // The window shows a button that opens it again.
            tracing::warn!(%error, "cannot open the browser");
        }
    };
    app.sign_in(method, open_page).await;
    Ok(())
}

/// The page comes from codex, so that the window cannot open others.
#[tauri::command]
pub(super) async fn open_sign_in_page(app: State<'_, App>) -> Result<()> {
    let page = app.sign_in_page().ok_or_else(|| ViewError::new("The sign-in has ended."))?;
    open(&page, app.environment())
        .map_err(|error| ViewError::new(format!("Couldn't open the browser: {error}.")))
}

#[tauri::command]
pub(super) async fn sign_in_with_api_key(app: State<'_, App>, key: String) -> Result<()> {
    app.sign_in_with_api_key(&key).await
}

#[tauri::command]
pub(super) async fn cancel_sign_in(app: State<'_, App>) -> Result<()> {
    app.cancel_sign_in().await;
    Ok(())
}

#[tauri::command]
pub(super) async fn sign_out(app: State<'_, App>) -> Result<()> {
    app.sign_out().await
}

#[tauri::command]
pub(super) async fn accounts(app: State<'_, App>) -> Result<Vec<AccountChoice>> {
    app.accounts().await
}

#[tauri::command]
pub(super) async fn switch_account(app: State<'_, App>, id: String) -> Result<()> {
    app.switch_account(&id).await
}
