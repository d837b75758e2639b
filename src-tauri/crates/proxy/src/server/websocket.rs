//! `GET /v1/responses`: responses over a WebSocket.
//!
//! A connection takes `response.create` events and sends the events of the responses, the same as a stream has. It is one of
//! the server's connections: it has their limits, and is closed with them.

mod connection;
mod handshake;
mod lanes;
mod message;
mod metered;
mod outbox;

use axum::Extension;
use axum::extract::{Request, State};
use axum::http::header::{CONNECTION, SEC_WEBSOCKET_ACCEPT, UPGRADE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};

use super::connections::ConnectionHold;
use super::middleware::auth::Caller;
use super::state::Proxy;
use crate::error::ApiError;
use connection::Connection;

/// Connect to responses
///
/// A WebSocket that takes events `response.create` with the fields of `POST /v1/responses` and sends the events of its stream, each as a
/// text message. Several responses can follow each other, each with `previous_response_id`, also of one with `store: false` on the same connection;
/// those with different `stream_id` run at once. `generate: false` prepares a response without generating. Errors are events of the type `error`
/// with `status`. `background` needs `POST`.
#[utoipa::path(
    get, path = "/v1/responses", operation_id = "connectResponses", tag = "Responses", security(("key" = [])),
    responses((status = 101, description = "The connection is a WebSocket now."))
)]
pub(crate) async fn connect(
    State(proxy): State<Proxy>,
    Extension(caller): Extension<Caller>,
    mut request: Request,
) -> Result<Response, ApiError> {
    let accept = handshake::accept(&request)?;
    let hold = request.extensions().get::<ConnectionHold>().cloned().ok_or_else(ApiError::internal)?;
    let upgrade = hyper::upgrade::on(&mut request);
    let connection = Connection::new(proxy, caller, request.headers());
    let tasks = hold.tasks.clone();
    tasks.spawn(async move {
        match upgrade.await {
            Ok(upgraded) => connection.run(upgraded, hold).await,
            Err(error) => tracing::trace!(%error, "the connection ended before it became a WebSocket"),
        }
    });
    let headers = [
        (CONNECTION, HeaderValue::from_static("upgrade")),
        (UPGRADE, HeaderValue::from_static("websocket")),
        (SEC_WEBSOCKET_ACCEPT, accept),
    ];
    Ok((StatusCode::SWITCHING_PROTOCOLS, headers).into_response())
}
