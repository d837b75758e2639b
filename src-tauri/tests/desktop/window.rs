//! The main uses of the app, from the first start.

use sample_model::under_test;

use crate::driver::Window;
use crate::session::{Session, USUAL, With, eventually};

/// Python with the OpenAI package, installed by `cargo xtask test`.
fn openai_client() -> std::path::PathBuf {
    let usual = concat!(env!("CARGO_MANIFEST_DIR"), "/target/clients/python/bin/python");
    std::env::var_os("CLIENTS_PYTHON").map_or_else(|| usual.into(), Into::into)
}

/// Streams one answer.
const STREAM: &str = "
import sys
from openai import OpenAI
_, url, key, prompt = sys.argv
messages = [{'role': 'user', 'content': prompt}]
client = OpenAI(base_url=url, api_key=key)
for chunk in client.chat.completions.create(model='gpt-5.5', messages=messages, stream=True):
    print(chunk.choices)
";

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn the_first_start_runs_the_proxy_and_creates_a_key() {
    let session = Session::start(USUAL).await;
    let window = Window::open(&session).await;
    window.says("Running").await;
    assert!(session.answers().await);
    window.picture("status").await;
    window.go_to("Keys").await;
    window.says("Default").await;
    window.picture("keys").await;
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn a_key_created_in_the_window_works_until_revoked_and_is_in_no_file() {
    let session = Session::start(USUAL).await;
    let window = Window::open(&session).await;
    let secret = window.create_key("My laptop").await;
    window.picture("new-key").await;
    let screen = session.screen();
    let hint = async || screen.pasted_as("x-kde-passwordManagerHint").await;
    window.click("//dialog//button[@aria-label='Copy key: My laptop']").await;
    eventually("it is copied", || async { screen.pasted().await.as_ref() == Some(&secret) }).await;
    assert_eq!(hint().await.as_deref(), Some("secret"), "clipboard managers do not keep it");
    window.click("//button[normalize-space(.)='Done']").await;
    assert_eq!(session.chat(&secret, "[[words=2]]").await.status(), 200);
    assert!(!window.text().await.contains(&secret), "it is shown once");
    assert_eq!(session.files_with(&secret), Vec::<std::path::PathBuf>::new());
    // It can be copied again from the keychain.
    session.tray.as_ref().unwrap().click("Copy base URL").await;
    eventually("something else is copied", || async { screen.pasted().await.as_ref() != Some(&secret) })
        .await;
    assert_eq!(hint().await, None, "it is no secret");
    window.click("//button[@aria-label='Copy: key My laptop']").await;
    eventually("it is copied", || async { screen.pasted().await.as_ref() == Some(&secret) }).await;
    assert_eq!(hint().await.as_deref(), Some("secret"));

    window.choose("More: key My laptop", "Revoke…").await;
    window.click("//dialog//button[normalize-space(.)='Revoke']").await;
    eventually("the key is rejected", || async { session.chat(&secret, "hi").await.status() == 401 }).await;
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn streaming_requests_are_in_the_log() {
    let session = Session::start(USUAL).await;
    let window = Window::open(&session).await;
    let secret = window.create_key("Streamer").await;
    window.click("//button[normalize-space(.)='Done']").await;
    window.go_to("Requests").await;
    let client = openai_client();
    let client = client.display().to_string();
    let url = format!("http://127.0.0.1:{}/v1", session.port);
    let args = ["-c", STREAM, &url, &secret, "[[words=3 hold=1]]"];
    let asking = session.run(&client, &args);
    let watching = async {
        let row = "//*[@role='row'][contains(., 'Streamer') and contains(., 'OpenAI') and contains(., 'streaming')]";
        window.find(row).await;
        window.picture("requests-streaming").await;
        session.model_holds().await;
        session.model.release();
        window.find("//*[@role='row'][contains(., 'gpt-5.5') and contains(., 'done')]").await;
        window.picture("requests").await;
    };
    let ((ok, output), ()) = tokio::join!(asking, watching);
    assert!(ok, "{output}");
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn the_tray_starts_and_stops_the_proxy_and_quit_leaves_no_processes() {
    let session = Session::start(USUAL).await;
    let mut app = session.app(&["--hidden"]);
    let tray = session.tray.as_ref().unwrap();
    eventually("the proxy answers", || session.answers()).await;
    tray.click("Stop").await;
    eventually("the port is closed", || async { !session.answers().await }).await;
    tray.click("Start").await;
    eventually("the proxy answers again", || session.answers()).await;
    tray.click("Quit Codex Proxy").await;
    app.ends().await;
    eventually("nothing is left", || async { session.processes_of_app().is_empty() }).await;
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn without_a_keychain_keys_work_and_the_window_explains_it() {
    let session = Session::start(With { keychain: false, tray: true }).await;
    let window = Window::open(&session).await;
    window.go_to("Keys").await;
    window.says("shown only once").await;
    // The key of the first start was not shown yet.
    window.click("//button[@aria-label='Reveal once: key Default']").await;
    let first = window.text_of("//code[@aria-label='The key']").await;
    window.click("//button[normalize-space(.)='Done']").await;
    let second = window.create_key("Alone").await;
    window.picture("no-keychain").await;
    for secret in [first, second] {
        assert_eq!(session.chat(&secret, "[[words=1]]").await.status(), 200);
        assert_eq!(session.files_with(&secret), Vec::<std::path::PathBuf>::new());
    }
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn a_port_in_use_is_reported_with_a_fix() {
    let mut session = Session::start(USUAL).await;
    let _other = std::net::TcpListener::bind(("127.0.0.1", session.port)).unwrap();
    let window = Window::open(&session).await;
    window.says("Another program uses it.").await;
    window.picture("port-taken").await;
    window.click("//button[contains(normalize-space(.), 'port')]").await;
    window.says("Running").await;
    let taken = session.port;
    let settings = std::fs::read(session.data().join("settings.json")).unwrap();
    let settings: serde_json::Value = serde_json::from_slice(&settings).unwrap();
    // Usually the next one; another test may have that.
    session.port = settings["port"].as_u64().unwrap().try_into().unwrap();
    assert!(session.port > taken, "{settings}");
    eventually("the proxy answers on a free port", || session.answers()).await;
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn a_damaged_settings_file_is_renamed_and_reported() {
    let session = Session::start(USUAL).await;
    session.write_settings("{ not json");
    let window = Window::open(&session).await;
    window.go_to("Settings").await;
    window.says("Your settings couldn't be read, so defaults are in use.").await;
    window.says("settings.damaged").await;
    assert!(!window.text().await.contains("line 1"), "where it broke is for the log");
    window.picture("settings-damaged").await;
    let files = std::fs::read_dir(session.data()).unwrap().flatten();
    assert!(files.into_iter().any(|entry| entry.file_name().to_string_lossy().contains("damaged")));
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn a_second_start_exits_and_shows_the_first_window() {
    let session = Session::start(USUAL).await;
    let first = session.app(&["--hidden"]);
    eventually("the proxy answers", || session.answers()).await;
    let mut second = session.app(&[]);
    second.ends().await;
    assert!(session.answers().await);
    // The first app shows its window, so it has a web view.
    eventually("the window is open", || async {
        session.processes_of_app().iter().any(|name| name.starts_with("WebKitWeb"))
    })
    .await;
    drop(first);
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn an_older_codex_lists_its_missing_features() {
    let fake = under_test::fake_codex().display().to_string();
    let session = Session::start_with(USUAL, &[("CODEX_PATH", &fake), ("FAKE_CODEX", "old=0.80")]).await;
    let window = Window::open(&session).await;
    window.says("Missing in this version").await;
    window.says("keep the roles of earlier messages").await;
    window.says("npm install -g @openai/codex@latest").await;
    window.picture("older-codex").await;
}
