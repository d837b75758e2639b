//! Closing the window, quitting and restarting.

use crate::driver::Window;
use crate::session::{Session, USUAL, With, eventually};

/// Whether the app has a web view, which uses most of its memory.
fn has_web_view(session: &Session) -> bool {
    session.processes_of_app().iter().any(|name| name.starts_with("WebKitWeb"))
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn closing_the_window_destroys_its_web_view_and_it_can_be_reopened() {
    let session = Session::start(USUAL).await;
    let (screen, tray) = (session.screen(), session.tray.as_ref().unwrap());
    std::fs::write(session.data().join("window.json"), r#"{"width":800,"height":600}"#).unwrap();
    let mut app = session.app(&[]);
    screen.shows_window().await;
    for _ in 0..2 {
        assert!(screen.picture().starts_with(b"P6 800 600 "), "it has the size of last time");
        screen.close_window();
        screen.shows_no_window().await;
        eventually("all of the web view is gone", || async {
            !session.processes_of_app().iter().any(|name| name.starts_with("WebKit"))
        })
        .await;
        assert!(session.answers().await && app.0.try_wait().unwrap().is_none());
        tray.click("Open Codex Proxy").await;
        screen.shows_window().await;
    }
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn a_background_response_goes_on_without_its_client_and_the_window() {
    let session = Session::start_with(USUAL, &[("API_KEYS", "sk-demo")]).await;
    let screen = session.screen();
    let _app = session.app(&[]);
    screen.shows_window().await;
    let http = reqwest::Client::new();
    let url = format!("http://127.0.0.1:{}/v1/responses", session.port);
    let body = serde_json::json!({
        "model": "gpt-5.5", "input": "[[words=40 hold=5]]", "background": true, "stream": true,
    });
    let mut stream = http.post(&url).bearer_auth("sk-demo").json(&body).send().await.unwrap();
    let mut seen = String::new();
    while !seen.contains("word5") {
        seen.push_str(&String::from_utf8_lossy(&stream.chunk().await.unwrap().unwrap()));
    }
    drop(stream);
    session.model_holds().await;
    screen.close_window();
    screen.shows_no_window().await;

    // Only whole events count.
    let whole = &seen[..seen.rfind("\n\n").unwrap()];
    let numbers = |text: &str| -> Vec<u64> {
        let data = text.lines().filter_map(|line| line.strip_prefix("data: "));
        let event = |data: &str| serde_json::from_str::<serde_json::Value>(data).unwrap();
        data.map(|data| event(data)["sequence_number"].as_u64().unwrap()).collect()
    };
    let mut all = numbers(whole);
    let id = seen.split("\"id\":\"").nth(1).unwrap().split('"').next().unwrap();
    let again = format!("{url}/{id}?stream=true&starting_after={}", all.last().unwrap());
    let rest = http.get(&again).bearer_auth("sk-demo").send().await.unwrap();
    session.model.release();
    let rest = rest.text().await.unwrap();
    all.extend(numbers(&rest));
    assert_eq!(all, (0..all.len() as u64).collect::<Vec<_>>(), "no event is lost");
    assert!(rest.contains("event: response.completed") && rest.contains("word40"), "{rest}");
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn a_hidden_start_shows_no_window() {
    let session = Session::start(USUAL).await;
    let _app = session.app(&["--hidden"]);
    eventually("the proxy answers", || session.answers()).await;
    eventually("the tray icon is there", || session.tray.as_ref().unwrap().has("Stop")).await;
    assert!(session.screen().window().is_none() && !has_web_view(&session));
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn without_a_tray_closing_asks_once_and_a_second_start_shows_the_window() {
    let session = Session::start(With { keychain: true, tray: false }).await;
    let screen = session.screen();
    let window = Window::open(&session).await;
    screen.shows_window().await;
    screen.close_window();
    window.says("Keep running in the background?").await;
    window.picture("close-asked").await;
    assert!(screen.window().is_some(), "it waits for the answer");
    window.click_to_close("//button[normalize-space(.)='Keep running']").await;
    screen.shows_no_window().await;
    assert!(session.answers().await);

    let mut second = session.app(&[]);
    screen.shows_window().await;
    second.ends().await;
    screen.close_window();
    screen.shows_no_window().await;
    assert!(session.answers().await, "it keeps running without asking again");
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn a_start_during_shutdown_takes_over() {
    let session = Session::start_with(USUAL, &[("API_KEYS", "sk-demo")]).await;
    let mut first = session.app(&["--hidden"]);
    eventually("the proxy answers", || session.answers()).await;
    let response = session.stream("sk-demo", "[[words=3 hold=1]]").await;
    session.tray.as_ref().unwrap().click("Quit Codex Proxy").await;
    eventually("the port is closed", || async { !session.answers().await }).await;
    let _second = session.app(&["--hidden"]);
    let text = response.text().await.unwrap();
    assert!(text.contains("shutting_down"), "{text}");
    first.ends().await;
    eventually("the second one answers", || session.answers()).await;
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn without_a_tray_closing_can_quit() {
    let session = Session::start(With { keychain: true, tray: false }).await;
    let window = Window::open(&session).await;
    session.screen().shows_window().await;
    session.screen().close_window();
    window.says("Keep running in the background?").await;
    window.click_to_close("//button[normalize-space(.)='Quit']").await;
    eventually("the port is closed", || async { !session.answers().await }).await;
}

/// Quits in the middle of an answer, and returns the answer's text.
async fn quit_during_an_answer(session: &Session, let_finish: bool) -> String {
    let tray = session.tray.as_ref().unwrap();
    let mut app = session.app(&["--hidden"]);
    eventually("the proxy answers", || session.answers()).await;
    let response = session.stream("sk-demo", "[[words=3 hold=1]]").await;
    session.model_holds().await;
    tray.click("Quit Codex Proxy").await;
    eventually("the tray shows it", || async { tray.lines(1).await == ["Quitting…"] }).await;
    eventually("the port is closed", || async { !session.answers().await }).await;
    if let_finish {
        session.model.release();
    }
    let text = response.text().await.unwrap();
    app.ends().await;
    eventually("nothing is left", || async { session.processes_of_app().is_empty() }).await;
    text
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn quit_lets_an_open_answer_finish() {
    let session = Session::start_with(USUAL, &[("API_KEYS", "sk-demo")]).await;
    let text = quit_during_an_answer(&session, true).await;
    assert!(text.contains(r#""finish_reason":"stop""#) && text.trim_end().ends_with("[DONE]"), "{text}");
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn quit_interrupts_an_unfinished_answer() {
    let session = Session::start_with(USUAL, &[("API_KEYS", "sk-demo")]).await;
    let text = quit_during_an_answer(&session, false).await;
    assert!(text.contains("shutting_down") && !text.contains("[DONE]"), "{text}");
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn sigterm_leaves_no_processes() {
    let session = Session::start_with(USUAL, &[("API_KEYS", "sk-demo")]).await;
    let mut app = session.app(&[]);
    session.screen().shows_window().await;
    assert_eq!(session.chat("sk-demo", "[[words=1]]").await.status(), 200);
    let (ok, output) = session.run("kill", &["-TERM", &app.0.id().to_string()]).await;
    assert!(ok, "{output}");
    app.ends().await;
    assert!(app.0.wait().unwrap().success(), "it exits successfully");
    eventually("nothing is left", || async { session.processes_of_app().is_empty() }).await;
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn a_hidden_start_stays_hidden_and_the_tray_icon_comes_with_each_tray() {
    let mut session = Session::start(With { keychain: true, tray: false }).await;
    let _app = session.app(&["--hidden"]);
    eventually("the proxy answers", || session.answers()).await;
    for _ in 0..2 {
        session.tray = Some(crate::tray::TrayHost::start(&session.bus).await);
        let tray = session.tray.as_ref().unwrap();
        eventually("the tray icon is there", || tray.has("Stop")).await;
        assert!(session.screen().window().is_none() && !has_web_view(&session));
        // The panel ends or restarts.
        session.tray = None;
    }
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn two_data_folders_are_two_apps() {
    let session = Session::start_with(USUAL, &[("API_KEYS", "sk-demo")]).await;
    let _first = session.app(&["--hidden"]);
    eventually("the first answers", || session.answers()).await;
    let folder = session.home.path().join("other data");
    std::fs::create_dir_all(&folder).unwrap();
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    std::fs::write(folder.join("settings.json"), format!("{{\"version\":1,\"port\":{port}}}")).unwrap();
    let _second = session.app(&["--hidden", "--data-dir", &folder.display().to_string()]);
    let health = format!("http://127.0.0.1:{port}/health");
    eventually("the second answers too", || async { reqwest::get(&health).await.is_ok() }).await;
    assert!(session.answers().await);
}
