//! Passes what changes on to the window, while there is one, and to the tray.

use desktop::app::{App, Change};
use tauri::{AppHandle, Emitter};

use crate::tray;

/// Starts the task that does so; it ends with the app.
pub(crate) fn forward(handle: &AppHandle, app: &App) {
    let (handle, mut changes) = (handle.clone(), app.changes());
    tauri::async_runtime::spawn(async move {
        while let Some(change) = changes.next().await {
            let sent = match change {
                Change::Overview(overview) => {
                    tray::update(&handle, &overview);
                    handle.emit("overview", &*overview)
                }
                Change::Exchange(row) => handle.emit("exchange", &*row),
                Change::ExchangesCleared => handle.emit("exchanges_cleared", ()),
                Change::Keys => handle.emit("keys", ()),
            };
            if let Err(error) = sent {
                tracing::debug!(%error, "a change did not reach the window");
            }
        }
    });
}
