//! The tray: an icon with three states, and a menu.

use desktop::app::App;
use desktop::app::Overview;
use desktop::gateway::ProxyState;
use proxy::health::Level;
use tauri::image::Image;
use tauri::menu::{CheckMenuItem, Menu, MenuItem, PredefinedMenuItem};
use tauri::tray::{TrayIcon, TrayIconBuilder};
use tauri::{AppHandle, Manager, Wry, include_image};

use crate::window;

const RUNNING: Image<'_> = include_image!("icons/tray/running.png");
const STOPPED: Image<'_> = include_image!("icons/tray/stopped.png");
const NEEDS_ATTENTION: Image<'_> = include_image!("icons/tray/needs-you.png");

/// The menu items that change.
struct Items {
    tray: TrayIcon,
    status: MenuItem<Wry>,
    running: CheckMenuItem<Wry>,
    at_login: CheckMenuItem<Wry>,
}

/// Shows or forgets the icon, after a host for it has come or gone. An icon registers itself again with a new host.
pub(crate) fn host_changed(handle: &AppHandle, app: &App, id: &str, has_host: bool) {
    let (main, app, id) = (handle.clone(), app.clone(), id.to_owned());
    let posted = handle.run_on_main_thread(move || {
        if has_host {
            show(&main, &app, &id);
        } else {
            app.set_has_tray(false);
        }
    });
    if let Err(error) = posted {
        tracing::debug!(%error, "failed to update the tray");
    }
}

/// Shows the icon if it is not there yet. On the main thread.
pub(crate) fn show(handle: &AppHandle, app: &App, id: &str) {
    // Without libayatana-appindicator, the library below panics.
    let build = || match handle.try_state::<Items>() {
        Some(_) => Ok(()),
        None => build(handle, app, id),
    };
    let shown = match std::panic::catch_unwind(std::panic::AssertUnwindSafe(build)) {
        Ok(Ok(())) => true,
        Ok(Err(error)) => {
            tracing::warn!(%error, "no tray icon");
            false
        }
        Err(_) => {
            tracing::warn!("no tray icon; install libayatana-appindicator (libayatana-appindicator3-1)");
            false
        }
    };
    app.set_has_tray(shown);
}

fn build(handle: &AppHandle, app: &App, id: &str) -> tauri::Result<()> {
    let overview = app.overview();
    let item = |id, label: &str, enabled| MenuItem::with_id(handle, id, label, enabled, None::<&str>);
    let toggle = |id, label, on| CheckMenuItem::with_id(handle, id, label, true, on, None::<&str>);
    let status = item("status", &status_line(&overview), false)?;
    let running = toggle("running", "Run the proxy", is_on(&overview))?;
    let at_login = toggle("at_login", "Start at login", overview.starts_at_login)?;
    let menu = Menu::with_items(
        handle,
        &[
            &status,
            &PredefinedMenuItem::separator(handle)?,
            &running,
            &item("copy", "Copy base URL", true)?,
            &item("open", "Open Codex Proxy", true)?,
            &PredefinedMenuItem::separator(handle)?,
            &at_login,
            &item("quit", "Quit", true)?,
        ],
    )?;
    let tray = TrayIconBuilder::with_id(id)
        .icon(icon(&overview))
        .tooltip("Codex Proxy")
        .menu(&menu)
        .on_menu_event(|handle, event| on_click(handle, event.id().as_ref()))
        .build(handle)?;
    handle.manage(Items { tray, status, running, at_login });
    Ok(())
}

/// Updates the icon and the menu.
pub(crate) fn update(handle: &AppHandle, overview: &Overview) {
    let Some(items) = handle.try_state::<Items>() else { return };
    let shown = items
        .tray
        .set_icon(Some(icon(overview)))
        .and_then(|()| items.status.set_text(status_line(overview)))
        .and_then(|()| items.running.set_checked(is_on(overview)))
        .and_then(|()| items.at_login.set_checked(overview.starts_at_login));
    if let Err(error) = shown {
        tracing::warn!(%error, "failed to update the tray");
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
            if let Err(error) = crate::clipboard::copy(handle, &app.overview().base_url) {
                tracing::warn!("{}", error.message);
            }
        }
        "open" => window::show(handle, None),
        "at_login" => {
            let handle = handle.clone();
            tauri::async_runtime::spawn(async move {
                // The error is in the log. The update resets the check mark, which the click has changed.
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
    match overview.health.level {
        Level::Off => STOPPED,
        Level::Ok | Level::Working => RUNNING,
        Level::Asking | Level::Attention | Level::Blocked => NEEDS_ATTENTION,
    }
}

/// The state in one line.
fn status_line(overview: &Overview) -> String {
    let title = &overview.health.title;
    match traffic(overview).filter(|_| overview.health.level == Level::Ok) {
        Some(traffic) => format!("{title} · {traffic}"),
        None => title.clone(),
    }
}

/// Running and queued requests, if any.
fn traffic(Overview { answering, waiting, .. }: &Overview) -> Option<String> {
    match (*answering, *waiting) {
        (0, 0) => None,
        (answering, 0) => Some(format!("{answering} running")),
        (0, waiting) => Some(format!("{waiting} queued")),
        (answering, waiting) => Some(format!("{answering} running, {waiting} queued")),
    }
}
