//! Shuts the app down on signals such as SIGTERM at logout and Ctrl-C; a second signal exits immediately.

use proxy::logging::signals::{INTERRUPTED, Signals};
use tauri::AppHandle;

/// Starts the task that waits for signals and ends with the app.
pub(crate) fn listen(handle: &AppHandle) {
    let handle = handle.clone();
    tauri::async_runtime::spawn(async move {
        let mut signals = match Signals::listen() {
            Ok(signals) => signals,
            Err(error) => {
                tracing::warn!(%error, "failed to listen for signals");
                return;
            }
        };
        signals.next().await;
        crate::quit(&handle);
        signals.next().await;
        // codex's process group ends with this process.
        std::process::exit(INTERRUPTED.into());
    });
}
