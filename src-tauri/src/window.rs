//! The window: made when it is shown, gone with its webview when it is closed.

use desktop::app::App;
use tauri::{AppHandle, Emitter, Manager, WebviewUrl, WebviewWindowBuilder, WindowEvent};

/// The window's label, which the capability names.
const MAIN: &str = "main";

/// Shows the window, at a view if one is named, and makes it if it is not there.
pub(crate) fn show(handle: &AppHandle, view: Option<&str>) {
    if let Some(window) = handle.get_webview_window(MAIN) {
        let shown = window.unminimize().and_then(|()| window.show()).and_then(|()| window.set_focus());
        if let Err(error) = shown {
            tracing::warn!(%error, "the window could not be brought to the front");
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
            window.on_window_event(move |event| {
                if let WindowEvent::CloseRequested { api, .. } = event
                    && before_closing(&handle)
                {
                    api.prevent_close();
                }
            });
        }
        Err(error) => tracing::error!(%error, "the window could not be made"),
    }
}

/// Closes the window, if it is open.
pub(crate) fn close(handle: &AppHandle) {
    if let Some(window) = handle.get_webview_window(MAIN) {
        let _ = window.destroy();
    }
}

/// Whether the window stays for now: without a tray it asks once whether to go on in the background.
fn before_closing(handle: &AppHandle) -> bool {
    let Some(app) = handle.try_state::<App>() else { return false };
    match app.goes_on_in_background() {
        Some(true) => false,
        Some(false) => {
            crate::quit(handle);
            false
        }
        None => handle.emit("close_asked", ()).is_ok(),
    }
}
