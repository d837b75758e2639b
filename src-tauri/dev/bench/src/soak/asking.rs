//! Clients whose turns ask before a command.

use std::time::Duration;

use tokio::time::{Instant, timeout};

use super::client::Client;
use super::request::{self, AGENT};
use crate::answer::Route;

/// The error of an answer that was denied and stopped.
const DENIED_AND_STOPPED: &str = "denied_by_owner";
/// One of these clients disconnects before its answer.
const HANG_UP_ONE_IN: u8 = 5;

/// Asks for a command outside the sandbox, and waits for the answer or disconnects.
pub(super) async fn ask(client: &mut Client<'_>, name: &str) {
    let (shared, started) = (client.shared, Instant::now());
    let prompt = format!("[[escalate=\"echo {name} >> {name}.txt\" why=\"soak\"]]");
    let streamed = client.one_in(2);
    let body = request::opening(Route::CHAT, AGENT, &prompt, streamed, 1);
    let hangs_up = client.one_in(HANG_UP_ONE_IN);
    let patience = Duration::from_millis(client.rng.u64(0..=2_000));
    shared.tally.borrow_mut().outcomes.insert(name.to_owned(), None);
    let asking = client.ask_or_fail(name, Route::CHAT, &body, &[DENIED_AND_STOPPED]);
    let answer = match hangs_up {
        true => timeout(patience, asking).await.ok(),
        false => Some(asking.await),
    };
    let is_hit = shared.faults.killed_within(started, Instant::now());
    shared.approvals.record(name, is_hit);
    let mut tally = shared.tally.borrow_mut();
    match answer {
        None => tally.hung_up += 1,
        // Tallied already.
        Some(None) => {}
        Some(Some(Err(()))) => tally.refused += 1,
        Some(Some(Ok(answer))) => match answer.texts.values().next().map_or("", String::as_str) {
            text if text.contains("Tool results:") => tally.correct += 1,
            text => tally.fail(format_args!("{name}: {text:.200}")),
        },
    }
}
