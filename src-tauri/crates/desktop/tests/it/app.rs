//! Tests of the app's handle, with the proxy running.

use codex_client::Environment;
use desktop::app::{App, AppOptions, Change, Overview};
use desktop::gateway::ProxyState;
use desktop::keychain::MemoryStore;
use desktop::view::Applied;
use reqwest::Response;
use sample_model::under_test;
use serde_json::json;
use tokio::task::JoinHandle;

use crate::support::{Events, KEY, TIMEOUT, folder, prompt_body};

/// Waits for the first token of a streamed answer.
async fn first_token(request: JoinHandle<Response>) -> Events {
    let response = tokio::time::timeout(TIMEOUT, request).await.expect("never admitted").unwrap();
    assert_eq!(response.status(), 200);
    let mut events = Events::new(response);
    events.next_text().await;
    events
}

#[tokio::test]
async fn the_overview_counts_running_and_queued_requests_within_max_turns() {
    let folder = folder();
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let settings = json!({"version": 1, "port": port, "max_turns": 1});
    std::fs::write(folder.path().join("settings.json"), settings.to_string()).unwrap();
    let environment = Environment::from_process()
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
    let mut wait_for = async |answering: u32, waiting: u32| {
        let until = async {
            loop {
                if let Ok(Change::Overview(overview)) = changes.recv().await
                    && (overview.answering, overview.waiting) == (answering, waiting)
                {
                    return overview;
                }
            }
        };
        let Overview { running_now, .. } =
            *tokio::time::timeout(TIMEOUT, until).await.expect("never published");
        running_now
    };
    let first = first_token(ask()).await;
    assert_eq!(wait_for(1, 0).await, 1);
    let second = ask();
    assert_eq!(wait_for(1, 1).await, 2);
    drop(first);
    drop(first_token(second).await);
    assert_eq!(wait_for(0, 0).await, 0);
    app.shutdown().await;
}

#[tokio::test]
async fn changing_one_setting_reports_whether_the_proxy_was_restarted() {
    let folder = folder();
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let file = folder.path().join("settings.json");
    let gone = folder.path().join("gone");
    let before =
        json!({"version": 1, "port": port, "workspace": gone, "start_proxy": false, "colour": "red"});
    std::fs::write(&file, before.to_string()).unwrap();
    let environment = Environment::from_process()
        .with("HOME", folder.path())
        .with("CODEX_HOME", folder.path().join(".codex"))
        .with("CODEX_PATH", under_test::fake_codex());
    let options = AppOptions::new(folder.path().to_owned(), environment, false);
    let app = App::open(options.with_secrets(MemoryStore::default())).await.unwrap();
    assert_eq!(app.set_setting("keep_days", json!(7)).await.unwrap(), Applied::AtOnce);
    assert_eq!(app.set_setting("workspace", json!(null)).await.unwrap(), Applied::AtNextStart);
    app.start().await;
    assert_eq!(app.set_setting("show_activity", json!(false)).await.unwrap(), Applied::Restarted);
    assert!(matches!(app.overview().proxy, ProxyState::Running { .. }));
    let error = app.set_setting("max_turns", json!("0")).await.unwrap_err();
    assert_eq!(error.fields[0].field, "max_turns");
    assert_eq!(error.fields[0].message, "Enter a number of requests from 1 to 100.");
    let after: serde_json::Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    let wanted = json!({
        "version": 1, "port": port, "start_proxy": false, "show_activity": false, "keep_days": 7, "colour": "red",
    });
    assert_eq!(after, wanted);
    app.shutdown().await;
}
