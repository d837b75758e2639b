//! The tray: an icon with three states, and a menu.

use desktop::app::App;
use desktop::app::Overview;
use desktop::gateway::ProxyState;
use tauri::image::Image;
use tauri::menu::{CheckMenuItem, Menu, MenuItem, PredefinedMenuItem};
use tauri::tray::TrayIconBuilder;
use tauri::{AppHandle, Manager, Wry, include_image};
use tauri_plugin_clipboard_manager::ClipboardExt as _;

use crate::window;

const RUNNING: Image<'_> = include_image!("icons/tray/running.png");
const STOPPED: Image<'_> = include_image!("icons/tray/stopped.png");
const NEEDS_YOU: Image<'_> = include_image!("icons/tray/needs-you.png");

/// The id of the icon and of its menu's items.
const ID: &str = "codex-proxy";

/// The items that change.
struct Items {
    status: MenuItem<Wry>,
    running: CheckMenuItem<Wry>,
    at_login: CheckMenuItem<Wry>,
}

/// Puts the icon into the tray.
pub(crate) fn build(handle: &AppHandle, app: &App) -> tauri::Result<()> {
    let overview = app.overview();
    let items = Items {
        status: MenuItem::with_id(handle, "status", status_line(&overview), false, None::<&str>)?,
        running: CheckMenuItem::with_id(handle, "running", "Running", true, is_on(&overview), None::<&str>)?,
        at_login: CheckMenuItem::with_id(
            handle,
            "at_login",
            "Start at login",
            true,
            overview.starts_at_login,
            None::<&str>,
        )?,
    };
    let menu = Menu::with_items(
        handle,
        &[
            &items.status,
            &PredefinedMenuItem::separator(handle)?,
            &items.running,
            &MenuItem::with_id(handle, "copy", "Copy base URL", true, None::<&str>)?,
            &MenuItem::with_id(handle, "open", "Open", true, None::<&str>)?,
            &PredefinedMenuItem::separator(handle)?,
            &items.at_login,
            &MenuItem::with_id(handle, "quit", "Quit", true, None::<&str>)?,
        ],
    )?;
    handle.manage(items);
    TrayIconBuilder::with_id(ID)
        .icon(icon(&overview))
        .tooltip("Codex Proxy")
        .menu(&menu)
        .on_menu_event(|handle, event| on_click(handle, event.id().as_ref()))
        .build(handle)?;
    Ok(())
}

/// Shows how things are now.
pub(crate) fn update(handle: &AppHandle, overview: &Overview) {
    let (Some(tray), Some(items)) = (handle.tray_by_id(ID), handle.try_state::<Items>()) else { return };
    let shown = tray
        .set_icon(Some(icon(overview)))
        .and_then(|()| items.status.set_text(status_line(overview)))
        .and_then(|()| items.running.set_checked(is_on(overview)))
        .and_then(|()| items.at_login.set_checked(overview.starts_at_login));
    if let Err(error) = shown {
        tracing::warn!(%error, "the tray could not be changed");
    }
}

fn on_click(handle: &AppHandle, item: &str) {
    let Some(app) = handle.try_state::<App>().map(|app| app.inner().clone()) else { return };
    tracing::debug!(item, "clicked in the tray");
    match item {
        "running" => {
            let on = is_on(&app.overview());
            tauri::async_runtime::spawn(async move { if on { app.stop().await } else { app.start().await } });
        }
        "copy" => {
            if let Err(error) = handle.clipboard().write_text(app.overview().base_url.clone()) {
                tracing::warn!(%error, "the clipboard could not be written");
            }
        }
        "open" => window::show(handle, None),
        "at_login" => {
            let handle = handle.clone();
            tauri::async_runtime::spawn(async move {
                // What went wrong is in the log; the check mark, which a click moves by itself, goes back.
                let _ = crate::login::set(&handle, &app, !app.overview().starts_at_login).await;
                update(&handle, &app.overview());
            });
        }
        "quit" => crate::quit(handle),
        _ => {}
    }
}

fn is_on(overview: &Overview) -> bool {
    matches!(overview.proxy, ProxyState::Running { .. })
}

fn icon(overview: &Overview) -> Image<'static> {
    match (&overview.proxy, &overview.problem) {
        (ProxyState::Stopped | ProxyState::Stopping, _) => STOPPED,
        (_, Some(_)) => NEEDS_YOU,
        _ => RUNNING,
    }
}

/// One line that says it all.
fn status_line(overview: &Overview) -> String {
    match (&overview.proxy, &overview.problem) {
        (ProxyState::Stopped, _) => "Codex Proxy is stopped".to_owned(),
        (ProxyState::Stopping, _) => "Codex Proxy is stopping…".to_owned(),
        (_, Some(problem)) => problem.message.clone(),
        _ => match traffic(overview) {
            Some(traffic) => format!("Codex Proxy is running · {traffic}"),
            None => "Codex Proxy is running".to_owned(),
        },
    }
}

/// How many are answered and wait now, where there are any.
fn traffic(Overview { answering, waiting, .. }: &Overview) -> Option<String> {
    match (*answering, *waiting) {
        (0, 0) => None,
        (answering, 0) => Some(format!("{answering} answering")),
        (0, waiting) => Some(format!("{waiting} waiting")),
        (answering, waiting) => Some(format!("{answering} answering, {waiting} waiting")),
    }
}
