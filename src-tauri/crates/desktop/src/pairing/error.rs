//! What can go wrong between us and our own server, each as the sentence that the user reads: what happened, and what to do.
//!
//! Deliberately not here: what the server itself says is wrong. Its errors are written for people already and pass through.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::Value;

use crate::text::truncated;

/// How much of a server's own words is shown. More than that is not a sentence, and may come from a stranger.
const MAX_SHOWN: usize = 300;

/// Why a request did not get what a client needs.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Trouble {
    /// The port is closed.
    #[error("Nothing listens on {0}. Start the proxy, or look in the settings which port it uses.")]
    NothingListens(SocketAddr),
    /// The system found no way there.
    #[error("{0} cannot be reached from this machine. Look in the settings which addresses the proxy uses.")]
    Unreachable(SocketAddr),
    /// What answers is another program.
    #[error("Another program answers on {0}. End that program, or choose another port in the settings.")]
    NotUs(SocketAddr),
    /// A limit of time has passed.
    #[error("No answer came within {} s. Try again; if that does not help, restart the proxy.", .0.as_secs())]
    TooSlow(Duration),
    /// The connection ended within the answer.
    #[error("The answer broke off before its end. Try again; the proxy's log says why.")]
    BrokeOff,
    /// A limit of size has passed.
    #[error("The answer is far larger than it should be, and was given up.")]
    TooLarge,
    /// A body that is not what the API promises.
    #[error("The answer is not what a client expects: {0}.")]
    Unexpected(String),
    /// The request could not even be written.
    #[error("This key holds characters that no request can carry. Make a new one under Keys.")]
    BadKey,
    /// The key is not known.
    #[error("The key was refused. It may have been revoked: choose another, or make a new one under Keys.")]
    KeyRefused,
    /// The server said no, in its own words.
    #[error("{0}")]
    Said(String),
}

impl Trouble {
    /// The trouble in an answer whose status is not a success.
    pub(super) fn of_answer(status: u16, body: &Value) -> Self {
        match error_of(body) {
            _ if status == 401 => Self::KeyRefused,
            Some(trouble) => trouble,
            None => Self::Unexpected(format!("status {status}, without a word why")),
        }
    }
}

/// The error that a body or an event of a stream carries in OpenAI's shape.
pub(super) fn error_of(body: &Value) -> Option<Trouble> {
    let message = body.get("error")?.get("message").and_then(Value::as_str).unwrap_or_default().trim();
    if message.is_empty() {
        return Some(Trouble::Unexpected("an error without a word why".to_owned()));
    }
    Some(Trouble::Said(truncated(message, MAX_SHOWN)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_answer(status: u16, body: &str) -> Trouble {
        Trouble::of_answer(status, &serde_json::from_str(body).unwrap_or_default())
    }

    #[test]
    fn the_servers_own_words_are_passed_on_and_long_ones_cut() {
        let body = r#"{"error":{"message":"codex is not signed in. Run `codex login`.","code":"x"}}"#;
        let said = of_answer(503, body).to_string();
        assert_eq!(said, "codex is not signed in. Run `codex login`.");
        let long = serde_json::json!({"error":{"message":"ö".repeat(1000)}}).to_string();
        assert_eq!(of_answer(500, &long).to_string().chars().count(), MAX_SHOWN + 1);
    }

    #[test]
    fn an_error_without_words_still_makes_a_sentence() {
        for body in ["", "<html>", "{}", "[]", "null"] {
            let said = of_answer(502, body).to_string();
            assert!(said.contains("status 502"), "{body}: {said}");
        }
        assert!(of_answer(500, r#"{"error":"no"}"#).to_string().contains("without a word"));
    }

    #[test]
    fn a_refused_key_is_said_in_the_windows_words() {
        let body = r#"{"error":{"message":"Use `codex-proxyd key new NAME`."}}"#;
        assert_eq!(of_answer(401, body), Trouble::KeyRefused);
    }
}
