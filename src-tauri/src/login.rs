//! The start with the session: the system has the switch, the app remembers and shows how it stands.

use desktop::app::App;
use tauri::AppHandle;
use tauri_plugin_autostart::ManagerExt as _;

/// Switches it, and remembers what the system made of that. The error is a sentence for the user.
pub(crate) async fn set(handle: &AppHandle, app: &App, on: bool) -> Result<(), String> {
    let system = handle.autolaunch();
    let switched = match system.is_enabled() {
        Ok(is_on) if is_on == on => Ok(()),
        _ if on => system.enable(),
        _ => system.disable(),
    };
    look(handle, app).await;
    switched.map_err(|error| {
        tracing::warn!(%error, "the start at login could not be changed");
        format!("The start at login could not be changed: {error}.")
    })
}

/// Looks how it stands in the system, where somebody may have changed it.
pub(crate) async fn look(handle: &AppHandle, app: &App) {
    let on = handle.autolaunch().is_enabled().unwrap_or(false);
    if on != app.overview().starts_at_login {
        app.remember_start_at_login(on).await;
    }
}
