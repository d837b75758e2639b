//! A prompt of the user's own, answered through the same door as every client's.
//!
//! Deliberately not here: stopping it. Dropping the future closes the connection, and the server then interrupts the turn as
//! it does for any client that goes away.

use std::time::Duration;

use tokio::time::Instant;

use super::chat::Chat;
use super::client::{Caller, Target};
use super::trouble::Trouble;
use super::types::TestPromptEvent;

/// How the request log names it.
const AGENT: &str = concat!("codex-proxy-test-prompt/", env!("CARGO_PKG_VERSION"));

/// How long the server may take to say who it is.
const GREETING: Duration = Duration::from_secs(5);

/// How long an answer may take. An agent may work for a while, but nobody looks at the window for longer.
const ANSWER: Duration = Duration::from_secs(10 * 60);

/// Asks `model` and tells what comes of it. The last event is `Done` or `Failed`, and there is exactly one of these.
pub async fn run(target: &Target, model: &str, prompt: &str, mut send: impl FnMut(TestPromptEvent)) {
    let event = match answer(target, model, prompt, &mut send).await {
        Ok(done) => done,
        Err(trouble) => TestPromptEvent::Failed { message: trouble.to_string() },
    };
    send(event);
}

async fn answer(
    target: &Target,
    model: &str,
    prompt: &str,
    send: &mut impl FnMut(TestPromptEvent),
) -> Result<TestPromptEvent, Trouble> {
    let caller = Caller::new(target, AGENT);
    caller.greet(GREETING).await?;
    let begun = Instant::now();
    let mut first = None;
    let mut chat = Chat::ask(&caller, model, prompt, ANSWER).await?;
    while let Some(text) = chat.text().await? {
        let first_ms = *first.get_or_insert_with(|| milliseconds(begun));
        send(TestPromptEvent::Text { text, first_ms });
    }
    let Some(first_ms) = first else {
        return Err(Trouble::Unexpected("it is empty".to_owned()));
    };
    Ok(TestPromptEvent::Done { first_ms, total_ms: milliseconds(begun), model: chat.model })
}

/// The milliseconds since `begun`.
pub(super) fn milliseconds(begun: Instant) -> u64 {
    u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX)
}
