//! Shows notices as notifications of the system.

#[cfg(windows)]
use std::path::Path;

use desktop::app::Notice;
use tauri::AppHandle;
use tauri_plugin_notification::{Action, ActionType, NotificationExt as _};

use crate::window;

/// The buttons of the notice at the first close.
const CLOSED: &str = "closed";

/// The button that quits instead.
const QUIT: &str = "quit";

/// The button of the notice about changed files.
const CHANGED: &str = "changed";

/// The button that opens the question whether to undo them.
const UNDO: &str = "undo";

/// The place in the window that a notification is about.
const PLACE: &str = "place";

/// Registers the buttons, and what a click on a notification does.
pub(crate) fn listen(handle: &AppHandle) {
    let quit = Action::builder(QUIT, "Quit instead").build();
    let closed = ActionType::builder(CLOSED).actions(vec![quit]).build();
    let undo = Action::builder(UNDO, "Undo…").build();
    let changed = ActionType::builder(CHANGED).actions(vec![undo]).build();
    let clicked = handle.clone();
    let notifications = handle.notification();
    let registered = notifications.register_action_types(vec![closed, changed]).and_then(|()| {
        notifications.on_action(move |performed| {
            let (main, action) = (clicked.clone(), performed.action_id().to_owned());
            let extra = performed.notification().and_then(|shown| shown.extra().get(PLACE)?.as_str());
            let place = extra.map(|place| match action.as_str() {
                UNDO => format!("{place}/undo"),
                _ => place.to_owned(),
            });
            let posted = clicked.run_on_main_thread(move || match action.as_str() {
                QUIT => crate::quit(&main),
                _ => window::show(&main, place.as_deref()),
            });
            if let Err(error) = posted {
                tracing::debug!(%error, "failed to follow a notification");
            }
        })
    });
    if let Err(error) = registered {
        tracing::warn!(%error, "notifications have no buttons");
    }
}

/// Makes the app known to Windows, which shows no notification of an unknown one. Our installers do so by their shortcut, which a
/// copied program and a second data folder lack.
#[cfg(windows)]
pub(crate) fn register(id: &str, name: &str, data_dir: &Path) -> std::io::Result<()> {
    let icon = data_dir.join("icon.png");
    std::fs::write(&icon, include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/icons/128x128.png")))?;
    let key = windows_registry::CURRENT_USER.create(format!(r"Software\Classes\AppUserModelId\{id}"))?;
    key.set_string("DisplayName", name)?;
    key.set_string("IconUri", icon.to_string_lossy())?;
    Ok(())
}

/// Shows the notice. Without a notification service, nothing happens.
pub(crate) fn show(handle: &AppHandle, notice: &Notice) {
    let mut notification = handle.notification().builder().title(notice.title()).body(notice.body());
    match notice {
        Notice::StaysInTray => notification = notification.action_type_id(CLOSED),
        Notice::Asks { .. } => notification = notification.extra(PLACE, "approvals"),
        Notice::FilesChanged { request, .. } => {
            notification = notification.action_type_id(CHANGED).extra(PLACE, format!("requests/{request}"));
        }
        _ => {}
    }
    if let Err(error) = notification.show() {
        tracing::warn!(%error, "failed to show a notification");
    }
}

#[cfg(all(test, windows))]
mod tests {
    use super::*;

    #[test]
    fn windows_knows_the_apps_name_and_icon() {
        let folder = tempfile::tempdir().unwrap();
        let id = format!("io.github.codex-proxy.test{}", std::process::id());
        register(&id, "Codex Proxy", folder.path()).unwrap();
        let ids = windows_registry::CURRENT_USER.create(r"Software\Classes\AppUserModelId").unwrap();
        let key = ids.open(&id).unwrap();
        assert_eq!(key.get_string("DisplayName").unwrap(), "Codex Proxy");
        assert!(Path::new(&key.get_string("IconUri").unwrap()).is_file());
        ids.remove_tree(&id).unwrap();
    }
}
