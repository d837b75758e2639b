//! The tray's status and menu.

use crate::session::{Session, USUAL, eventually};
use crate::tray::TrayHost;

async fn shows(tray: &TrayHost, text: &str) {
    eventually(text, || async { tray.entries().await.iter().any(|entry| entry.label.contains(text)) }).await;
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn the_tray_shows_running_stopped_and_needs_attention() {
    let session = Session::start(USUAL).await;
    let other = std::net::TcpListener::bind(("127.0.0.1", session.port)).unwrap();
    let _app = session.app(&["--hidden"]);
    let tray = session.tray.as_ref().unwrap();
    shows(tray, "is in use by another program").await;
    let needs_attention = tray.icon().await;
    assert!(!tray.is_checked("Run the proxy").await);

    drop(other);
    tray.click("Run the proxy").await;
    shows(tray, "Running on port").await;
    let running = tray.icon().await;
    tray.click("Run the proxy").await;
    shows(tray, "Stopped").await;
    let stopped = tray.icon().await;
    assert!(
        !running.is_empty() && running != stopped && stopped != needs_attention && needs_attention != running
    );
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn the_tray_copies_the_base_url() {
    let session = Session::start(USUAL).await;
    let _app = session.app(&["--hidden"]);
    let (screen, tray) = (session.screen(), session.tray.as_ref().unwrap());
    shows(tray, "Running on port").await;
    tray.click("Copy base URL").await;
    let wanted = format!("http://127.0.0.1:{}/v1", session.port);
    eventually("it is on the clipboard", || async { screen.pasted().await.as_ref() == Some(&wanted) }).await;
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn the_window_and_the_tray_show_each_others_start_and_stop() {
    let session = Session::start(USUAL).await;
    let window = crate::driver::Window::open(&session).await;
    let tray = session.tray.as_ref().unwrap();
    window.find("//h1[contains(., 'Running')]").await;
    tray.click("Run the proxy").await;
    window.find("//h1[contains(., 'Stopped')]").await;
    window.picture("stopped").await;
    window.click("//*[@role='switch'][@aria-label='Run the proxy']").await;
    window.find("//h1[contains(., 'Running')]").await;
    eventually("the tray shows it", || tray.is_checked("Run the proxy")).await;
    assert!(session.answers().await);
}
