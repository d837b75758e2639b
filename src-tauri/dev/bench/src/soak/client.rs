//! A client of a soak, and what all of them share: where the proxy is, what was done to codex, and the count.
//!
//! A request that is sent here is judged here as far as that goes without knowing what it asked for: an error is a failure,
//! unless codex was killed meanwhile. Clients that hang up use a raw socket (`slow_clients`).

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::fmt;
use std::time::Duration;

use anyhow::{Result, anyhow};
use fastrand::Rng;
use reqwest::header::CONTENT_TYPE;
use serde_json::Value;
use tokio::time::{Instant, timeout};

use super::faults::{Faults, rest};
use super::request::{AGENT, TOOL};
use crate::answer::{Answer, Route, code_of};
use crate::http;
use crate::round_spec::MODEL;

/// The key of every client that has one.
pub(super) const KEY: &str = "sk-soak-of-codex-proxyd";
/// The header that names a request, in the proxy's log too.
pub(super) const REQUEST_ID: &str = "x-request-id";
/// Longer than any answer takes here, however busy the machine is.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(120);
/// What a kill may cost a request: codex ended in the middle, or was not there again yet. The last one is what a response that
/// has begun says, since OpenAI has no better code for that.
const KILL_CODES: [&str; 3] = ["codex_disconnected", "codex_unavailable", "server_error"];

/// Failures that are listed; the rest is counted.
const MAX_LISTED: usize = 40;

/// What became of a request, as its client saw it: the status of an answer that came to its end, or ended with an error
/// within it; or `None`, when the client hung up or the connection was lost.
pub(super) type Outcome = Option<u16>;

/// The count.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// Answers with exactly the text that was expected.
    pub(super) right: u64,
    /// Requests that were refused as they should be.
    pub(super) refused: u64,
    /// Requests that the client gave up.
    pub(super) hung_up: u64,
    /// Answers that a kill of codex has cost.
    pub(super) killed: u64,
    pub(super) failed: u64,
    failures: Vec<String>,
    /// By the id that the client gave the request.
    pub(super) outcomes: HashMap<String, Outcome>,
    /// The ids that the proxy gave its answers.
    answers: HashSet<String>,
}

impl Tally {
    pub(super) fn fail(&mut self, what: impl fmt::Display) {
        self.failed += 1;
        if self.failures.len() < MAX_LISTED {
            self.failures.push(what.to_string());
        }
    }

    /// A failure that comes before all others, because they may come of it.
    pub(super) fn fail_first(&mut self, what: impl fmt::Display) {
        self.failed += 1;
        self.failures.insert(0, what.to_string());
    }

    /// Records the id of an answer, which no other may have.
    pub(super) fn add_answer(&mut self, request: &str, id: &str) {
        if !self.answers.insert(id.to_owned()) {
            self.fail(format_args!("{request}: the answer's id {id} has been given before"));
        }
    }

    /// What went wrong, a line each.
    pub(super) fn failures(&self) -> Vec<String> {
        let more = self.failed.saturating_sub(self.failures.len() as u64);
        let more = (more > 0).then(|| format!("and {more} more"));
        self.failures.iter().cloned().chain(more).collect()
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { right, refused, hung_up, killed, failed, .. } = self;
        write!(
            f,
            "{right} right, {refused} refused, {hung_up} hung up on, {killed} lost to kills, {failed} wrong"
        )
    }
}

/// What all clients share. They run on one thread.
#[derive(Debug, Default)]
pub(super) struct Shared {
    /// Such as `http://127.0.0.1:4321`.
    pub(super) address: String,
    pub(super) faults: Faults,
    pub(super) tally: RefCell<Tally>,
}

/// One client, with connections that end with it.
pub(super) struct Client<'a> {
    pub(super) shared: &'a Shared,
    pub(super) http: reqwest::Client,
    pub(super) rng: Rng,
}

impl Shared {
    /// Whether an error of this code may be what a kill has cost a request that began then.
    pub(super) fn is_of_a_kill(&self, code: &str, begun: Instant) -> bool {
        KILL_CODES.contains(&code) && self.faults.killed_within(begun, Instant::now())
    }
}

impl<'a> Client<'a> {
    pub(super) fn new(shared: &'a Shared, rng: Rng) -> Result<Self> {
        Ok(Self { shared, http: http::client()?, rng })
    }

    /// Once in so many times.
    pub(super) fn one_in(&mut self, times: u8) -> bool {
        self.rng.u8(..times) == 0
    }

    pub(super) fn random_model(&mut self) -> &'static str {
        if self.one_in(10) { AGENT } else { MODEL }
    }

    pub(super) fn random_route(&mut self) -> Route {
        self.rng.choice([Route::CHAT, Route::RESPONSES, Route::COMPLETIONS]).unwrap_or(Route::CHAT)
    }

    /// Asks, and gives the whole answer; `None` when there is none, which is counted then. A slow reader rests after some events.
    pub(super) async fn ask(&mut self, id: &str, route: Route, body: &Value, slow: bool) -> Option<Answer> {
        let (shared, begun) = (self.shared, Instant::now());
        let request = self.http.post(format!("{}{}", shared.address, route.0)).bearer_auth(KEY);
        let request = request.header(REQUEST_ID, id).header(CONTENT_TYPE, "application/json");
        let rng = &mut self.rng;
        let look = async |_: &mut Answer| {
            if slow && rng.u8(..8) == 0 {
                rest(rng, 0..=20).await;
            }
        };
        let answer = http::answer(request.body(body.to_string()), route, body["stream"] == true, look);
        let late = |_| (None, Err(anyhow!("no end within {ANSWER_TIMEOUT:?}")));
        let (status, answer) = timeout(ANSWER_TIMEOUT, answer).await.unwrap_or_else(late);
        let mut tally = shared.tally.borrow_mut();
        tally.outcomes.insert(id.to_owned(), status);
        match &answer {
            Ok(answer) => tally.add_answer(id, &answer.id),
            Err(error) if shared.is_of_a_kill(code_of(error), begun) => tally.killed += 1,
            Err(error) => tally.fail(format_args!("{id} ({}): {status:?} {error:#}", route.0)),
        }
        answer.ok()
    }

    /// Counts an answer as right, if it is: it must have these texts and call the tool with these arguments, and nothing else.
    /// One that is `excused` may be another.
    pub(super) fn check(
        &self,
        id: &str,
        answer: &Answer,
        wanted: (&[String], &[String]),
        excused: bool,
    ) -> bool {
        let texts: Vec<&str> = answer.texts.values().map(|text| text.trim_end()).collect();
        let calls = answer.calls.values().map(|call| call.arguments.as_str()).collect::<Vec<_>>();
        let named = answer.calls.values().all(|call| call.name == TOOL);
        let mut tally = self.shared.tally.borrow_mut();
        let right = named && texts == wanted.0 && calls == wanted.1;
        match (right, excused) {
            (true, _) => tally.right += 1,
            (_, true) => tally.killed += 1,
            _ => tally.fail(format!("{id}: {texts:.200?} {calls:?}, and not {wanted:.200?}")),
        }
        right
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_counted_beyond_those_that_are_listed() {
        let mut tally = Tally::default();
        tally.add_answer("a", "chatcmpl-1");
        assert_eq!(tally.failed, 0);
        for _ in 0..=MAX_LISTED {
            tally.add_answer("b", "chatcmpl-1");
        }
        assert_eq!(tally.failed, MAX_LISTED as u64 + 1);
        assert_eq!(tally.failures().len(), MAX_LISTED + 1);
        assert_eq!(tally.failures().last().unwrap(), "and 1 more");
        tally.fail_first("codex-proxyd ended by itself");
        assert_eq!(tally.failures()[0], "codex-proxyd ended by itself");
    }
}
