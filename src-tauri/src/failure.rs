//! A start that fails. The user who double-clicked the app sees no terminal, so a dialog says why.

use tauri::AppHandle;
use tauri_plugin_dialog::{DialogExt as _, MessageDialogKind};

const TITLE: &str = "Codex Proxy cannot start";

/// Fails if there is no display. Tauri would panic, and a dialog would wait forever.
pub(crate) fn find_display() -> Result<(), String> {
    #[cfg(target_os = "linux")]
    gtk::init().map_err(|_| {
        "no display found; start it in a desktop session, or use codex-proxyd instead".to_owned()
    })?;
    Ok(())
}

/// Prints the message and shows it until the user closes it. Not while the event loop runs.
pub(crate) fn show(message: &str) {
    eprintln!("codex-proxy: {message}");
    if find_display().is_ok() {
        show_dialog(message);
    }
}

/// GTK belongs to this thread once a display was looked for, and rfd would wait for it in another.
#[cfg(target_os = "linux")]
fn show_dialog(message: &str) {
    use gtk::prelude::{DialogExt as _, GtkWindowExt as _, MessageDialogExt as _};
    let (flags, kind, buttons) = (gtk::DialogFlags::MODAL, gtk::MessageType::Error, gtk::ButtonsType::Ok);
    let dialog = gtk::MessageDialog::new(None::<&gtk::Window>, flags, kind, buttons, TITLE);
    dialog.set_title(TITLE);
    dialog.set_secondary_text(Some(message));
    dialog.run();
}

#[cfg(not(target_os = "linux"))]
fn show_dialog(message: &str) {
    let dialog = rfd::MessageDialog::new().set_level(rfd::MessageLevel::Error);
    dialog.set_title(TITLE).set_description(message).show();
}

/// The same while the event loop runs, without blocking it; then the app exits.
pub(crate) fn show_and_exit(handle: &AppHandle, message: &str) {
    eprintln!("codex-proxy: {message}");
    let ending = handle.clone();
    let dialog = handle.dialog().message(message).title(TITLE).kind(MessageDialogKind::Error);
    dialog.show(move |_| ending.exit(1));
}
