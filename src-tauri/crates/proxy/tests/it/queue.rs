//! The queue of those who wait for their turn: who is next, who is turned away, and where it shows.

use codex_client::Environment;
use proxy::app::{App, AppOptions, Change};
use proxy::keychain::MemoryStore;
use proxy::keys::Key;
use proxy::view::{ExchangeQuery, ExchangeRow, ExchangeState, Overview};
use reqwest::{Method, Response};
use sample_model::under_test;
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use crate::support::{Events, KEY, LONG, Running, eventually, fake, folder, prompt_body};

const OTHER: &str = "sk-of-somebody-else";

/// A proxy with two keys, whose codex stands still after the first word until its client has gone.
async fn start(turns: usize, waiting: usize) -> Running {
    let mut plan = fake("hang-after-delta=1");
    plan.keys.push(Key::new(OTHER));
    plan.limits(|limits| (limits.turns, limits.waiting) = (turns, waiting)).start().await
}

/// Asks for a stream, in a task of its own: the answer comes when its turn does.
fn ask(proxy: &Running, key: &str, n: u32) -> JoinHandle<Response> {
    let mut body = prompt_body("hi");
    (body["stream"], body["n"]) = (true.into(), n.into());
    let request = proxy.bare(Method::POST, "/v1/chat/completions").bearer_auth(key).json(&body);
    tokio::spawn(async move { request.send().await.unwrap() })
}

/// Waits until so many turns run and so many requests wait.
async fn until(proxy: &mut Running, running: u32, waiting: u32) {
    let wanted = proxy.turns.wait_for(|turns| (turns.running, turns.waiting) == (running, waiting));
    let reached = tokio::time::timeout(LONG, wanted).await.map(|turns| *turns.unwrap());
    assert!(reached.is_ok(), "{running} and {waiting} in vain: {:?}", proxy.turns.borrow());
}

/// The stream of an answer, which has begun.
async fn begun(asked: JoinHandle<Response>) -> Events {
    let response = tokio::time::timeout(LONG, asked).await.expect("its turn does not come").unwrap();
    assert_eq!(response.status(), 200);
    let mut events = Events::of(response);
    events.next_text().await;
    events
}

async fn turned_away(asked: JoinHandle<Response>) -> Value {
    let response = tokio::time::timeout(LONG, asked).await.expect("it still waits").unwrap();
    assert_eq!(response.status(), 429);
    let seconds: u64 = response.headers()["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=60).contains(&seconds), "{seconds}");
    let body: Value = response.json().await.unwrap();
    assert_eq!(body["error"]["code"], "rate_limit_exceeded");
    body["error"]["message"].clone()
}

async fn rows(proxy: &Running) -> Vec<ExchangeRow> {
    proxy.journal.query(ExchangeQuery::default()).await
}

async fn health(proxy: &Running) -> Value {
    let response = proxy.bare(Method::GET, "/health").send().await.unwrap();
    response.json::<Value>().await.unwrap()["turns"].take()
}

#[tokio::test]
async fn a_key_that_has_no_turn_is_next_though_others_of_a_busy_key_came_before_it() {
    let mut proxy = start(2, 64).await;
    let (first, second) = (begun(ask(&proxy, KEY, 1)).await, begun(ask(&proxy, KEY, 1)).await);
    let third = ask(&proxy, KEY, 1);
    until(&mut proxy, 2, 1).await;
    let other = ask(&proxy, OTHER, 1);
    until(&mut proxy, 2, 2).await;
    drop(first);
    let other = begun(other).await;
    assert!(!third.is_finished());
    until(&mut proxy, 2, 1).await;
    drop(second);
    let third = begun(third).await;
    drop((other, third));
    until(&mut proxy, 0, 0).await;
}

#[tokio::test]
async fn a_request_for_several_answers_takes_as_many_places() {
    let mut proxy = start(3, 64).await;
    let wide = begun(ask(&proxy, KEY, 2)).await;
    until(&mut proxy, 2, 0).await;
    let wider = ask(&proxy, KEY, 8);
    until(&mut proxy, 2, 1).await;
    drop(wide);
    let wider = begun(wider).await;
    until(&mut proxy, 3, 0).await;
    drop(wider);
    until(&mut proxy, 0, 0).await;
}

#[tokio::test]
async fn a_full_queue_refuses_a_busy_key_and_makes_room_for_another() {
    let mut proxy = start(1, 2).await;
    let running = begun(ask(&proxy, KEY, 1)).await;
    let first = ask(&proxy, KEY, 1);
    until(&mut proxy, 1, 1).await;
    let second = ask(&proxy, KEY, 1);
    until(&mut proxy, 1, 2).await;
    let message = turned_away(ask(&proxy, KEY, 1)).await;
    assert!(message.as_str().unwrap().starts_with("Too many requests are waiting"), "{message}");

    let other = ask(&proxy, OTHER, 1);
    let message = turned_away(second).await;
    assert!(message.as_str().unwrap().contains("made room for another key"), "{message}");
    assert!(!first.is_finished() && !other.is_finished());
    let away = rows(&proxy).await.into_iter().filter(|row| row.status == Some(429)).collect::<Vec<_>>();
    assert_eq!(away.len(), 2);
    assert!(away.iter().all(|row| row.state == ExchangeState::Failed && row.wait_ms.is_some()), "{away:?}");
    drop(running);
    let first = begun(first).await;
    drop(first);
    begun(other).await;
}

#[tokio::test]
async fn whoever_waits_shows_in_health_and_in_the_log_and_has_its_wait_put_down() {
    let mut proxy = start(1, 64).await;
    assert_eq!(health(&proxy).await, json!({"running":0,"waiting":0,"most":1,"most_waiting":64}));
    let running = begun(ask(&proxy, KEY, 1)).await;
    let waiting = ask(&proxy, OTHER, 1);
    until(&mut proxy, 1, 1).await;
    assert_eq!(health(&proxy).await, json!({"running":1,"waiting":1,"most":1,"most_waiting":64}));
    let row = rows(&proxy).await.into_iter().find(|row| row.key.ends_with("#2")).unwrap();
    assert_eq!((row.state, row.wait_ms), (ExchangeState::Waiting, None));
    drop(running);
    begun(waiting).await;
    let detail = proxy.journal.detail(&row.id).await.unwrap();
    assert!(detail.row.wait_ms.is_some_and(|ms| ms > 0), "{:?}", detail.row);
    let steps: Vec<&str> = detail.steps.iter().map(|step| step.what.as_str()).collect();
    assert!(
        steps.starts_with(&["Arrived", "Waits for its place", "Got its place", "Given to codex"]),
        "{steps:?}"
    );
}

#[tokio::test]
async fn whoever_hangs_up_while_it_waits_leaves_the_queue_and_is_closed_in_the_log() {
    let mut proxy = start(1, 64).await;
    let running = begun(ask(&proxy, KEY, 1)).await;
    let waiting = ask(&proxy, KEY, 1);
    until(&mut proxy, 1, 1).await;
    waiting.abort();
    until(&mut proxy, 1, 0).await;
    eventually("it is closed", || proxy.journal.running() == 1).await;
    assert_eq!(rows(&proxy).await[0].state, ExchangeState::Stopped);
    drop(running);
    until(&mut proxy, 0, 0).await;
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

#[tokio::test]
async fn codex_proxyd_takes_the_limits_from_its_flags_and_its_environment_and_names_a_bad_one() {
    let (folder, _model) = crate::daemon::a_home().await;
    let mut command = crate::daemon::codex_proxyd(folder.path());
    let command = command.args(["--port", "0", "--data-dir", "data", "--max-turns", "3"]);
    let daemon = crate::daemon::start(command.env("MAX_WAITING", "7")).await;
    let health: Value = reqwest::get(format!("{}/health", daemon.url)).await.unwrap().json().await.unwrap();
    assert_eq!(health["turns"], json!({"running":0,"waiting":0,"most":3,"most_waiting":7}));
    let mut command = crate::daemon::codex_proxyd(folder.path());
    let (ok, _, words) = crate::daemon::run(command.args(["--silence-limit", "0"])).await;
    assert!(
        !ok && words.contains("--silence-limit is \"0\". Write a number of minutes from 1 to 1440."),
        "{words}"
    );
}
