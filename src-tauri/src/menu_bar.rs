//! The menu bar on macOS, which is there while the window is open.

use tauri::menu::{Menu, MenuEvent, MenuItem, MenuItemKind, PredefinedMenuItem};
use tauri::{AppHandle, Builder, Wry};

use crate::window;

/// Items of the menu bar.
const SETTINGS: &str = "menu-bar-settings";
const QUIT: &str = "menu-bar-quit";

/// Adds the menu bar. An app that starts hidden does not take the keyboard from the one in use.
pub(crate) fn prepare(builder: Builder<Wry>, hidden: bool) -> Builder<Wry> {
    builder.menu(menu_bar).on_menu_event(on_click).activate_ignoring_other_apps(!hidden)
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
