//! The tray's status and menu.

use crate::driver::Window;
use crate::session::{Session, USUAL, eventually};
use crate::tray::TrayHost;

async fn shows(tray: &TrayHost, text: &str) {
    eventually(text, || async { tray.entries().await.iter().any(|entry| entry.label.contains(text)) }).await;
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn the_tray_shows_running_stopped_and_a_problem_with_its_fix() {
    let session = Session::start(USUAL).await;
    let other = std::net::TcpListener::bind(("127.0.0.1", session.port)).unwrap();
    let _app = session.app(&["--hidden"]);
    let tray = session.tray.as_ref().unwrap();
    shows(tray, "is taken").await;
    let blocked = tray.icon().await;
    let lines = tray.lines(2).await;
    assert!(lines[1].starts_with("Use port "), "{lines:?}");
    let copy = tray.entries().await.into_iter().find(|entry| entry.label == "Copy base URL").unwrap();
    assert!(!copy.enabled, "another program answers there");

    drop(other);
    tray.click("Start").await;
    shows(tray, "Running on port").await;
    let running = tray.icon().await;
    tray.click("Stop").await;
    eventually("it stopped", || async { tray.lines(1).await == ["Stopped"] }).await;
    let stopped = tray.icon().await;
    assert!(!running.is_empty() && running != stopped && stopped != blocked && blocked != running);
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn the_fix_in_the_tray_moves_to_a_free_port() {
    let session = Session::start(USUAL).await;
    let _other = std::net::TcpListener::bind(("127.0.0.1", session.port)).unwrap();
    let _app = session.app(&["--hidden"]);
    let tray = session.tray.as_ref().unwrap();
    shows(tray, "Use port ").await;
    let fix = tray.lines(2).await.pop().unwrap();
    tray.click(&fix).await;
    let port = fix.trim_start_matches("Use port ");
    shows(tray, &format!("Running on port {port}")).await;
    assert!(reqwest::get(format!("http://127.0.0.1:{port}/health")).await.is_ok());
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn the_tray_copies_the_base_url_and_a_key() {
    let session = Session::start(USUAL).await;
    let _app = session.app(&["--hidden"]);
    let (screen, tray) = (session.screen(), session.tray.as_ref().unwrap());
    shows(tray, "Running on port").await;
    tray.click("Copy base URL").await;
    let wanted = format!("http://127.0.0.1:{}/v1", session.port);
    eventually("it is on the clipboard", || async { screen.pasted().await.as_ref() == Some(&wanted) }).await;
    tray.click("Default").await;
    let is_key = |text: Option<String>| text.filter(|text| text.starts_with("sk-"));
    eventually("the key is on the clipboard", || async { is_key(screen.pasted().await).is_some() }).await;
    assert_eq!(screen.pasted_as("x-kde-passwordManagerHint").await.as_deref(), Some("secret"));
    let key = screen.clipboard().await;
    assert_eq!(session.chat(&key, "[[words=1]]").await.status(), 200);
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn the_menu_lists_requests_and_stays_open_while_they_run() {
    let session = Session::start_with(USUAL, &[("API_KEYS", "sk-demo")]).await;
    let _app = session.app(&["--hidden"]);
    let tray = session.tray.as_ref().unwrap();
    eventually("the proxy answers", || session.answers()).await;
    for _ in 0..5 {
        assert_eq!(session.chat("sk-demo", "[[words=1]]").await.status(), 200);
    }
    eventually("they are listed", || async {
        let requests = tray.inside("Recent requests").await;
        requests.len() == 5 && requests.iter().all(|entry| entry.label.ends_with("gpt-5.5 · done"))
    })
    .await;
    let revision = tray.revision().await;
    let response = session.stream("sk-demo", "[[words=3 hold=1]]").await;
    eventually("it runs", || async { tray.lines(1).await[0].ends_with("1 running") }).await;
    session.model_holds().await;
    session.model.release();
    response.text().await.unwrap();
    eventually("it is done", || async { !tray.lines(1).await[0].ends_with("running") }).await;
    assert_eq!(tray.revision().await, revision, "no entry came or went");
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn restart_codex_lets_answers_finish_and_starts_another() {
    let session = Session::start_with(USUAL, &[("API_KEYS", "sk-demo")]).await;
    let _app = session.app(&["--hidden"]);
    let tray = session.tray.as_ref().unwrap();
    eventually("the proxy answers", || session.answers()).await;
    let response = session.stream("sk-demo", "[[words=3 hold=1]]").await;
    session.model_holds().await;
    let count = || session.processes_of_app().iter().filter(|name| *name == "codex").count();
    let before = count();
    tray.click("Restart Codex").await;
    eventually("the new one runs beside the old one", || async { count() > before }).await;
    session.model.release();
    let text = response.text().await.unwrap();
    assert!(text.trim_end().ends_with("[DONE]"), "{text}");
    eventually("the old one has ended", || async { count() <= before }).await;
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn the_window_and_the_tray_show_each_others_start_and_stop() {
    let session = Session::start(USUAL).await;
    let window = Window::open(&session).await;
    let tray = session.tray.as_ref().unwrap();
    window.find("//h1[contains(., 'Running')]").await;
    tray.click("Stop").await;
    window.find("//h1[contains(., 'Stopped')]").await;
    window.picture("stopped").await;
    window.click("//*[@role='switch' and contains(., 'Run the proxy')]").await;
    window.find("//h1[contains(., 'Running')]").await;
    eventually("the tray shows it", || tray.has("Stop")).await;
    assert!(session.answers().await);
    tray.click("Settings…").await;
    window.find("//h1[contains(., 'Settings')]").await;
}
