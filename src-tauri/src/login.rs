//! Start at login: the system has the switch, and the app mirrors it in the settings.

use desktop::app::App;
use tauri::AppHandle;
use tauri_plugin_autostart::ManagerExt as _;

/// Turns it on or off, and records the system's state. The error is a sentence for the user.
pub(crate) async fn set(handle: &AppHandle, app: &App, on: bool) -> Result<(), String> {
    let system = handle.autolaunch();
    let changed = match system.is_enabled() {
        Ok(is_on) if is_on == on => Ok(()),
        _ if on => system.enable(),
        _ => system.disable(),
    };
    sync(handle, app).await;
    changed.map_err(|error| {
        tracing::warn!(%error, "failed to change start at login");
        format!("Couldn't change Start at login: {error}.")
    })
}

/// Records the system's state, which the user may have changed there.
pub(crate) async fn sync(handle: &AppHandle, app: &App) {
    let on = handle.autolaunch().is_enabled().unwrap_or(false);
    if on != app.overview().starts_at_login {
        app.record_start_at_login(on).await;
    }
}
