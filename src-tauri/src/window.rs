//! The window, created when shown and destroyed with its webview when closed.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use desktop::app::App;
use proxy::health::FixAction;
use tauri::window::Color;
use tauri::{
    AppHandle, DragDropEvent, Emitter, Manager, Theme, WebviewUrl, WebviewWindow, WebviewWindowBuilder,
    WindowEvent,
};

use crate::failure;
use crate::web_view_memory;
use crate::window_size::{MIN, Size};

/// The window's label, as in the capability file.
const MAIN: &str = "main";

/// A window that has not painted by then is shown all the same.
const PAINT_TIMEOUT: Duration = Duration::from_secs(3);

/// How long a web view takes to end.
const CLOSE_TIME: Duration = Duration::from_secs(2);

/// The window's background in `tokens.css`, for the time before its page is painted.
const LIGHT: Color = Color(0xf6, 0xf6, 0xf7, 0xff);
const DARK: Color = Color(0x17, 0x18, 0x1b, 0xff);

/// The window's size, which outlives it.
#[derive(Debug)]
pub(crate) struct State {
    data_dir: PathBuf,
    size: Mutex<Size>,
}

impl State {
    /// With the saved size.
    pub(crate) fn new(data_dir: &Path) -> Self {
        Self { data_dir: data_dir.to_owned(), size: Mutex::new(Size::load(data_dir)) }
    }

    fn size(&self) -> Size {
        *self.size.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set_size(&self, size: Size) {
        *self.size.lock().unwrap_or_else(PoisonError::into_inner) = size;
    }
}

/// The view in which the user can apply the fix.
pub(crate) fn view_of_fix(fix: FixAction) -> &'static str {
    match fix {
        FixAction::OpenNetworkSettings => "settings",
        FixAction::ShowApprovals => "approvals",
        _ => "status",
    }
}

/// Shows the window, optionally at a view, and creates it if needed.
pub(crate) fn show(handle: &AppHandle, view: Option<&str>) {
    if handle.try_state::<App>().is_none() {
        // A dialog says why the app did not start.
        return;
    }
    #[cfg(target_os = "macos")]
    crate::macos::window_is_open(handle, true);
    if let Some(window) = handle.get_webview_window(MAIN) {
        bring_to_front(&window);
        if let Some(view) = view {
            let _ = window.emit("navigate", view);
        }
        return;
    }
    let page = view.map_or_else(|| "index.html".to_owned(), |view| format!("index.html?view={view}"));
    let size = handle.state::<State>().size();
    let mut builder = WebviewWindowBuilder::new(handle, MAIN, WebviewUrl::App(page.into()));
    if cfg!(windows) {
        // With the other data, instead of in a folder for each identifier.
        builder = builder.data_directory(handle.state::<State>().data_dir.join("webview"));
    }
    let built = builder
        .title("Codex Proxy")
        .inner_size(size.width, size.height)
        .min_inner_size(MIN.width, MIN.height)
        // Until its page is painted.
        .visible(false)
        .build();
    match built {
        Ok(window) => prepare(handle, &window),
        Err(error) => {
            tracing::error!(%error, "failed to create the window");
            failure::explain_missing_window(handle);
        }
    }
}

/// Closes the window as its close button does.
pub(crate) fn ask_to_close(handle: &AppHandle) {
    if let Some(window) = handle.get_webview_window(MAIN) {
        let _ = window.close();
    }
}

fn prepare(handle: &AppHandle, window: &WebviewWindow) {
    let dark = matches!(window.theme(), Ok(Theme::Dark));
    if let Err(error) = window.set_background_color(Some(if dark { DARK } else { LIGHT })) {
        tracing::debug!(%error, "failed to set the window's background");
    }
    let (handle, changed) = (handle.clone(), window.clone());
    let painted = window.clone();
    window.on_window_event(move |event| match event {
        WindowEvent::CloseRequested { api, .. } if before_closing(&handle) => api.prevent_close(),
        WindowEvent::DragDrop(drag) => {
            let sent = match drag {
                DragDropEvent::Enter { .. } => changed.emit("drag", true),
                DragDropEvent::Leave => changed.emit("drag", false),
                DragDropEvent::Drop { paths, .. } => {
                    changed.emit("folder_dropped", paths.iter().find(|path| path.is_dir()))
                }
                _ => Ok(()),
            };
            if let Err(error) = sent {
                tracing::debug!(%error, "failed to send a drag to the window");
            }
        }
        WindowEvent::Focused(true) => handle.state::<App>().look_again(),
        WindowEvent::Resized(physical) => {
            let is_full = changed.is_maximized().unwrap_or(false) || changed.is_fullscreen().unwrap_or(false);
            if !is_full
                && physical.width > 0
                && let Ok(scale) = changed.scale_factor()
            {
                handle.state::<State>().set_size(Size::of(*physical, scale));
            }
        }
        WindowEvent::Destroyed => {
            let state = handle.state::<State>();
            state.size().save(&state.data_dir);
            #[cfg(target_os = "macos")]
            crate::macos::window_is_open(&handle, false);
            free_memory(&handle);
            // The answer would have no reader.
            if let Some(app) = handle.try_state::<App>() {
                app.stop_prompt();
            }
        }
        _ => {}
    });
    tauri::async_runtime::spawn(async move {
        tokio::time::sleep(PAINT_TIMEOUT).await;
        if matches!(painted.is_visible(), Ok(false)) {
            tracing::warn!("the window's page is slow to paint");
            bring_to_front(&painted);
        }
    });
}

/// Frees what the web view leaves behind, once it is gone.
fn free_memory(handle: &AppHandle) {
    let handle = handle.clone();
    tauri::async_runtime::spawn(async move {
        tokio::time::sleep(CLOSE_TIME).await;
        let main = handle.clone();
        let _ = handle.run_on_main_thread(move || web_view_memory::free(&main));
    });
}

/// Shows the window once its page is painted.
pub(crate) fn show_painted(handle: &AppHandle) {
    if let Some(window) =
        handle.get_webview_window(MAIN).filter(|window| matches!(window.is_visible(), Ok(false)))
    {
        bring_to_front(&window);
    }
}

fn bring_to_front(window: &WebviewWindow) {
    let shown = window.unminimize().and_then(|()| window.show()).and_then(|()| window.set_focus());
    if let Err(error) = shown {
        tracing::warn!(%error, "failed to bring the window to the front");
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
    let Some(app) = handle.try_state::<App>().map(|app| app.inner().clone()) else { return false };
    match app.runs_in_background() {
        Some(true) => {
            tauri::async_runtime::spawn(async move { app.window_closed().await });
            false
        }
        Some(false) => {
            crate::quit(handle);
            false
        }
        None => handle.emit("close_asked", ()).is_ok(),
    }
}
