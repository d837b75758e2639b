//! Tests of the app's handle, with the proxy running.

use std::net::Ipv4Addr;
#[cfg(target_os = "linux")]
use std::sync::atomic::{AtomicBool, Ordering};

use codex_client::Environment;
use desktop::app::{App, AppOptions, Change, Overview};
use desktop::gateway::ProxyState;
use desktop::keychain::MemoryStore;
use desktop::request_log::{ExchangeQuery, ExchangeState, ExportFormat, Show};
use reqwest::Response;
use sample_model::under_test;
use serde_json::json;
use tempfile::TempDir;
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
    let (app, port) = running(&folder).await;
    app.set_setting("max_turns", json!(1)).await.unwrap();
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
async fn a_request_is_stopped_counted_and_exported() {
    let folder = folder();
    let (app, port) = running(&folder).await;
    let mut events = open_stream(port).await;
    let log = app.request_log();
    let row = log.query(ExchangeQuery::default()).await.remove(0);
    assert_eq!((row.state, row.app.as_str()), (ExchangeState::Streaming, "Unknown app"));
    app.stop_exchange(&row.id).unwrap();
    let rest = events.rest().await;
    assert_eq!(rest.last().unwrap()["error"]["code"], "cancelled_by_owner");
    assert_eq!(app.stop_exchange(&row.id).unwrap_err().message, "This request has already ended.");
    let row = log.query(ExchangeQuery::default()).await.remove(0);
    assert_eq!((row.state, row.error), (ExchangeState::Cancelled, None));
    assert_eq!(app.today().await.requests, 1);
    let running = ExchangeQuery { show: Some(Show::Running), ..ExchangeQuery::default() };
    assert_eq!(log.counts(running).await.total, 0);

    let file = folder.path().join("export.csv");
    assert_eq!(app.export_exchanges(ExchangeQuery::default(), ExportFormat::Csv, &file).await.unwrap(), 1);
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.contains("/v1/chat/completions") && text.contains(",cancelled,"), "{text}");
    app.shutdown().await;
}

#[tokio::test]
async fn what_is_typed_but_not_applied_outlives_the_window_and_is_in_no_file() {
    let folder = folder();
    let (app, _) = running(&folder).await;
    let drafts = r#"{"values":{"port":"99999"}}"#;
    app.keep_setting_drafts(drafts.to_owned());
    app.keep_setting_drafts("x".repeat(100_000));
    let view = app.settings_view().await;
    assert_eq!(view.drafts, drafts, "and one that is far too long is ignored");
    assert_eq!(view.defaults.proxy.port.get(), 8000);
    let saved = std::fs::read_to_string(folder.path().join("settings.json")).unwrap_or_default();
    assert!(!saved.contains("99999"), "{saved}");
    app.shutdown().await;
}

#[tokio::test]
async fn the_doctor_checks_codex_the_address_and_the_keys() {
    let folder = folder();
    let (app, port) = running(&folder).await;
    let checks = app.doctor().await;
    let has = |text: &str| checks.iter().any(|check| check.text.contains(text));
    assert!(has("The settings are valid.") && has("Codex is "), "{checks:?}");
    assert!(has(&format!("already running on 127.0.0.1:{port}.")), "{checks:?}");
    assert!(has("keys are stored") || has("Keys are stored"), "{checks:?}");
    app.shutdown().await;
}

#[tokio::test]
async fn changing_one_setting_saves_it_and_leaves_the_others() {
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
    app.set_setting("keep_days", json!(7)).await.unwrap();
    app.set_setting("workspace", json!(null)).await.unwrap();
    app.start().await;
    app.set_setting("show_activity", json!(false)).await.unwrap();
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

/// An app whose codex hangs after the first delta, and the port it listens on.
pub(crate) async fn running(folder: &TempDir) -> (App, u16) {
    let port = free_port();
    let settings = json!({"version": 1, "port": port});
    std::fs::write(folder.path().join("settings.json"), settings.to_string()).unwrap();
    let environment = Environment::from_process()
        .with("HOME", folder.path())
        .with("CODEX_HOME", folder.path().join(".codex"))
        .with("CODEX_PATH", under_test::fake_codex())
        .with("API_KEYS", KEY)
        .with("FAKE_CODEX", "hang-after-delta=1");
    let mut options = AppOptions::new(folder.path().to_owned(), environment, false);
    options.limits.drain_timeout = std::time::Duration::from_millis(100);
    (App::open(options.with_secrets(MemoryStore::default())).await.unwrap(), port)
}

pub(crate) fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Requests a stream, and waits for its first token.
async fn open_stream(port: u16) -> Events {
    let mut body = prompt_body("hi");
    body["stream"] = true.into();
    let url = format!("http://127.0.0.1:{port}/v1/chat/completions");
    let request = reqwest::Client::new().post(url).bearer_auth(KEY).json(&body);
    first_token(tokio::spawn(async move { request.send().await.unwrap() })).await
}

async fn answers_on(port: u16) -> bool {
    reqwest::get(format!("http://127.0.0.1:{port}/health")).await.is_ok()
}

#[tokio::test]
async fn saved_settings_apply_at_once_and_open_streams_go_on() {
    let folder = folder();
    let (app, port) = running(&folder).await;
    let streams = [open_stream(port).await, open_stream(port).await];
    let moved = free_port();
    let changes = json!({"port": moved, "max_turns": 3, "listen": "everywhere"});
    app.set_settings(changes.as_object().unwrap().clone()).await.unwrap();
    assert!(answers_on(moved).await && !answers_on(port).await);
    let health = reqwest::Client::new().get(format!("http://127.0.0.1:{moved}/health")).bearer_auth(KEY);
    let health = health.send().await.unwrap();
    let health: serde_json::Value = health.json().await.unwrap();
    assert_eq!((&health["turns"]["running"], &health["turns"]["most"]), (&json!(2), &json!(3)));
    // The same port on another address, which our own port is in the way of.
    app.set_setting("listen", json!("loopback")).await.unwrap();
    assert!(answers_on(moved).await);
    assert_eq!(app.overview().base_url, format!("http://127.0.0.1:{moved}/v1"));
    app.shutdown().await;
    for mut stream in streams {
        let rest = stream.rest().await;
        assert_eq!(rest.last().unwrap()["error"]["code"], "shutting_down", "{rest:?}");
    }
}

#[tokio::test]
async fn a_taken_port_is_refused_and_the_proxy_stays_on_the_old_one() {
    let folder = folder();
    let (app, port) = running(&folder).await;
    let other = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = other.local_addr().unwrap().port();
    let changes = json!({"port": taken, "max_turns": 3});
    let error = app.set_settings(changes.as_object().unwrap().clone()).await.unwrap_err();
    assert_eq!(error.fields[0].field, "port");
    let expected = format!("Another program uses port {taken}.");
    assert!(error.fields[0].message.starts_with(&expected), "{error:?}");
    assert!(answers_on(port).await);
    assert!(matches!(app.overview().proxy, ProxyState::Running { .. }));
    let saved = std::fs::read_to_string(folder.path().join("settings.json")).unwrap();
    assert_eq!(
        serde_json::from_str::<serde_json::Value>(&saved).unwrap(),
        json!({"version": 1, "port": port})
    );
    app.shutdown().await;
}

/// Opens the app with these settings and a free port, which is returned.
async fn open_with(
    folder: &std::path::Path,
    mut settings: serde_json::Value,
    bridge: fn() -> Option<Ipv4Addr>,
) -> (App, u16) {
    let port = free_port();
    settings["version"] = 1.into();
    settings["port"] = port.into();
    std::fs::write(folder.join("settings.json"), settings.to_string()).unwrap();
    let environment = Environment::default()
        .with("HOME", folder)
        .with("CODEX_HOME", folder.join(".codex"))
        .with("CODEX_PATH", under_test::fake_codex());
    let options = AppOptions { bridge, ..AppOptions::new(folder.to_owned(), environment, false) };
    (App::open(options.with_secrets(MemoryStore::default())).await.unwrap(), port)
}

async fn answers_at(ip: &str, port: u16) -> bool {
    reqwest::get(format!("http://{ip}:{port}/health")).await.is_ok_and(|health| health.status() == 200)
}

// Linux only: elsewhere Docker has no bridge on the computer.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn dockers_bridge_is_listened_on_when_it_comes_up_after_the_start() {
    static UP: AtomicBool = AtomicBool::new(false);
    let folder = folder();
    // All of 127.0.0.0/8 is this computer, so 127.0.0.2 stands in for the bridge.
    let bridge = || UP.load(Ordering::Relaxed).then_some(Ipv4Addr::new(127, 0, 0, 2));
    let (app, port) = open_with(folder.path(), json!({"listen": "dockerBridge"}), bridge).await;
    assert!(answers_at("127.0.0.1", port).await && !answers_at("127.0.0.2", port).await);
    UP.store(true, Ordering::Relaxed);
    let comes_up = async {
        while !answers_at("127.0.0.2", port).await {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(TIMEOUT, comes_up).await.expect("it never listens");
    app.shutdown().await;
    assert!(!answers_at("127.0.0.2", port).await);
}

#[tokio::test]
async fn localhost_works_where_it_is_ipv6_first() {
    if std::net::TcpListener::bind("[::1]:0").is_err() {
        return;
    }
    let folder = folder();
    let (app, port) = open_with(folder.path(), json!({}), || None).await;
    assert!(answers_at("127.0.0.1", port).await && answers_at("[::1]", port).await);
    let moved = free_port();
    app.set_setting("port", json!(moved)).await.unwrap();
    assert!(answers_at("[::1]", moved).await && !answers_at("[::1]", port).await, "after a move");
    app.shutdown().await;
    assert!(!answers_at("[::1]", port).await);
}
