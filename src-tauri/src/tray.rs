//! The tray: an icon for each state, and a menu.

mod icons;
mod items;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use desktop::app::{App, TrayAction, TrayMenu};
use desktop::gateway::ProxyState;
use tauri::image::Image;
use tauri::menu::Menu;
use tauri::tray::{MouseButton, MouseButtonState, TrayIcon, TrayIconBuilder, TrayIconEvent};
use tauri::{AppHandle, Manager, Wry};
use tokio::sync::Notify;

use crate::{Quitting, window};
use items::Entry;

/// The shortest time between two updates of the menu.
const UPDATE_INTERVAL: Duration = Duration::from_millis(300);

/// The tray, once it is shown.
struct Tray {
    icon: TrayIcon,
    menu: Menu<Wry>,
    shown: Mutex<Shown>,
}

/// What it shows, to change nothing else.
struct Shown {
    menu: TrayMenu,
    entries: Vec<Entry>,
}

/// Asks for an update of the menu.
#[derive(Clone, Debug, Default)]
pub(crate) struct Updates(Arc<Notify>);

impl Updates {
    pub(crate) fn request(&self) {
        self.0.notify_one();
    }

    /// Starts the task that updates the menu, which ends with the app.
    pub(crate) fn follow(&self, handle: &AppHandle, app: &App) {
        let (requested, handle, app) = (Arc::clone(&self.0), handle.clone(), app.clone());
        tauri::async_runtime::spawn(async move {
            loop {
                requested.notified().await;
                let menu = app.tray_menu().await;
                let main = handle.clone();
                let posted = handle.run_on_main_thread(move || {
                    if !main.state::<Quitting>().has_begun() {
                        update(&main, menu);
                    }
                });
                if let Err(error) = posted {
                    tracing::debug!(%error, "failed to update the tray");
                }
                tokio::time::sleep(UPDATE_INTERVAL).await;
            }
        });
    }
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
    let build = || match handle.try_state::<Tray>() {
        Some(_) => Ok(()),
        None => build(handle, id),
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
    handle.state::<Updates>().request();
}

fn build(handle: &AppHandle, id: &str) -> tauri::Result<()> {
    let menu = Menu::new(handle)?;
    let shown = TrayMenu::default();
    let icon = TrayIconBuilder::with_id(id)
        .icon(image(handle, &shown)?)
        .icon_as_template(cfg!(target_os = "macos"))
        .menu(&menu)
        // On Windows, the left button opens the window and the right one the menu.
        .show_menu_on_left_click(!cfg!(windows))
        .on_tray_icon_event(|icon, event| {
            use {MouseButton::Left, MouseButtonState::Up, TrayIconEvent::Click};
            if cfg!(windows) && matches!(event, Click { button: Left, button_state: Up, .. }) {
                window::show(icon.app_handle(), None);
            }
        })
        .on_menu_event(|handle, event| on_click(handle, event.id().as_ref()))
        .build(handle)?;
    handle.manage(Tray { icon, menu, shown: Mutex::new(Shown { menu: shown, entries: Vec::new() }) });
    Ok(())
}

/// Shows that the app is quitting. On the main thread.
pub(crate) fn show_quitting(handle: &AppHandle) {
    update(handle, TrayMenu::quitting());
}

/// Updates what has changed: hosts close an open menu when items come or go.
fn update(handle: &AppHandle, menu: TrayMenu) {
    let Some(tray) = handle.try_state::<Tray>() else { return };
    let mut shown = tray.shown.lock().unwrap_or_else(PoisonError::into_inner);
    if shown.menu == menu {
        return;
    }
    let mut changed = || {
        if shown.menu.level != menu.level {
            tray.icon.set_icon_with_as_template(Some(image(handle, &menu)?), cfg!(target_os = "macos"))?;
        }
        if shown.menu.title() != menu.title() {
            tray.icon.set_tooltip(Some(menu.title()))?;
        }
        items::update(handle, &tray.menu, &mut shown.entries, &menu.items)
    };
    if let Err(error) = changed() {
        tracing::warn!(%error, "failed to update the tray");
    }
    shown.menu = menu;
}

fn image(handle: &AppHandle, menu: &TrayMenu) -> tauri::Result<Image<'static>> {
    let scale = handle.primary_monitor().ok().flatten().map_or(1.0, |monitor| monitor.scale_factor());
    icons::image(menu.level, scale)
}

fn on_click(handle: &AppHandle, id: &str) {
    let Some(app) = handle.try_state::<App>().map(|app| app.inner().clone()) else { return };
    let Some(tray) = handle.try_state::<Tray>() else { return };
    let action = {
        let shown = tray.shown.lock().unwrap_or_else(PoisonError::into_inner);
        items::action(&shown.menu.items, id)
    };
    tracing::debug!(?action, "clicked in the tray");
    let handle = handle.clone();
    match action {
        Some(TrayAction::CopyBaseUrl) => {
            if let Err(error) = crate::clipboard::copy(&handle, &app.overview().base_url) {
                tracing::warn!("{}", error.message);
            }
        }
        Some(TrayAction::Connect) => window::show(&handle, Some("connect")),
        Some(TrayAction::ShowRequest(_)) => window::show(&handle, Some("requests")),
        Some(TrayAction::Open) => window::show(&handle, None),
        Some(TrayAction::Settings) => window::show(&handle, Some("settings")),
        Some(TrayAction::Quit) => crate::quit(&handle),
        Some(TrayAction::Nothing(_)) | None => {}
        Some(action) => {
            tauri::async_runtime::spawn(async move { run(&handle, &app, action).await });
        }
    }
}

/// Does what takes time.
async fn run(handle: &AppHandle, app: &App, action: TrayAction) {
    match action {
        TrayAction::Fix(fix) => match app.apply_fix(fix).await {
            Ok(true) => {}
            Ok(false) => show_window(handle, window::view_of_fix(fix)),
            Err(error) => {
                tracing::warn!("{}", error.message);
                show_window(handle, "status");
            }
        },
        TrayAction::CopyKey(id) => {
            let copied = match app.key_secret(&id).await {
                Ok(key) => crate::clipboard::copy_secret(handle, key.reveal()),
                Err(error) => Err(error),
            };
            if let Err(error) = copied {
                tracing::warn!("{}", error.message);
                // It has room to say why.
                show_window(handle, "keys");
            }
        }
        TrayAction::Toggle if matches!(app.overview().proxy, ProxyState::Running { .. }) => app.stop().await,
        TrayAction::Toggle => app.start().await,
        TrayAction::RestartCodex => app.restart_codex().await,
        TrayAction::StartAtLogin => {
            // The error is in the log.
            let _ = crate::login::set(handle, app, !app.overview().starts_at_login).await;
            let main = handle.clone();
            // The click has changed the check mark.
            let _ = handle.run_on_main_thread(move || forget_check_marks(&main));
            handle.state::<Updates>().request();
        }
        _ => {}
    }
}

fn show_window(handle: &AppHandle, view: &'static str) {
    let main = handle.clone();
    if let Err(error) = handle.run_on_main_thread(move || window::show(&main, Some(view))) {
        tracing::debug!(%error, "failed to show the window");
    }
}

/// Sets all check marks again at the next update.
fn forget_check_marks(handle: &AppHandle) {
    let Some(tray) = handle.try_state::<Tray>() else { return };
    let mut shown = tray.shown.lock().unwrap_or_else(PoisonError::into_inner);
    shown.menu = TrayMenu { level: shown.menu.level, items: Vec::new() };
    shown.entries.iter_mut().for_each(Entry::forget_check_mark);
}
