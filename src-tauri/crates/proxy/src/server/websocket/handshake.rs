//! The opening handshake of RFC 6455.

use axum::extract::Request;
use axum::http::header::{CONNECTION, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use crate::error::ApiError;

/// The answer to the key of a handshake.
///
/// # Errors
/// When the request is no handshake.
pub(super) fn accept(request: &Request) -> Result<HeaderValue, ApiError> {
    let headers = request.headers();
    let is_handshake = request.method() == Method::GET
        && has_token(headers, &CONNECTION, "upgrade")
        && has_token(headers, &UPGRADE, "websocket")
        && has_token(headers, &SEC_WEBSOCKET_VERSION, "13");
    let key = headers.get(SEC_WEBSOCKET_KEY).filter(|_| is_handshake);
    let key = key.ok_or_else(ApiError::upgrade_required)?;
    HeaderValue::try_from(derive_accept_key(key.as_bytes())).map_err(|_| ApiError::internal())
}

/// Whether a header's list has this token.
fn has_token(headers: &HeaderMap, name: &HeaderName, token: &str) -> bool {
    let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|value| value.trim().eq_ignore_ascii_case(token))
}
