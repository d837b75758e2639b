//! The app as its shell sees it, with the proxy running inside.

use codex_client::Environment;
use desktop::app::{App, AppOptions, Change, Overview};
use desktop::keychain::MemoryStore;
use reqwest::Response;
use sample_model::under_test;
use serde_json::json;
use tokio::task::JoinHandle;

use crate::support::{Events, KEY, LONG, folder, prompt_body};

/// The stream of an answer, which has begun.
async fn begun(asked: JoinHandle<Response>) -> Events {
    let response = tokio::time::timeout(LONG, asked).await.expect("its turn does not come").unwrap();
    assert_eq!(response.status(), 200);
    let mut events = Events::of(response);
    events.next_text().await;
    events
}

#[tokio::test]
async fn the_window_is_told_how_many_answer_and_wait_and_its_settings_say_how_many_may() {
    let folder = folder();
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let settings = json!({"version": 1, "port": port, "max_turns": 1});
    std::fs::write(folder.path().join("settings.json"), settings.to_string()).unwrap();
    let environment = Environment::of_this_process()
        .with("HOME", folder.path())
        .with("CODEX_HOME", folder.path().join(".codex"))
        .with("CODEX_PATH", under_test::fake_codex())
        .with("API_KEYS", KEY)
        .with("FAKE_CODEX", "hang-after-delta=1");
    let options = AppOptions::new(folder.path().to_owned(), environment, false);
    let app = App::open(options.with_secrets(MemoryStore::default())).await.unwrap();
    let ask = || {
        let mut body = prompt_body("hi");
        body["stream"] = true.into();
        let url = format!("http://127.0.0.1:{port}/v1/chat/completions");
        let request = reqwest::Client::new().post(url).bearer_auth(KEY).json(&body);
        tokio::spawn(async move { request.send().await.unwrap() })
    };
    let mut changes = app.changes();
    let mut told = async |answering: u32, waiting: u32| {
        let until = async {
            loop {
                if let Some(Change::Overview(overview)) = changes.next().await
                    && (overview.answering, overview.waiting) == (answering, waiting)
                {
                    return overview;
                }
            }
        };
        let Overview { running_now, .. } = *tokio::time::timeout(LONG, until).await.expect("not told");
        running_now
    };
    let first = begun(ask()).await;
    assert_eq!(told(1, 0).await, 1);
    let second = ask();
    assert_eq!(told(1, 1).await, 2);
    drop(first);
    drop(begun(second).await);
    assert_eq!(told(0, 0).await, 0);
    app.shutdown().await;
}
