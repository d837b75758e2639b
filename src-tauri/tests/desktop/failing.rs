//! Starts that fail.

use crate::session::{Kill, Session, USUAL, eventually};

/// The title of the dialog.
const CANNOT_START: &str = "Codex Proxy cannot start";

/// Waits for the dialog, closes it, and returns the app's exit code.
async fn exit_code_after_the_dialog(session: &Session, mut app: Kill) -> Option<i32> {
    let screen = session.screen().with_title(CANNOT_START);
    screen.shows_window().await;
    assert!(app.0.try_wait().unwrap().is_none(), "it waits for the user");
    screen.close_window();
    app.ends().await;
    app.0.wait().unwrap().code()
}

#[tokio::test]
#[ignore = "needs Xvfb: cargo xtask test"]
async fn a_data_folder_that_cannot_be_used_is_shown_in_a_dialog() {
    let session = Session::start(USUAL).await;
    let file = session.home.path().join("file");
    std::fs::write(&file, "").unwrap();
    let app = session.app(&["--data-dir", &file.join("data").display().to_string()]);
    assert_eq!(exit_code_after_the_dialog(&session, app).await, Some(1));
}

#[tokio::test]
#[ignore = "needs Xvfb: cargo xtask test"]
async fn a_data_folder_that_another_app_keeps_is_shown_in_a_dialog() {
    let session = Session::start(USUAL).await;
    let other = std::fs::File::create(session.data().join("running.lock")).unwrap();
    other.try_lock().unwrap();
    let app = session.app(&["--hidden"]);
    assert_eq!(exit_code_after_the_dialog(&session, app).await, Some(1));
    eventually("nothing is left", || async { session.processes_of_app().is_empty() }).await;
}

#[tokio::test]
#[ignore = "needs Xvfb: cargo xtask test"]
async fn without_a_display_a_failed_start_is_only_printed() {
    for display in ["", ":65000"] {
        let session = Session::start_with(USUAL, &[("DISPLAY", display)]).await;
        let file = session.home.path().join("file");
        std::fs::write(&file, "").unwrap();
        let folder = file.join("data").display().to_string();
        for (args, expected) in [(&["--data-dir", &folder][..], folder.as_str()), (&[], "no display")] {
            let (succeeded, output) = session.run(env!("CARGO_BIN_EXE_codex-proxy"), args).await;
            assert!(!succeeded && output.contains(expected) && !output.contains("panicked"), "{output}");
        }
    }
}
