//! Commands about the usage limits of the account.

use desktop::app::App;
use tauri::State;

/// Reads the limits again, if codex runs.
#[tauri::command]
pub(crate) fn refresh_limits(app: State<'_, App>) {
    app.refresh_limits();
}
