//! The window, created when shown and destroyed with its webview when closed.

use desktop::app::App;
use tauri::{AppHandle, Emitter, Manager, WebviewUrl, WebviewWindowBuilder, WindowEvent};

/// The window's label, as in the capability file.
const MAIN: &str = "main";

/// Shows the window, optionally at a view, and creates it if needed.
pub(crate) fn show(handle: &AppHandle, view: Option<&str>) {
    if handle.try_state::<App>().is_none() {
        // A dialog says why the app did not start.
        return;
    }
    if let Some(window) = handle.get_webview_window(MAIN) {
        let shown = window.unminimize().and_then(|()| window.show()).and_then(|()| window.set_focus());
        if let Err(error) = shown {
            tracing::warn!(%error, "failed to bring the window to the front");
        }
        if let Some(view) = view {
            let _ = window.emit("navigate", view);
        }
        return;
    }
    let page = view.map_or_else(|| "index.html".to_owned(), |view| format!("index.html?view={view}"));
    let built = WebviewWindowBuilder::new(handle, MAIN, WebviewUrl::App(page.into()))
        .title("Codex Proxy")
        .inner_size(960.0, 640.0)
        .min_inner_size(720.0, 480.0)
        .build();
    match built {
        Ok(window) => {
            let handle = handle.clone();
            window.on_window_event(move |event| match event {
                WindowEvent::CloseRequested { api, .. } if before_closing(&handle) => api.prevent_close(),
                WindowEvent::Focused(true) => handle.state::<App>().look_again(),
                // The answer would have no reader.
                WindowEvent::Destroyed => {
                    if let Some(app) = handle.try_state::<App>() {
                        app.stop_prompt();
                    }
                }
                _ => {}
            });
        }
        Err(error) => tracing::error!(%error, "failed to create the window"),
    }
}

/// Closes the window as its close button does.
pub(crate) fn ask_to_close(handle: &AppHandle) {
    if let Some(window) = handle.get_webview_window(MAIN) {
        let _ = window.close();
    }
}

/// Closes the window if it is open.
pub(crate) fn close(handle: &AppHandle) {
    if let Some(window) = handle.get_webview_window(MAIN) {
        let _ = window.destroy();
    }
}

/// Whether to prevent closing: without a tray, the window asks once whether to keep running in the background.
fn before_closing(handle: &AppHandle) -> bool {
    let Some(app) = handle.try_state::<App>() else { return false };
    match app.runs_in_background() {
        Some(true) => false,
        Some(false) => {
            crate::quit(handle);
            false
        }
        None => handle.emit("close_asked", ()).is_ok(),
    }
}
