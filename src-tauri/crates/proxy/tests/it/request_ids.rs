//! Request ids: in the response header, in every line of the program's log, and in the request log.

use std::cell::RefCell;
use std::io::Write;
use std::sync::Once;

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::log::RowState;
use crate::support::{KEY, TestProxy, eventually, fake, prompt_body, real};

thread_local! {
    /// Everything logged by this thread, on which these tests run almost everything.
    static LOGGED: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// The program's log, in memory. It is global: a log set up per test could miss events while other tests run.
struct Log;

impl Log {
    fn start() -> Self {
        static STARTED: Once = Once::new();
        STARTED.call_once(|| {
            let filter = tracing_subscriber::EnvFilter::new("proxy=debug");
            let lines =
                tracing_subscriber::fmt().with_env_filter(filter).with_ansi(false).with_writer(|| Log);
            tracing::subscriber::set_global_default(lines.finish()).unwrap();
        });
        LOGGED.take();
        Self
    }

    fn lines(&self) -> Vec<String> {
        let text = LOGGED.with_borrow(|logged| String::from_utf8(logged.clone()).unwrap());
        text.lines().map(str::to_owned).collect()
    }

    /// The lines that contain `what`.
    fn lines_with(&self, what: &str) -> Vec<String> {
        self.lines().into_iter().filter(|line| line.contains(what)).collect()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        // A thread that is exiting no longer belongs to a test.
        let _ = LOGGED.try_with(|logged| logged.borrow_mut().extend_from_slice(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// The rows of the request log with this id: their states and codes.
fn rows(proxy: &TestProxy, request_id: &str) -> Vec<(RowState, Option<String>)> {
    let rows = proxy.log.rows().into_iter().filter(|row| row.arrival.request_id == request_id);
    rows.map(|row| (row.state, row.code)).collect()
}

fn request_id_of(response: &reqwest::Response) -> String {
    response.headers()["x-request-id"].to_str().unwrap().to_owned()
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn request_id_links_response_log_lines_and_request_log() {
    let log = Log::start();
    let proxy = real().start().await;
    let post = |path: &str, body: &Value| {
        proxy
            .anonymous(Method::POST, path)
            .bearer_auth(KEY)
            .header("x-request-id", "of-the-client/7")
            .json(body)
    };
    // Every route keeps the client's id; each of the two prompts has a row.
    for (path, body) in [
        ("/v1/chat/completions", prompt_body("[[words=1]]")),
        ("/v1/completions", json!({"model":"gpt-5.5","prompt":["[[words=1]]", "[[words=1]]"]})),
        ("/v1/responses", json!({"model":"gpt-5.5","input":"[[words=1]]"})),
    ] {
        let response = post(path, &body).send().await.unwrap();
        assert_eq!(
            (response.status().as_u16(), request_id_of(&response).as_str()),
            (200, "of-the-client/7"),
            "{path}"
        );
        response.bytes().await.unwrap();
    }
    // Generated ids, for a complete stream, a rejected request and a disconnected client.
    let mut stream = proxy.stream("[[words=2]]").await;
    let streamed = request_id_of(&stream.response);
    stream.rest().await;
    let rejected = request_id_of(&proxy.chat(&json!({"model":"gpt-5.5"})).await);
    let mut dropped = proxy.stream("[[words=3 hold=1]]").await;
    let dropped_id = request_id_of(&dropped.response);
    dropped.next_text().await;
    drop(dropped);
    eventually("no request is running", || proxy.log.running() == 0).await;

    let done = || (RowState::Done, None);
    assert_eq!(rows(&proxy, "of-the-client/7"), [done(), done(), done(), done()]);
    assert_eq!(rows(&proxy, &streamed), [done()]);
    assert_eq!(rows(&proxy, &rejected), [(RowState::Failed, Some("invalid_request".to_owned()))]);
    assert_eq!(rows(&proxy, &dropped_id), [(RowState::Stopped, None)]);

    let of = |id: &str| format!("request{{id=\"{id}\"}}");
    for (what, id, lines) in [
        ("answered", "of-the-client/7", 3),
        ("turn done", "of-the-client/7", 4),
        ("answered", &streamed, 1),
        ("turn done", &streamed, 1),
        ("answered", &rejected, 1),
        ("turn interrupted", &dropped_id, 1),
    ] {
        let found = log.lines_with(what);
        assert_eq!(found.iter().filter(|line| line.contains(&of(id))).count(), lines, "{what}: {found:#?}");
    }
    for what in ["answered", "turn "] {
        assert!(log.lines_with(what).iter().all(|line| line.contains("request{id=")), "{:#?}", log.lines());
    }
}

#[tokio::test]
async fn invalid_request_id_is_replaced_everywhere() {
    let log = Log::start();
    let proxy = fake("").start().await;
    for bad in ["two words", "x\ty", "\u{e9}", &"x".repeat(200)] {
        let request = proxy.anonymous(Method::POST, "/v1/chat/completions").bearer_auth(KEY);
        let bytes = reqwest::header::HeaderValue::from_bytes(bad.as_bytes()).unwrap();
        let request = request.header("x-request-id", bytes).json(&prompt_body("hi"));
        let response = request.send().await.unwrap();
        let id = request_id_of(&response);
        assert!(id.starts_with("req_") && response.status() == 200, "{bad:?} became {id}");
    }
    // The first of two wins.
    let request = proxy.anonymous(Method::POST, "/v1/chat/completions").bearer_auth(KEY);
    let request = request.header("x-request-id", "first").header("x-request-id", "second");
    assert_eq!(request_id_of(&request.json(&prompt_body("hi")).send().await.unwrap()), "first");
    assert_eq!((rows(&proxy, "first").len(), rows(&proxy, "second").len()), (1, 0));
    for bad in ["two words", "xxxx"] {
        assert!(rows(&proxy, bad).is_empty() && log.lines_with(bad).is_empty(), "{:#?}", log.lines());
    }
}
