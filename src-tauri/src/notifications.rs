//! Shows notices as notifications of the system.

use desktop::app::{App, Notice};
use tauri::{AppHandle, Manager as _};
use tauri_plugin_notification::{Action, ActionType, NotificationExt as _};

use crate::window;

/// The buttons of the notice at the first close.
const CLOSED: &str = "closed";

/// The button that quits instead.
const QUIT: &str = "quit";

/// Registers the buttons, and what a click on a notification does.
pub(crate) fn listen(handle: &AppHandle) {
    let quit = Action::builder(QUIT, "Quit instead").build();
    let closed = ActionType::builder(CLOSED).actions(vec![quit]).build();
    let clicked = handle.clone();
    let notifications = handle.notification();
    let registered = notifications.register_action_types(vec![closed]).and_then(|()| {
        notifications.on_action(move |performed| {
            let (main, quits) = (clicked.clone(), performed.action_id() == QUIT);
            let posted = clicked.run_on_main_thread(move || {
                if quits { crate::quit(&main) } else { window::show(&main, waiting_view(&main)) }
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

/// What a click opens: the question that waits, if one does.
fn waiting_view(handle: &AppHandle) -> Option<&'static str> {
    let app = handle.try_state::<App>()?;
    (!app.overview().approvals.is_empty()).then_some("approvals")
}

/// Shows the notice. Without a notification service, nothing happens.
pub(crate) fn show(handle: &AppHandle, notice: &Notice) {
    let mut notification = handle.notification().builder().title(notice.title()).body(notice.body());
    if matches!(notice, Notice::StaysInTray) {
        notification = notification.action_type_id(CLOSED);
    }
    if let Err(error) = notification.show() {
        tracing::warn!(%error, "failed to show a notification");
    }
}
