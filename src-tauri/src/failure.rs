//! A start that fails. The user who double-clicked the app sees no terminal, so a dialog says why.

use desktop::app::App;
use tauri::{AppHandle, Manager as _};
use tauri_plugin_dialog::{DialogExt as _, MessageDialogButtons, MessageDialogKind};

const TITLE: &str = "Codex Proxy cannot start";

/// Windows 11 includes it, and our installer installs it; a copied program may be without it.
const NO_WEB_VIEW: &str = "The proxy is running, but its window needs the Microsoft Edge WebView2 Runtime, which is not installed.\n\n\
    Get the Evergreen Bootstrapper from Microsoft's page, or run `winget install Microsoft.EdgeWebView2Runtime` in a \
    terminal. Then open the window again from the tray.";

/// Where Microsoft offers it.
const WEB_VIEW_PAGE: &str = "https://developer.microsoft.com/microsoft-edge/webview2/";

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

/// Prints the help, the version or what is wrong with the arguments, and exits.
pub(crate) fn show_usage(usage: &clap::Error) -> ! {
    // A Windows app has no console, even when started from one, but its output may go to a file or a pipe.
    #[cfg(windows)]
    if std::os::windows::io::AsRawHandle::as_raw_handle(&std::io::stdout()).is_null() {
        let level = if usage.use_stderr() { rfd::MessageLevel::Error } else { rfd::MessageLevel::Info };
        let dialog = rfd::MessageDialog::new().set_level(level).set_title("Codex Proxy");
        dialog.set_description(usage.to_string()).show();
        std::process::exit(usage.exit_code());
    }
    usage.exit()
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

/// Says what the window lacks, if it can be installed. The proxy and the tray run without it.
pub(crate) fn explain_missing_window(handle: &AppHandle) {
    if !cfg!(windows) || tauri::webview_version().is_ok() {
        return;
    }
    let buttons = MessageDialogButtons::OkCancelCustom("Get WebView2".to_owned(), "Not now".to_owned());
    let dialog = handle.dialog().message(NO_WEB_VIEW).title("Codex Proxy has no window").buttons(buttons);
    let environment = handle.try_state::<App>().map(|app| app.environment().clone()).unwrap_or_default();
    dialog.kind(MessageDialogKind::Warning).show(move |wants_it| {
        if wants_it && let Err(error) = crate::opener::open(WEB_VIEW_PAGE, &environment) {
            tracing::warn!(%error, "failed to open {WEB_VIEW_PAGE}");
        }
    });
}

/// The same while the event loop runs, without blocking it; then the app exits.
pub(crate) fn show_and_exit(handle: &AppHandle, message: &str) {
    eprintln!("codex-proxy: {message}");
    let ending = handle.clone();
    let dialog = handle.dialog().message(message).title(TITLE).kind(MessageDialogKind::Error);
    dialog.show(move |_| ending.exit(1));
}
