//! Forwards changes to the window and the tray.

use desktop::app::{App, Change};
use desktop::request_log;
use tauri::{AppHandle, Emitter, Manager as _};
use tokio::sync::broadcast::error::RecvError;

use crate::{notifications, tray};

/// Starts the forwarding task, which ends with the app.
pub(crate) fn forward(handle: &AppHandle, app: &App) {
    let (handle, mut changes) = (handle.clone(), app.changes());
    let tray = handle.state::<tray::Updates>().inner().clone();
    tauri::async_runtime::spawn(async move {
        loop {
            let change = match changes.recv().await {
                Ok(change) => change,
                Err(RecvError::Lagged(missed)) => {
                    tracing::debug!(missed, "dropped changes for the window");
                    continue;
                }
                Err(RecvError::Closed) => return,
            };
            if !matches!(change, Change::Notice(_)) {
                tray.request();
            }
            let sent = match change {
                Change::Overview(overview) => handle.emit("overview", &*overview),
                Change::Requests(request_log::Change::Row(row)) => handle.emit("exchange", &*row),
                // The app makes a notice of it.
                Change::Requests(request_log::Change::FilesChanged(_)) => Ok(()),
                Change::Requests(request_log::Change::Cleared) => handle.emit("exchanges_cleared", ()),
                Change::Keys => handle.emit("keys", ()),
                Change::Notice(notice) => {
                    notifications::show(&handle, &notice);
                    Ok(())
                }
            };
            if let Err(error) = sent {
                tracing::debug!(%error, "failed to send a change to the window");
            }
        }
    });
}
