//! Ends the app in order when the system or a terminal asks for it: SIGTERM at the end of a session, Ctrl-C. Asked twice, it ends
//! at once.

use proxy::logging::signals::{INTERRUPTED, Signals};
use tauri::AppHandle;

/// Starts the task that waits for it; it ends with the app.
pub(crate) fn heed(handle: &AppHandle) {
    let handle = handle.clone();
    tauri::async_runtime::spawn(async move {
        let mut signals = match Signals::listen() {
            Ok(signals) => signals,
            Err(error) => {
                tracing::warn!(%error, "signals cannot be heard");
                return;
            }
        };
        signals.next().await;
        crate::quit(&handle);
        signals.next().await;
        // Whoever asks twice wants it now. codex's group ends with us.
        std::process::exit(INTERRUPTED.into());
    });
}
