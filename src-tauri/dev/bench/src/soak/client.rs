//! A client of a soak, and what all of them share: where the proxy is, what was done to codex, and the count.
//!
//! A request that is sent here is judged here as far as that goes without knowing what it asked for: an error is a failure,
//! unless codex was killed meanwhile. Clients that hang up have a socket of their own (`slow_clients`).

use std::cell::{RefCell, RefMut};
use std::time::Duration;

use anyhow::Result;
use fastrand::Rng;
use reqwest::header::CONTENT_TYPE;
use serde_json::Value;
use tokio::time::{Instant, timeout};

use super::faults::{Faults, rest};
use super::tally::Tally;
use crate::answer::{Answer, Broken, Route};
use crate::http;

/// The key of every client that has one.
pub(super) const KEY: &str = "sk-soak";
/// The header that names a request, in the proxy's log too.
pub(super) const REQUEST_ID: &str = "x-request-id";
/// Longer than any answer takes here, however busy the machine is.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(120);
/// What a kill may cost a request: codex ended in the middle, or was not there again yet. The last one is what a response that
/// has begun says, since OpenAI has no better code for that.
const KILL_CODES: [&str; 3] = ["codex_disconnected", "codex_unavailable", "server_error"];
/// What is shown of a wrong answer.
const MAX_SHOWN: usize = 200;

/// What all clients share. They run on one thread.
#[derive(Debug, Default)]
pub(super) struct Shared {
    /// Such as `http://127.0.0.1:4321`.
    pub(super) address: String,
    pub(super) faults: Faults,
    pub(super) tally: RefCell<Tally>,
}

/// One client, with connections that end with it.
#[derive(Debug)]
pub(super) struct Client<'a> {
    pub(super) shared: &'a Shared,
    pub(super) http: reqwest::Client,
    pub(super) rng: Rng,
}

impl Shared {
    pub(super) fn tally(&self) -> RefMut<'_, Tally> {
        self.tally.borrow_mut()
    }

    /// Whether an error of this code may be what a kill has cost a request that began then.
    pub(super) fn is_of_a_kill(&self, code: &str, begun: Instant) -> bool {
        KILL_CODES.contains(&code) && self.faults.killed_since(begun)
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

    pub(super) fn random_route(&mut self) -> Route {
        self.rng.choice([Route::Chat, Route::Responses, Route::Completions]).unwrap_or(Route::Chat)
    }

    /// Asks, and gives the whole answer; `None` when there is none, which is counted then. A slow reader rests after some events.
    pub(super) async fn ask(&mut self, id: &str, route: Route, body: &Value, slow: bool) -> Option<Answer> {
        let (shared, begun) = (self.shared, Instant::now());
        let request = self.http.post(format!("{}{}", shared.address, route.path())).bearer_auth(KEY);
        let request = request.header(REQUEST_ID, id).header(CONTENT_TYPE, "application/json");
        let rng = &mut self.rng;
        let look = async |_: &mut Answer| {
            if slow && rng.u8(..8) == 0 {
                rest(rng, 0..=20).await;
            }
        };
        let answer = http::answer(request.body(body.to_string()), route, body["stream"] == true, look);
        let answer = timeout(ANSWER_TIMEOUT, answer).await;
        let answer = answer.unwrap_or_else(|_| Err((None, Broken::incomplete("no end in time"))));
        let mut tally = shared.tally();
        let status = answer.as_ref().map_or_else(|(status, _)| *status, |_| Some(200));
        tally.outcomes.insert(id.to_owned(), status);
        match &answer {
            Ok(answer) => tally.add_answer(id, &answer.id),
            Err((_, broken)) if shared.is_of_a_kill(&broken.code, begun) => tally.killed += 1,
            Err((status, broken)) => {
                tally.fail(format_args!("{id} ({}): {status:?} {broken}", route.path()));
            }
        }
        answer.ok()
    }

    /// Counts an answer as right, if it is: it must have these texts and calls, and no others. One that is `excused` may be
    /// another.
    pub(super) fn check(
        &self,
        id: &str,
        answer: &Answer,
        texts: &[String],
        calls: &[(&str, String)],
        excused: bool,
    ) -> bool {
        let came: Vec<&str> = answer.texts.values().map(|text| text.trim_end()).collect();
        let called = answer.calls.values().map(|call| (call.name.as_str(), call.arguments.clone()));
        let called: Vec<_> = called.collect();
        let right = came == texts && called == calls;
        let mut tally = self.shared.tally();
        match (right, excused) {
            (true, _) => tally.right += 1,
            (_, true) => tally.killed += 1,
            _ => {
                let show = |what: String| what.chars().take(MAX_SHOWN).collect::<String>();
                let (came, wanted) = (format!("{came:?} {called:?}"), format!("{texts:?} {calls:?}"));
                tally.fail(format_args!("{id}: what came is {}, and not {}", show(came), show(wanted)));
            }
        }
        right
    }
}
