//! Errors of WebSockets. They arrive as events, and with the status that an HTTP response would have.

use axum::http::StatusCode;

use super::ApiError;

impl ApiError {
    /// A `GET` of a route that is a WebSocket, without its handshake.
    pub(crate) fn upgrade_required() -> Self {
        let message = "GET here opens a WebSocket, and this request has no handshake for one. Send POST to create a response.";
        Self::new(StatusCode::UPGRADE_REQUIRED, "upgrade_required", message).loggable()
    }

    /// The type of a client's event is unknown.
    pub(crate) fn unknown_event() -> Self {
        Self::invalid("type", "The type of the event must be response.create.").loggable()
    }

    /// A client's event is not text.
    pub(crate) fn not_text() -> Self {
        Self::unreadable("Events must be JSON in text messages, not in binary ones.").loggable()
    }

    /// The name of a lane is not valid.
    pub(crate) fn bad_stream_id() -> Self {
        Self::invalid("stream_id", "stream_id must be a text of at most 256 bytes.").loggable()
    }

    /// A response in the background over a WebSocket.
    pub(crate) fn no_background() -> Self {
        let message =
            "A response in the background is not available over a WebSocket. Send POST /v1/responses.";
        Self::unsupported("background", message).loggable()
    }

    /// Too many responses run or wait on one connection.
    pub(crate) fn too_many_on_connection(limit: usize) -> Self {
        let message =
            format!("This connection already has {limit} responses that run or wait. Wait for one to end.");
        Self::new(StatusCode::TOO_MANY_REQUESTS, "rate_limit_exceeded", message).loggable()
    }

    /// The connection has reached its maximum age. codex knows this code and connects again.
    pub(crate) fn connection_too_old() -> Self {
        let message = "This connection has reached its maximum age of an hour. Open another one.";
        Self::new(StatusCode::BAD_REQUEST, "websocket_connection_limit_reached", message).loggable()
    }
}
