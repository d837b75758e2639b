//! Runs the recipes, the connection check and the playground against a listening proxy.

mod clients;

use std::net::SocketAddr;
use std::process::{Output, Stdio};
use std::sync::{Arc, Mutex};

use axum::body::Body;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use desktop::pairing::{
    ChatMessage, ChatRequest, ChatRole, CheckStep, CodeLanguage, Containers, Docker, Platform,
    PlaygroundEvent, RecipeInput, ShownKey, Target, TokenCounts, check, conversation_code, piece_text,
    playground, recipes,
};
use desktop::view::Listen;
use futures_util::FutureExt;
use proxy::Key;
use sample_model::Event;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::process::Command;

use crate::support::{KEY, TIMEOUT, TestProxy, fake, real};

fn target(proxy: &TestProxy) -> Target {
    Target { address: proxy.address.parse().unwrap(), key: Some(Key::new(KEY)) }
}

fn input(proxy: &TestProxy) -> RecipeInput {
    RecipeInput {
        host: std::net::Ipv4Addr::LOCALHOST,
        port: target(proxy).address.port(),
        listen: Listen::Loopback,
        docker: Docker::default(),
        key: ShownKey::masked("roxy"),
        platform: Platform::Linux,
        model: "codex-local".to_owned(),
        models: Vec::new(),
    }
}

/// The recipe piece with this label, as copied.
fn copied(proxy: &TestProxy, id: &str, label: &str) -> String {
    let input = input(proxy);
    let recipe = recipes(&input).into_iter().find(|recipe| recipe.id == id).unwrap();
    let index = recipe.pieces.iter().position(|piece| piece.label == label).unwrap();
    piece_text(id, index, &input, Some(&Key::new(KEY))).unwrap()
}

#[expect(clippy::disallowed_methods, reason = "a client is started as a user does")]
async fn run(program: impl AsRef<std::ffi::OsStr>, arguments: &[&str]) -> Output {
    let mut command = Command::new(program);
    command.args(arguments).env("NO_PROXY", "127.0.0.1").env("no_proxy", "127.0.0.1");
    command.stdin(Stdio::null()).kill_on_drop(true);
    let output =
        tokio::time::timeout(TIMEOUT * 2, command.output()).await.expect("the client hangs").unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

// Unix only: the recipe is a line for `sh`.
#[cfg(unix)]
#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn the_curl_recipe_works_in_a_shell() {
    let proxy = real().start().await;
    let list = text(&run("sh", &["-c", &copied(&proxy, "curl", "List models")]).await);
    assert!(list.contains("\"id\":\"codex-local\""), "{list}");
    let answer = text(&run("sh", &["-c", &copied(&proxy, "curl", "Send a prompt")]).await);
    assert!(answer.contains("sample") && answer.ends_with("data: [DONE]\n\n"), "{answer}");
}

/// The steps of a check; with a bridge, of an app in a container.
async fn checked(target: &Target, bridge: Option<SocketAddr>, model: Option<&str>) -> Vec<CheckStep> {
    let mut steps = Vec::new();
    let containers = bridge.map_or(Containers::NotNeeded, Containers::At);
    check(target, containers, model, |step| steps.push(step)).await;
    steps
}

fn outcome(steps: &[CheckStep]) -> Vec<bool> {
    steps.iter().map(|step| step.ok).collect()
}

fn last(steps: &[CheckStep]) -> &str {
    &steps.last().unwrap().detail
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn the_check_makes_all_requests_of_open_webui() {
    let proxy = real().start().await;
    let target = target(&proxy);
    let steps = checked(&target, Some(target.address), Some("gpt-5.5")).await;
    assert_eq!(outcome(&steps), [true; 5], "{steps:?}");
    assert!(steps[1].detail.contains("--add-host=host.docker.internal:host-gateway"));
    assert!(steps[2].detail.ends_with(" models"), "{steps:?}");
    assert!(steps[4].what.ends_with("gpt-5.5") && last(&steps).starts_with("First token after "));
    // The default is a plain model, which costs less than codex-local.
    let steps = checked(&target, None, None).await;
    assert_eq!(outcome(&steps), [true; 4]);
    assert!(!steps[3].what.contains("codex-local"), "{steps:?}");
}

#[tokio::test]
async fn an_unknown_key_stops_the_check_and_explains_what_to_do() {
    let proxy = fake("").start().await;
    for key in [None, Some(Key::new("sk-revoked"))] {
        let target = Target { key, ..target(&proxy) };
        let steps = checked(&target, None, None).await;
        assert_eq!(outcome(&steps), [true, false]);
        assert!(last(&steps).contains("under Keys"), "{steps:?}");
        let events = prompt(&target, "gpt-5.5", "hi").await;
        assert!(failure(&events).contains("under Keys"), "{events:?}");
    }
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn errors_of_codex_are_passed_on() {
    let proxy = real().settings(|settings| settings.codex_path = Some("/nowhere/codex".into())).start().await;
    let steps = checked(&target(&proxy), None, None).await;
    assert_eq!(outcome(&steps), [true, false]);
    assert!(last(&steps).contains("codex"), "{steps:?}");
    let proxy = real().start().await;
    let events = prompt(&target(&proxy), "gpt-nope", "hi").await;
    assert!(failure(&events).contains("\"gpt-nope\" does not exist"), "{events:?}");
    // So is an error in the middle of a stream.
    let events = prompt(&target(&proxy), "gpt-5.5", "[[words=2 failed=server_is_overloaded]]").await;
    assert!(failure(&events).contains("overloaded"), "{events:?}");
}

#[tokio::test]
async fn closed_ports_are_reported() {
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let closed_target = Target { address: free, key: Some(Key::new(KEY)) };
    let steps = checked(&closed_target, None, None).await;
    assert_eq!(outcome(&steps), [false]);
    assert!(last(&steps).starts_with(&format!("Nothing is listening at {free}")), "{steps:?}");
    assert!(failure(&prompt(&closed_target, "m", "hi").await).starts_with("Nothing is listening"));
    // A closed bridge does not stop the check.
    let proxy = fake("").start().await;
    let steps = checked(&target(&proxy), Some(free), Some("gpt-5.5")).await;
    assert_eq!(outcome(&steps), [true, false, true, true, true], "{steps:?}");
}

#[tokio::test]
async fn an_app_in_a_container_fails_the_check_with_the_reason_while_there_is_no_bridge() {
    let proxy = fake("").start().await;
    let mut steps = Vec::new();
    let unreachable = Containers::Unreachable("Docker isn't running.".to_owned());
    check(&target(&proxy), unreachable, None, |step| steps.push(step)).await;
    assert_eq!(outcome(&steps)[..3], [true, false, true], "{steps:?}");
    assert_eq!(
        (steps[1].what.as_str(), steps[1].detail.as_str()),
        ("Containers can reach it", "Docker isn't running.")
    );
}

#[tokio::test]
async fn another_program_on_the_port_is_detected_and_never_gets_the_key() {
    for answer in
        ["HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", "HTTP/1.1 404 No\r\n\r\n<html>", "SSH-2.0\r\n", ""]
    {
        let received = Arc::new(Mutex::new(String::new()));
        let address = other_program(answer, Arc::clone(&received)).await;
        let target = Target { address, key: Some(Key::new(KEY)) };
        let steps = checked(&target, None, None).await;
        assert_eq!(outcome(&steps), [false]);
        assert!(last(&steps).starts_with("Another program is using"), "{answer:?}: {steps:?}");
        assert!(failure(&prompt(&target, "m", "hi").await).starts_with("Another program"));
        let received = received.lock().unwrap();
        assert!(received.contains("GET /health") && !received.contains(KEY), "{received}");
    }
}

/// A server that sends the same bytes to every client and closes.
async fn other_program(answer: &'static str, received: Arc<Mutex<String>>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let mut bytes = [0; 4096];
            let read = socket.read(&mut bytes).await.unwrap_or(0);
            received.lock().unwrap().push_str(&String::from_utf8_lossy(&bytes[..read]));
            let _ = socket.write_all(answer.as_bytes()).await;
        }
    });
    address
}

#[tokio::test(start_paused = true)]
async fn a_silent_server_times_out() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let target = Target { address: silent.local_addr().unwrap(), key: None };
    assert!(last(&checked(&target, None, None).await).starts_with("No answer within"));
    assert!(failure(&prompt(&target, "m", "hi").await).starts_with("No answer within"));
}

/// A server that identifies as ours, with these bodies for the model list and the chat.
async fn impostor(list: &'static str, content_type: &'static str, chat: &'static str) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let answer = move |request: Request| async move {
        let headers = request.headers();
        match request.uri().path() {
            "/health" => r#"{"status":"ok","level":"ok"}"#.into_response(),
            _ if headers["authorization"] != format!("Bearer {KEY}") => {
                (axum::http::StatusCode::UNAUTHORIZED, r#"{"error":{"message":"No."}}"#).into_response()
            }
            "/v1/models" => {
                assert_eq!(headers["content-type"], "application/json");
                assert!(headers["user-agent"].to_str().unwrap().starts_with("Python/3.11 aiohttp/"));
                list.into_response()
            }
            _ => Response::builder().header("content-type", content_type).body(Body::from(chat)).unwrap(),
        }
    };
    tokio::spawn(async move { axum::serve(listener, axum::Router::new().fallback(answer)).await });
    address
}

#[tokio::test]
async fn the_check_reports_answers_that_open_webui_ignores_silently() {
    let models = r#"{"data":[{"id":"m"}]}"#;
    let sse = "text/event-stream";
    let text = "data: {\"choices\":[{\"delta\":{\"content\":\"OK\"}}]}\n\n";
    let done = "data: [DONE]\n\n";
    let endless: &str = "x".repeat(17 * 1024 * 1024).leak();
    for (list, content_type, chat, words) in [
        ("nothing", sse, done, "no list of models"),
        (r#"{"data":[]}"#, sse, done, "list of models is empty"),
        (r#"{"data":[{"name":"m"}]}"#, sse, done, "has no id"),
        (models, "application/json", text, "should be text/event-stream"),
        (models, sse, text, "before the answer was complete"),
        (models, sse, done, "it is empty"),
        (models, sse, "data: {oops\n\n", "not JSON"),
        (models, sse, endless, "too large"),
    ] {
        let target = Target { address: impostor(list, content_type, chat).await, key: Some(Key::new(KEY)) };
        let steps = checked(&target, None, None).await;
        assert!(!steps.last().unwrap().ok && last(&steps).contains(words), "{words}: {steps:?}");
    }
}

fn message(role: ChatRole, content: &str) -> ChatMessage {
    ChatMessage { role, content: content.to_owned() }
}

fn request(model: &str, prompt: &str) -> ChatRequest {
    ChatRequest { model: model.to_owned(), messages: vec![message(ChatRole::User, prompt)] }
}

async fn prompt(target: &Target, model: &str, prompt: &str) -> Vec<PlaygroundEvent> {
    let mut events = Vec::new();
    playground(target, &request(model, prompt), |event| events.push(event)).await;
    events
}

fn failure(events: &[PlaygroundEvent]) -> &str {
    match events.last() {
        Some(PlaygroundEvent::Failed { message }) => message,
        other => panic!("not a failure: {other:?}"),
    }
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn a_prompt_streams_its_reasoning_and_its_answer_with_exact_token_counts_at_the_end() {
    let proxy = real().start().await;
    let events =
        prompt(&target(&proxy), "gpt-5.5", "[[reasoning=2 say=\"one two three\" usage=40,0,9,4]]").await;
    let (done, parts) = events.split_last().unwrap();
    let PlaygroundEvent::Done { first_ms: first, total_ms, model, usage } = done else { panic!("{done:?}") };
    assert!(first <= total_ms && model == "gpt-5.5");
    assert_eq!(*usage, Some(TokenCounts { input: 40, output: 9, reasoning: 4 }));
    let (mut reasoning, mut answer, mut texts) = (String::new(), String::new(), 0);
    for event in parts {
        match event {
            PlaygroundEvent::Reasoning { text } => reasoning.push_str(text),
            PlaygroundEvent::Text { text, first_ms } => {
                assert_eq!(first_ms, first);
                answer.push_str(text);
                texts += 1;
            }
            other => panic!("{other:?}"),
        }
    }
    assert!(texts > 1 && answer == "one two three", "{parts:?}");
    assert!(!reasoning.is_empty(), "{parts:?}");
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn reasoning_is_beside_the_answer_whatever_the_settings_say() {
    let format = proxy::settings::ReasoningFormat::Think;
    let proxy = real().settings(move |settings| settings.reasoning = format).start().await;
    let events = prompt(&target(&proxy), "gpt-5.5", "[[reasoning=1 say=hello]]").await;
    assert!(matches!(events[0], PlaygroundEvent::Reasoning { .. }), "{events:?}");
    assert_eq!(events.iter().filter(|event| matches!(event, PlaygroundEvent::Text { .. })).count(), 1);
}

/// A conversation whose last prompt makes the sample model describe what it got.
fn conversation() -> ChatRequest {
    let messages = vec![
        message(ChatRole::System, "Be \"brief\"."),
        message(ChatRole::User, "Wie geht's?"),
        message(ChatRole::Assistant, "Gut.\n\nUnd dir?"),
        message(ChatRole::User, "[[echo]]"),
    ];
    ChatRequest { model: "gpt-5.5".to_owned(), messages }
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn a_conversation_is_sent_with_its_system_prompt_and_its_earlier_messages() {
    let proxy = real().start().await;
    let mut answer = String::new();
    playground(&target(&proxy), &conversation(), |event| match event {
        PlaygroundEvent::Text { text, .. } => answer.push_str(&text),
        PlaygroundEvent::Failed { message } => panic!("{message}"),
        PlaygroundEvent::Reasoning { .. } | PlaygroundEvent::Done { .. } => {}
    })
    .await;
    for text in ["brief", "Wie geht's?", "Und dir?"] {
        assert!(answer.contains(text), "{text} is not in {answer}");
    }
}

// Unix only: it is code for a Unix shell.
#[cfg(unix)]
#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn a_conversation_copied_as_code_works_in_a_shell() {
    let proxy = real().start().await;
    let code = conversation_code(CodeLanguage::Curl, &conversation(), &input(&proxy), Some(&Key::new(KEY)));
    let curl = text(&run("sh", &["-c", &code]).await);
    assert!(curl.contains("[DONE]"), "{curl}");
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn dropping_a_prompt_interrupts_its_turn() {
    let proxy = real().start().await;
    let target = target(&proxy);
    let (sender, mut first) = tokio::sync::mpsc::channel(8);
    let request = request("gpt-5.5", "[[words=3 hold=1]]");
    let answer = playground(&target, &request, |event| sender.try_send(event).unwrap());
    let mut answer = answer.boxed();
    tokio::select! {
        () = &mut answer => panic!("the answer is held"),
        event = first.recv() => assert!(matches!(event, Some(PlaygroundEvent::Text { .. })), "{event:?}"),
    }
    drop(answer);
    assert!(proxy.model.wait_for(|event| matches!(event, Event::ClientGone { .. }), TIMEOUT).await.is_some());
}
