//! The HTTP server: connections, routes, and answers as server-sent events.
//!
//! The accept loop owns all connection tasks, so its end ends all streams. There is no authentication: bind to loopback.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use futures_util::StreamExt;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::api_error::ApiError;
use crate::clock::unix_seconds;
use crate::images;
use crate::limits;
use crate::login;
use crate::player::{Frame, Player};
use crate::recorded::{Origin, Transport};
use crate::state::Shared;
use crate::usage;
use crate::websocket;

/// Concurrent connections. When reached, the next waits in the listener's backlog.
const MAX_CONNECTIONS: usize = 1_024;
/// Enough for a prompt with images. A larger body is a 413.
const MAX_BODY_BYTES: usize = 64 * 1024 * 1024;
/// Wait after a failed accept, typically for lack of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
const MODELS: [&str; 1] = ["gpt-5.5"];

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
    // Nagle's algorithm would delay small events.
    let _ = stream.set_nodelay(true);
    // An error means that the client disconnected, which dropping the body reports.
    let _ = hyper::server::conn::http1::Builder::new()
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router))
        .with_upgrades()
        .await;
}

fn router(shared: Shared) -> Router {
    Router::new()
        .route("/v1/responses", get(websocket::upgrade).post(responses))
        .route("/v1/models", get(models))
        .merge(images::routes())
        .merge(usage::routes())
        .merge(login::routes())
        .fallback(not_found)
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .with_state(shared)
}

async fn responses(State(shared): State<Shared>, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    let origin = Origin::new("POST", uri.to_string(), &headers, Transport::Http);
    if let Some(encoding) = headers.get(header::CONTENT_ENCODING) {
        shared.state.records.push(origin.record(None, Arc::default(), Arc::default()));
        let message = format!(
            "the sample model does not decode {}; start codex with features.enable_request_compression=false",
            String::from_utf8_lossy(encoding.as_bytes())
        );
        return ApiError { status: 415, ..ApiError::invalid_request(message) }.response(json!({}));
    }
    let body: Value = match serde_json::from_slice(&body) {
        Ok(body) => body,
        Err(error) => return ApiError::invalid_request(format!("not JSON: {error}")).response(json!({})),
    };
    let received = shared.state.receive(origin, &Arc::new(body), &Arc::default());
    let mut response = match received.outcome {
        Ok(answer) => stream(Player::new(shared.state, answer)),
        Err(error) => error.response(limits::error_details(received.primary.as_ref())),
    };
    for (name, value) in limits::headers(received.primary.as_ref(), received.secondary.as_ref()) {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

fn stream(player: Player) -> Response {
    let events = player.play().map(|frame| match frame {
        Frame::Event { kind, json } => Ok(Bytes::from(format!("event: {kind}\ndata: {json}\n\n"))),
        // Makes hyper abort the chunked body.
        Frame::Cut => Err(io::Error::from(io::ErrorKind::ConnectionAborted)),
    });
    let headers =
        [(header::CONTENT_TYPE, "text/event-stream; charset=utf-8"), (header::CACHE_CONTROL, "no-cache")];
    (headers, Body::from_stream(events)).into_response()
}

/// OpenAI's model list. codex also reads `models`, which is empty so that codex keeps its own.
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
    ApiError { status: 404, code, ..ApiError::invalid_request(message) }.response(json!({}))
}

fn record(shared: &Shared, method: &Method, uri: &Uri, headers: &HeaderMap) {
    let origin = Origin::new(method.as_str(), uri.to_string(), headers, Transport::Http);
    shared.state.records.push(origin.record(None, Arc::default(), Arc::default()));
}
