//! Errors of requests to our server, as shown to the user. The server's own messages are passed on.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::Value;

use crate::text::truncate;

/// Characters shown of a server's message, which may come from another program.
const MAX_MESSAGE_CHARS: usize = 300;

/// The result of a request.
pub(super) type Result<T> = std::result::Result<T, RequestError>;

/// Why a request failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum RequestError {
    /// The port is closed.
    #[error("Nothing is listening at {0}. Start the proxy, or check the port in Settings › Network.")]
    ConnectionRefused(SocketAddr),
    /// There is no route to the address.
    #[error("{0} can't be reached from this computer. Check Settings › Network.")]
    Unreachable(SocketAddr),
    /// Another program answers.
    #[error("Another program is using {0}. Quit it, or choose another port in Settings › Network.")]
    NotCodexProxy(SocketAddr),
    /// The timeout has passed.
    #[error("No answer within {} s. Try again. If that doesn't help, restart the proxy.", .0.as_secs())]
    TimedOut(Duration),
    /// The connection closed during the answer.
    #[error(
        "The connection closed before the answer was complete. Try again, or see the log files for the reason."
    )]
    Disconnected,
    /// The answer exceeds the size limit.
    #[error("The answer was too large and was stopped. Restart the proxy and try again.")]
    TooLarge,
    /// The body does not match the API.
    #[error("The answer isn't what apps expect: {0}. Restart the proxy and try again.")]
    Unexpected(String),
    /// The key cannot be sent in a header.
    #[error("This key contains characters that can't be sent. Create a new one under Keys.")]
    InvalidKey,
    /// The key is unknown.
    #[error("The key was rejected. It may have been revoked. Choose another one, or create one under Keys.")]
    KeyRejected,
    /// An error message from the server.
    #[error("{0}")]
    Server(String),
}

impl RequestError {
    /// The error of an unsuccessful response.
    pub(super) fn from_response(status: u16, body: &Value) -> Self {
        match error_in(body) {
            _ if status == 401 => Self::KeyRejected,
            Some(error) => error,
            None => Self::Unexpected(format!("status {status} without a message")),
        }
    }
}

/// The error in a body or an event, in OpenAI's format.
pub(super) fn error_in(body: &Value) -> Option<RequestError> {
    let message = body.get("error")?.get("message").and_then(Value::as_str).unwrap_or_default().trim();
    if message.is_empty() {
        return Some(RequestError::Unexpected("an error without a message".to_owned()));
    }
    Some(RequestError::Server(truncate(message, MAX_MESSAGE_CHARS)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from_response(status: u16, body: &str) -> RequestError {
        RequestError::from_response(status, &serde_json::from_str(body).unwrap_or_default())
    }

    #[test]
    fn server_messages_are_passed_on_and_truncated() {
        let body = r#"{"error":{"message":"codex is not signed in. Run `codex login`.","code":"x"}}"#;
        let message = from_response(503, body).to_string();
        assert_eq!(message, "codex is not signed in. Run `codex login`.");
        let long = serde_json::json!({"error":{"message":"ö".repeat(1000)}}).to_string();
        assert_eq!(from_response(500, &long).to_string().chars().count(), MAX_MESSAGE_CHARS + 1);
    }

    #[test]
    fn errors_without_a_message_name_the_status() {
        for body in ["", "<html>", "{}", "[]", "null"] {
            let message = from_response(502, body).to_string();
            assert!(message.contains("status 502"), "{body}: {message}");
        }
        assert!(from_response(500, r#"{"error":"no"}"#).to_string().contains("without a message"));
    }

    #[test]
    fn a_rejected_key_gets_the_windows_own_message() {
        let body = r#"{"error":{"message":"Use `codex-proxyd key new NAME`."}}"#;
        assert_eq!(from_response(401, body), RequestError::KeyRejected);
    }
}
