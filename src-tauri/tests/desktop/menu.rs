//! What the tray says and does.

use crate::session::{Session, USUAL, eventually};
use crate::tray::TrayHost;

async fn says(tray: &TrayHost, words: &str) {
    eventually(words, || async { tray.entries().await.iter().any(|entry| entry.label.contains(words)) })
        .await;
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn the_tray_shows_whether_it_runs_stands_or_needs_somebody() {
    let session = Session::start(USUAL).await;
    let other = std::net::TcpListener::bind(("127.0.0.1", session.port)).unwrap();
    let _app = session.app(&["--hidden"]);
    let tray = session.tray.as_ref().unwrap();
    says(tray, "is taken by another program").await;
    let needs_you = tray.icon().await;
    assert!(!tray.is_checked("Running").await);

    drop(other);
    tray.click("Running").await;
    says(tray, "Codex Proxy is running").await;
    let running = tray.icon().await;
    tray.click("Running").await;
    says(tray, "Codex Proxy is stopped").await;
    let stopped = tray.icon().await;
    assert!(!running.is_empty() && running != stopped && stopped != needs_you && needs_you != running);
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn the_tray_copies_the_base_url() {
    let session = Session::start(USUAL).await;
    let _app = session.app(&["--hidden"]);
    let (screen, tray) = (session.screen(), session.tray.as_ref().unwrap());
    says(tray, "Codex Proxy is running").await;
    tray.click("Copy base URL").await;
    let wanted = format!("http://127.0.0.1:{}/v1", session.port);
    eventually("it is on the clipboard", || async { screen.pasted().await.as_ref() == Some(&wanted) }).await;
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn a_stop_in_the_tray_is_seen_in_the_window_and_a_start_in_the_window_in_the_tray() {
    let session = Session::start(USUAL).await;
    let window = crate::driver::Window::open(&session).await;
    let tray = session.tray.as_ref().unwrap();
    window.find("//h1[contains(., 'Running')]").await;
    tray.click("Running").await;
    window.find("//h1[contains(., 'Stopped')]").await;
    window.picture("stopped").await;
    window.click("//*[@role='switch'][@aria-label='Run the proxy']").await;
    window.find("//h1[contains(., 'Running')]").await;
    eventually("the tray says so", || tray.is_checked("Running")).await;
    assert!(session.answers().await);
}
