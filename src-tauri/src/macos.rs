//! What the app asks of macOS beyond what Tauri does by itself. docs/macos.md has the reasons and sources.

use std::sync::atomic::{AtomicIsize, Ordering};

use objc2_app_kit::NSPasteboard;
use objc2_foundation::{NSActivityOptions, NSProcessInfo, NSString};
use tauri::menu::{Menu, MenuEvent, MenuItem, MenuItemKind, PredefinedMenuItem};
use tauri::{ActivationPolicy, AppHandle, Builder, Wry};

use crate::window;

/// Items of the menu bar.
const SETTINGS: &str = "menu-bar-settings";
const QUIT: &str = "menu-bar-quit";

/// The pasteboard's count of changes after our last secret.
static SECRET_WRITTEN: AtomicIsize = AtomicIsize::new(-1);

/// Adds the menu bar. An app that starts hidden does not take the keyboard from the one in use.
pub(crate) fn prepare(builder: Builder<Wry>, hidden: bool) -> Builder<Wry> {
    builder.menu(menu_bar).on_menu_event(on_click).activate_ignoring_other_apps(!hidden)
}

/// Keeps the app out of the Dock until its window opens, and awake.
pub(crate) fn start(app: &mut tauri::App) {
    app.set_activation_policy(ActivationPolicy::Accessory);
    // App Nap would delay answers while no window is open. The Mac may still sleep.
    let reason = NSString::from_str("Answers requests of other programs");
    let options = NSActivityOptions::UserInitiatedAllowingIdleSystemSleep;
    // It ends with the process.
    std::mem::forget(NSProcessInfo::processInfo().beginActivityWithOptions_reason(options, &reason));
}

/// While the window is open, the app has a Dock icon, a place in the app switcher and the menu bar.
pub(crate) fn window_is_open(handle: &AppHandle, open: bool) {
    let policy = if open { ActivationPolicy::Regular } else { ActivationPolicy::Accessory };
    if let Err(error) = handle.set_activation_policy(policy) {
        tracing::debug!(%error, "failed to change the Dock icon");
    }
}

/// Tauri's menu bar, with the settings, and a Quit that lets answers finish: the system's ends the app in the middle of its
/// event loop, with the window frozen until it is done.
fn menu_bar(handle: &AppHandle) -> tauri::Result<Menu<Wry>> {
    let menu = Menu::default(handle)?;
    let items = menu.items()?;
    if let Some(app) = items.first().and_then(MenuItemKind::as_submenu) {
        let settings = MenuItem::with_id(handle, SETTINGS, "Settings…", true, Some("CmdOrCtrl+,"))?;
        app.insert_items(&[&settings, &PredefinedMenuItem::separator(handle)?], 2)?;
        let last = app.items()?.len().saturating_sub(1);
        app.remove_at(last)?;
        app.append(&MenuItem::with_id(handle, QUIT, "Quit Codex Proxy", true, Some("CmdOrCtrl+Q"))?)?;
    }
    Ok(menu)
}

#[expect(clippy::needless_pass_by_value, reason = "Tauri hands it over")]
fn on_click(handle: &AppHandle, event: MenuEvent) {
    match event.id().as_ref() {
        SETTINGS => window::show(handle, Some("settings")),
        QUIT => crate::quit(handle),
        _ => {}
    }
}

/// Remembers that a secret of ours was written to the pasteboard just now.
pub(crate) fn secret_was_copied() {
    SECRET_WRITTEN.store(NSPasteboard::generalPasteboard().changeCount(), Ordering::Release);
}

/// Whether the pasteboard still has it. Reading what another app has copied would make macOS ask the user.
pub(crate) fn has_our_secret() -> bool {
    NSPasteboard::generalPasteboard().changeCount() == SECRET_WRITTEN.load(Ordering::Acquire)
}
