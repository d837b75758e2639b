//! A client of a soak, and what all clients share: the proxy's address, the faults injected so far, and the tally.
//!
//! An error is a failure unless a kill of codex explains it. Clients that disconnect use a raw socket (`slow_clients`).

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::fmt;
use std::time::Duration;

use anyhow::{Result, anyhow};
use fastrand::Rng;
use reqwest::header::CONTENT_TYPE;
use serde_json::Value;
use tokio::time::{Instant, timeout};

use super::approvals::Approvals;
use super::faults::{Faults, sleep_random};
use super::request::{AGENT, TOOL};
use crate::answer::{Answer, Route, api_error_code};
use crate::http;
use crate::round_spec::MODEL;

/// The key of every client with a valid one.
pub(super) const KEY: &str = "sk-soak-of-codex-proxyd";
/// The request's id, which the proxy also logs.
pub(super) const REQUEST_ID: &str = "x-request-id";
/// Longer than any answer takes, even on a busy machine.
pub(super) const ANSWER_TIMEOUT: Duration = Duration::from_secs(120);
/// Errors that a kill explains: codex ended during the turn, or has not restarted yet. A response that has begun can only report
/// `server_error`, since OpenAI has no better code.
const KILL_CODES: [&str; 3] = ["codex_disconnected", "codex_unavailable", "server_error"];

/// Failures that are listed; the rest are only counted.
const MAX_LISTED: usize = 40;

/// A request's status as its client saw it, or `None` if the client disconnected or lost the connection.
pub(super) type Outcome = Option<u16>;

#[derive(Debug, Default)]
pub(super) struct Tally {
    /// Answers with exactly the expected text.
    pub(super) correct: u64,
    /// Requests that failed as expected.
    pub(super) refused: u64,
    /// Requests whose client disconnected.
    pub(super) hung_up: u64,
    /// Answers lost to a kill of codex.
    pub(super) killed: u64,
    pub(super) failed: u64,
    failures: Vec<String>,
    /// By request id.
    pub(super) outcomes: HashMap<String, Outcome>,
    /// The ids of all answers.
    answers: HashSet<String>,
}

impl Tally {
    pub(super) fn fail(&mut self, what: impl fmt::Display) {
        self.failed += 1;
        if self.failures.len() < MAX_LISTED {
            self.failures.push(what.to_string());
        }
    }

    /// Lists a failure before all others, since it may have caused them.
    pub(super) fn fail_first(&mut self, what: impl fmt::Display) {
        self.failed += 1;
        self.failures.insert(0, what.to_string());
    }

    /// Records an answer's id, which must be unique.
    pub(super) fn add_answer(&mut self, request: &str, id: &str) {
        if !self.answers.insert(id.to_owned()) {
            self.fail(format_args!("{request}: duplicate answer id {id}"));
        }
    }

    /// One line per failure.
    pub(super) fn failures(&self) -> Vec<String> {
        let more = self.failed.saturating_sub(self.failures.len() as u64);
        let more = (more > 0).then(|| format!("and {more} more"));
        self.failures.iter().cloned().chain(more).collect()
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { correct, refused, hung_up, killed, failed, .. } = self;
        write!(
            f,
            "{correct} correct, {refused} refused, {hung_up} disconnected, {killed} lost to kills, {failed} failed"
        )
    }
}

/// Shared by all clients, which run on one thread.
#[derive(Debug, Default)]
pub(super) struct Shared {
    pub(super) address: String,
    pub(super) faults: Faults,
    pub(super) approvals: Approvals,
    pub(super) tally: RefCell<Tally>,
}

/// A client with its own connections.
pub(super) struct Client<'a> {
    pub(super) shared: &'a Shared,
    pub(super) http: reqwest::Client,
    pub(super) rng: Rng,
}

impl Shared {
    /// Whether a kill explains this error code, for a request sent at `started`.
    pub(super) fn excused_by_kill(&self, code: &str, started: Instant) -> bool {
        KILL_CODES.contains(&code) && self.faults.killed_within(started, Instant::now())
    }
}

impl<'a> Client<'a> {
    pub(super) fn new(shared: &'a Shared, rng: Rng) -> Result<Self> {
        Ok(Self { shared, http: http::client()?, rng })
    }

    /// True with a probability of one in `times`.
    pub(super) fn one_in(&mut self, times: u8) -> bool {
        self.rng.u8(..times) == 0
    }

    pub(super) fn random_model(&mut self) -> &'static str {
        if self.one_in(10) { AGENT } else { MODEL }
    }

    pub(super) fn random_route(&mut self) -> Route {
        self.rng.choice([Route::CHAT, Route::RESPONSES, Route::COMPLETIONS]).unwrap_or(Route::CHAT)
    }

    /// Sends a request and returns the complete answer, or tallies why there is none. A slow client pauses after some events.
    pub(super) async fn ask(&mut self, id: &str, route: Route, body: &Value, slow: bool) -> Option<Answer> {
        self.send(id, route, body, slow, &[]).await?.ok()
    }

    /// Sends a request that may fail with one of these codes, which is `Err`.
    pub(super) async fn ask_or_fail(
        &mut self,
        id: &str,
        route: Route,
        body: &Value,
        codes: &[&str],
    ) -> Option<Result<Answer, ()>> {
        self.send(id, route, body, false, codes).await
    }

    /// Sends a request that must fail with one of these codes.
    pub(super) async fn ask_in_vain(&mut self, id: &str, route: Route, body: &Value, codes: &[&str]) {
        match self.send(id, route, body, false, codes).await {
            None => {}
            Some(Err(())) => self.shared.tally.borrow_mut().refused += 1,
            Some(Ok(answer)) => {
                let mut tally = self.shared.tally.borrow_mut();
                tally.fail(format_args!("{id} ({}): {:.200?}, expected {codes:?}", route.0, answer.texts));
            }
        }
    }

    /// Sends a request. Returns the complete answer, or `Err` for one of the expected codes; any other error is tallied.
    async fn send(
        &mut self,
        id: &str,
        route: Route,
        body: &Value,
        slow: bool,
        expected: &[&str],
    ) -> Option<Result<Answer, ()>> {
        let (shared, started) = (self.shared, Instant::now());
        let request = self.http.post(format!("{}{}", shared.address, route.0)).bearer_auth(KEY);
        let request = request.header(REQUEST_ID, id).header(CONTENT_TYPE, "application/json");
        let rng = &mut self.rng;
        let on_event = async |_: &mut Answer| {
            if slow && rng.u8(..8) == 0 {
                sleep_random(rng, 0..=20).await;
            }
        };
        let answer = http::answer(request.body(body.to_string()), route, body["stream"] == true, on_event);
        let late = |_| (None, Err(anyhow!("timed out after {ANSWER_TIMEOUT:?}")));
        let (status, answer) = timeout(ANSWER_TIMEOUT, answer).await.unwrap_or_else(late);
        let mut tally = shared.tally.borrow_mut();
        tally.outcomes.insert(id.to_owned(), status);
        match answer {
            Ok(answer) => {
                tally.add_answer(id, &answer.id);
                return Some(Ok(answer));
            }
            Err(error) if expected.contains(&api_error_code(&error)) => return Some(Err(())),
            Err(error) if shared.excused_by_kill(api_error_code(&error), started) => tally.killed += 1,
            Err(error) => tally.fail(format_args!("{id} ({}): {status:?} {error:#}", route.0)),
        }
        None
    }

    /// Tallies an answer, which must have exactly these texts and tool call arguments. If `excused`, a kill explains a wrong one.
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
        let correct = named && texts == wanted.0 && calls == wanted.1;
        match (correct, excused) {
            (true, _) => tally.correct += 1,
            (_, true) => tally.killed += 1,
            _ => tally.fail(format!("{id}: {texts:.200?} {calls:?}, expected {wanted:.200?}")),
        }
        correct
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_beyond_the_listed_ones_are_counted() {
        let mut tally = Tally::default();
        tally.add_answer("a", "chatcmpl-1");
        assert_eq!(tally.failed, 0);
        for _ in 0..=MAX_LISTED {
            tally.add_answer("b", "chatcmpl-1");
        }
        assert_eq!(tally.failed, MAX_LISTED as u64 + 1);
        assert_eq!(tally.failures().len(), MAX_LISTED + 1);
        assert_eq!(tally.failures().last().unwrap(), "and 1 more");
        tally.fail_first("codex-proxyd exited");
        assert_eq!(tally.failures()[0], "codex-proxyd exited");
    }
}
