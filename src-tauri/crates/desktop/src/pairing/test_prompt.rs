//! Sends the user's prompt through the API, like any app. Dropping the future closes the connection, which interrupts the turn.

use std::time::Duration;

use super::chat::{ChatResult, chat};
use super::client::{Caller, Target};
use super::types::TestPromptEvent;

/// The client's name in the request log.
const AGENT: &str = concat!("codex-proxy-test-prompt/", env!("CARGO_PKG_VERSION"));

/// Timeout for the server to identify itself.
const IDENTIFY_TIMEOUT: Duration = Duration::from_secs(5);

/// Timeout of an answer: long enough for an agent, and as long as a user would watch.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10 * 60);

/// Sends `prompt` to `model`. The last event is the only `Done` or `Failed`.
pub async fn run(target: &Target, model: &str, prompt: &str, mut send: impl FnMut(TestPromptEvent)) {
    let caller = Caller::new(target, AGENT);
    let answer = async {
        caller.identify(IDENTIFY_TIMEOUT).await?;
        let text = |text, first_ms| send(TestPromptEvent::Text { text, first_ms });
        chat(&caller, model, prompt, ANSWER_TIMEOUT, text).await
    };
    let event = match answer.await {
        Ok(ChatResult { first_ms, total_ms, model }) => TestPromptEvent::Done { first_ms, total_ms, model },
        Err(error) => TestPromptEvent::Failed { message: error.to_string() },
    };
    send(event);
}
