//! One state of health: the heading, the sidebar, the tray and `/health` tell the same.

use sample_model::codex_home;

use crate::driver::Window;
use crate::session::{Session, USUAL, eventually};

const HEADING: &str = "//main//h1";
const SIDEBAR: &str = "//aside//*[@role='status']";

/// Waits until every place tells this state. The proxy answers `/health` unless `level` is `None`.
async fn every_place_tells(session: &Session, window: &Window, title: &str, level: Option<&str>) {
    eventually(&format!("the heading is {title:?}"), || async { window.text_of(HEADING).await == title })
        .await;
    assert_eq!(window.text_of(SIDEBAR).await, title);
    eventually("the tray tells it", || async {
        let entries = session.tray.as_ref().unwrap().entries().await;
        entries.first().is_some_and(|entry| entry.label.starts_with(title))
    })
    .await;
    let Some(level) = level else { return };
    let health = format!("http://127.0.0.1:{}/health", session.port);
    let health: serde_json::Value = reqwest::get(health).await.unwrap().json().await.unwrap();
    assert_eq!(health, serde_json::json!({"status": "ok", "level": level}));
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn a_working_proxy_and_a_stopped_one() {
    let session = Session::start(USUAL).await;
    let window = Window::open(&session).await;
    let title = format!("Running on port {}", session.port);
    every_place_tells(&session, &window, &title, Some("ok")).await;
    window.click("//aside//*[@role='switch']").await;
    every_place_tells(&session, &window, "Stopped", None).await;
    window.picture("health-stopped").await;
}

#[tokio::test]
#[ignore = "needs Xvfb: cargo xtask test"]
async fn a_missing_codex() {
    let session = Session::start_with(USUAL, &[("CODEX_PATH", "")]).await;
    let window = Window::open(&session).await;
    every_place_tells(&session, &window, "Codex isn't installed", Some("blocked")).await;
    window.picture("health-missing").await;
}

#[tokio::test]
#[ignore = "needs Xvfb: cargo xtask test"]
async fn a_wrong_path() {
    let session = Session::start_with(USUAL, &[("CODEX_PATH", "/nope/codex")]).await;
    let window = Window::open(&session).await;
    every_place_tells(&session, &window, "Can't use the chosen Codex", Some("blocked")).await;
    window.says("/nope/codex").await;
    window.picture("health-path").await;
}

#[tokio::test]
#[ignore = "needs Xvfb: cargo xtask test"]
async fn a_codex_that_has_not_answered_yet() {
    let mut session = Session::start_with(USUAL, &[("CODEX_PATH", "")]).await;
    session.stub_program("codex", "exec sleep 600");
    let window = Window::open(&session).await;
    every_place_tells(&session, &window, "Checking Codex…", Some("working")).await;
    window.picture("health-checking").await;
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn nobody_signed_in() {
    let session = Session::start(USUAL).await;
    std::fs::write(session.home.path().join(".codex/config.toml"), "").unwrap();
    let window = Window::open(&session).await;
    every_place_tells(&session, &window, "Not signed in to Codex", Some("blocked")).await;
    window.picture("health-sign-in").await;
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn a_port_of_another_program() {
    let session = Session::start(USUAL).await;
    let _other = std::net::TcpListener::bind(("127.0.0.1", session.port)).unwrap();
    let window = Window::open(&session).await;
    every_place_tells(&session, &window, &format!("Port {} is taken", session.port), None).await;
    window.says("Not ours at the moment").await;
    window.picture("health-port").await;
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn a_file_that_could_not_be_read() {
    let session = Session::start(USUAL).await;
    std::fs::write(session.data().join("keys.json"), "{").unwrap();
    let window = Window::open(&session).await;
    every_place_tells(&session, &window, "A file couldn't be read", Some("attention")).await;
    window.go_to("Keys").await;
    window.find("//section[@aria-label='Problem']//button[normalize-space(.)='Show files']").await;
    window.picture("health-file").await;
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn a_usage_limit_that_upstream_says_is_reached() {
    let session = Session::start_with(USUAL, &[("API_KEYS", "sk-demo")]).await;
    codex_home::write_signed_in(&session.home.path().join(".codex"), &session.model.base_url()).unwrap();
    let window = Window::open(&session).await;
    let running = format!("Running on port {}", session.port);
    every_place_tells(&session, &window, &running, Some("ok")).await;
    window.says("Week").await;
    let refused = "[[status=429 type=usage_limit_reached limits=100,300,3600]]";
    assert_eq!(session.chat("sk-demo", refused).await.status(), 429);
    every_place_tells(&session, &window, "Usage limit reached", Some("blocked")).await;
    window.says("0% left").await;
    window.picture("health-limit").await;
}
