//! The playground's requests, sent through the API like any app's. Dropping the future closes the connection, which interrupts the
//! turn.

use std::time::Duration;

use serde_json::json;

use super::chat::{ChatPart, ChatResult, chat};
use super::client::{Caller, Target};
use super::types::{ChatRequest, PlaygroundEvent};

/// The client's name in the request log.
const AGENT: &str = concat!("codex-proxy-playground/", env!("CARGO_PKG_VERSION"));

/// Timeout for the server to identify itself.
const IDENTIFY_TIMEOUT: Duration = Duration::from_secs(5);

/// Timeout of an answer: long enough for an agent, and as long as a user would watch.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10 * 60);

/// Sends a conversation. The last event is the only `Done` or `Failed`.
pub async fn run(target: &Target, request: &ChatRequest, mut send: impl FnMut(PlaygroundEvent)) {
    let caller = Caller::new(target, AGENT);
    let body = json!({
        "stream": true,
        "stream_options": {"include_usage": true},
        // Whatever the settings say, reasoning is shown folded, beside the answer.
        "reasoning_format": "parsed",
        "model": request.model,
        "messages": request.messages,
    });
    let answer = async {
        caller.identify(IDENTIFY_TIMEOUT).await?;
        let part = |part| {
            send(match part {
                ChatPart::Reasoning(text) => PlaygroundEvent::Reasoning { text },
                ChatPart::Text(text, first_ms) => PlaygroundEvent::Text { text, first_ms },
            });
        };
        chat(&caller, &body, ANSWER_TIMEOUT, part).await
    };
    let event = match answer.await {
        Ok(ChatResult { first_ms, total_ms, model, usage }) => {
            PlaygroundEvent::Done { first_ms, total_ms, model, usage }
        }
        Err(error) => PlaygroundEvent::Failed { message: error.to_string() },
    };
    send(event);
}
