//! A prompt of the user's own, answered through the same door as every client's.
//!
//! Deliberately not here: stopping it. Dropping the future closes the connection, and the server then interrupts the turn as
//! it does for any client that goes away.

use std::time::Duration;

use super::chat::{Answered, chat};
use super::client::{Caller, Target};
use super::types::TestPromptEvent;

/// How the request log names it.
const AGENT: &str = concat!("codex-proxy-test-prompt/", env!("CARGO_PKG_VERSION"));

/// How long the server may take to say who it is.
const GREETING: Duration = Duration::from_secs(5);

/// How long an answer may take. An agent may work for a while, but nobody looks at the window for longer.
const ANSWER: Duration = Duration::from_secs(10 * 60);

/// Asks `model` and tells what comes of it. The last event is `Done` or `Failed`, and there is exactly one of these.
pub async fn run(target: &Target, model: &str, prompt: &str, mut send: impl FnMut(TestPromptEvent)) {
    let caller = Caller::new(target, AGENT);
    let answer = async {
        caller.greet(GREETING).await?;
        let text = |text, first_ms| send(TestPromptEvent::Text { text, first_ms });
        chat(&caller, model, prompt, ANSWER, text).await
    };
    let event = match answer.await {
        Ok(Answered { first_ms, total_ms, model }) => TestPromptEvent::Done { first_ms, total_ms, model },
        Err(trouble) => TestPromptEvent::Failed { message: trouble.to_string() },
    };
    send(event);
}
