//! A relay between a third-party client and the proxy: it forwards everything, and checks everything the proxy sends
//! against OpenAI's schema.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::header::{CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, HOST, TRANSFER_ENCODING};
use axum::response::Response;
use futures_util::TryStreamExt;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::support::schema;

/// A running relay.
pub(crate) struct Relay {
    /// `127.0.0.1:PORT`
    pub(crate) address: String,
    log: Log,
    stop: CancellationToken,
    server: JoinHandle<()>,
}

/// How many bodies and events the relay has checked, and their violations.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<(usize, Vec<String>)>>);

#[derive(Clone)]
struct Upstream {
    http: reqwest::Client,
    proxy: String,
    log: Log,
}

impl Relay {
    pub(crate) async fn new(proxy: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let log = Log::default();
        let upstream =
            Upstream { http: reqwest::Client::new(), proxy: format!("http://{proxy}"), log: log.clone() };
        let router = Router::new().fallback(forward).with_state(upstream);
        let stop = CancellationToken::new();
        let serve = axum::serve(listener, router).with_graceful_shutdown(stop.clone().cancelled_owned());
        let server = tokio::spawn(async { serve.await.unwrap() });
        Self { address, log, stop, server }
    }

    /// Fails unless something was sent and all of it conforms. The client must have exited.
    pub(crate) async fn assert_conforms(self) {
        self.stop.cancel();
        self.server.await.unwrap();
        let (sent, violations) = &*self.log.0.lock().unwrap();
        assert!(
            *sent > 0 && violations.is_empty(),
            "of {sent} bodies and events:\n{}",
            violations.join("\n")
        );
    }
}

async fn forward(State(upstream): State<Upstream>, request: Request) -> Response {
    let (mut parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    for name in [HOST, CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING] {
        parts.headers.remove(name);
    }
    let request = upstream.http.request(parts.method, format!("{}{}", upstream.proxy, parts.uri));
    let answer = request.headers(parts.headers).body(body).send().await.unwrap();
    let mut response = Response::builder().status(answer.status());
    let headers = response.headers_mut().unwrap();
    headers.clone_from(answer.headers());
    headers.remove(CONNECTION);
    headers.remove(TRANSFER_ENCODING);
    let kind = headers.get(CONTENT_TYPE).map(|kind| kind.to_str().unwrap().to_owned());
    let mut watched = Watched { log: upstream.log, kind: kind.unwrap_or_default(), buffer: Vec::new() };
    let bytes = answer.bytes_stream().inspect_ok(move |bytes: &Bytes| watched.read(bytes));
    response.body(Body::from_stream(bytes)).unwrap()
}

/// One response being forwarded.
struct Watched {
    log: Log,
    kind: String,
    buffer: Vec<u8>,
}

impl Watched {
    fn read(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
        if !self.kind.starts_with("text/event-stream") {
            return;
        }
        while let Some(end) = self.buffer.windows(2).position(|window| window == b"\n\n") {
            let block: Vec<u8> = self.buffer.drain(..end + 2).collect();
            let text = String::from_utf8(block).unwrap();
            let data = text.lines().find_map(|line| line.strip_prefix("data: "));
            if let Some(data) = data.filter(|data| *data != "[DONE]") {
                self.check(data.as_bytes(), schema::event_violations);
            }
        }
    }

    fn check(&self, sent: &[u8], violations: fn(&Value) -> Vec<String>) {
        let violations = match serde_json::from_slice(sent) {
            Ok(value) => violations(&value),
            Err(error) => vec![error.to_string()],
        };
        let mut log = self.log.0.lock().unwrap();
        log.0 += 1;
        log.1.extend(
            violations.iter().map(|violation| format!("{violation} in {}", String::from_utf8_lossy(sent))),
        );
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        if self.kind.starts_with("application/json") {
            self.check(&self.buffer, schema::body_violations);
        }
    }
}
