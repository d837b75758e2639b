//! The HTTP side: connections, routes, and an answer as server-sent events.
//!
//! Every connection is a task in a set owned by the accept loop, so the end of the loop is the end of all streams.
//! Deliberately not here: keys and TLS. Whoever reaches the port is answered; bind it to loopback.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use futures_util::StreamExt;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::api_error::Refusal;
use crate::limits;
use crate::player::{Played, Player};
use crate::recorded::{Origin, Transport};
use crate::state::{Shared, unix_seconds};
use crate::websocket;

/// Connections served at once. When all are taken, the next waits in the listener's backlog.
const MAX_CONNECTIONS: usize = 1_024;
/// The largest request body: a prompt with images in it. A larger one is a 413.
const MAX_BODY_BYTES: usize = 64 * 1024 * 1024;
/// How long to wait when accepting fails, which is for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// The models named to whoever asks.
const MODELS: [&str; 1] = ["gpt-5.5"];

/// Serves until stopped.
pub(crate) async fn serve(listener: TcpListener, shared: Shared) {
    let router = router(shared.clone());
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            () = shared.stop.cancelled() => return,
            Some(_) = connections.join_next() => {}
            accepted = listener.accept(), if connections.len() < MAX_CONNECTIONS => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(connection(stream, router.clone()));
                }
                Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
            },
        }
    }
}

async fn connection(stream: TcpStream, router: Router) {
    // Without it a small event may wait for the acknowledgement of the one before.
    let _ = stream.set_nodelay(true);
    // An error is the client's going away, which the dropped body reports.
    let _ = hyper::server::conn::http1::Builder::new()
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router))
        .with_upgrades()
        .await;
}

fn router(shared: Shared) -> Router {
    Router::new()
        .route("/v1/responses", get(websocket::upgrade).post(responses))
        .route("/v1/models", get(models))
        .fallback(not_found)
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .with_state(shared)
}

async fn responses(State(shared): State<Shared>, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    let origin = Origin::new("POST", uri.to_string(), &headers, Transport::Http);
    if let Some(encoding) = headers.get(header::CONTENT_ENCODING) {
        shared.stage.records.push(origin.record(None, Arc::default(), Arc::default()));
        let message = format!(
            "the sample model does not decode {}; start codex with features.enable_request_compression=false",
            String::from_utf8_lossy(encoding.as_bytes())
        );
        return refuse(&Refusal { status: 415, ..Refusal::invalid_request(message) }, json!({}));
    }
    let body: Value = match serde_json::from_slice(&body) {
        Ok(body) => body,
        Err(error) => return refuse(&Refusal::invalid_request(format!("not JSON: {error}")), json!({})),
    };
    let received = shared.stage.receive(origin, &Arc::new(body), &Arc::default());
    let mut response = match received.outcome {
        Ok(performance) => stream(Player::new(shared.stage, performance)),
        Err(refusal) => refuse(&refusal, limits::error_details(received.primary.as_ref())),
    };
    for (name, value) in limits::headers(received.primary.as_ref(), received.secondary.as_ref()) {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

fn stream(player: Player) -> Response {
    let events = player.play().map(|played| match played {
        Played::Event { kind, json } => Ok(Bytes::from(format!("event: {kind}\ndata: {json}\n\n"))),
        // An error in the body makes hyper close the connection in the middle of the chunks.
        Played::Cut => Err(io::Error::from(io::ErrorKind::ConnectionAborted)),
    });
    let headers =
        [(header::CONTENT_TYPE, "text/event-stream; charset=utf-8"), (header::CACHE_CONTROL, "no-cache")];
    (headers, Body::from_stream(events)).into_response()
}

/// An HTTP error with OpenAI's body; `details` are added to the error object.
fn refuse(refusal: &Refusal, details: Value) -> Response {
    let mut error = refusal.error();
    if let (Some(error), Value::Object(details)) = (error.as_object_mut(), details) {
        error.extend(details);
    }
    let status = StatusCode::from_u16(refusal.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = (status, axum::Json(json!({ "error": error }))).into_response();
    if let Some(seconds) = refusal.retry_after {
        response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    }
    response
}

/// OpenAI's list, with the `models` that codex reads beside it: empty, so that codex keeps its own.
async fn models(State(shared): State<Shared>, uri: Uri, headers: HeaderMap) -> axum::Json<Value> {
    record(&shared, &Method::GET, &uri, &headers);
    let created = unix_seconds();
    let data =
        MODELS.map(|id| json!({"id": id, "object": "model", "created": created, "owned_by": "sample-model"}));
    axum::Json(json!({"object": "list", "data": data, "models": []}))
}

async fn not_found(State(shared): State<Shared>, method: Method, uri: Uri, headers: HeaderMap) -> Response {
    record(&shared, &method, &uri, &headers);
    let message = format!("the sample model has no {method} {}", uri.path());
    let code = Some("not_found".to_owned());
    refuse(&Refusal { status: 404, code, ..Refusal::invalid_request(message) }, json!({}))
}

fn record(shared: &Shared, method: &Method, uri: &Uri, headers: &HeaderMap) {
    let origin = Origin::new(method.as_str(), uri.to_string(), headers, Transport::Http);
    shared.stage.records.push(origin.record(None, Arc::default(), Arc::default()));
}
