//! Ends the app in order when the system or a terminal asks for it: SIGTERM at the end of a session, Ctrl-C.

use tauri::AppHandle;

/// Starts the task that waits for it; it ends with the app.
pub(crate) fn heed(handle: &AppHandle) {
    let handle = handle.clone();
    tauri::async_runtime::spawn(async move {
        match asked().await {
            Ok(()) => crate::quit(&handle),
            Err(error) => tracing::warn!(%error, "signals cannot be heard"),
        }
    });
}

#[cfg(unix)]
async fn asked() -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut ended = signal(SignalKind::terminate())?;
    tokio::select! {
        _ = ended.recv() => Ok(()),
        pressed = tokio::signal::ctrl_c() => pressed,
    }
}

#[cfg(not(unix))]
async fn asked() -> std::io::Result<()> {
    tokio::signal::ctrl_c().await
}
