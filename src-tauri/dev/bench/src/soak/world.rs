//! What all clients of a soak share: where the proxy is, what was done to codex, and the count.
//!
//! A request that is sent here is judged here as far as that goes without knowing what it asked for: an error is a failure,
//! unless codex was killed meanwhile. Deliberately not here: clients that hang up (`rude`).

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result};
use reqwest::header::CONTENT_TYPE;
use reqwest::{Client, RequestBuilder};
use serde_json::Value;
use tokio::time::{Instant, sleep, timeout};

use super::answer::{Answer, Broken, Call, code};
use super::ask::Route;
use super::dice::Dice;
use super::faults::Faults;
use super::tally::{Fate, Tally};
use crate::sse::Events;

/// The key of every client that has one.
pub(super) const KEY: &str = "sk-soak";
/// The header that names a request, in the proxy's log too.
pub(super) const REQUEST_ID: &str = "x-request-id";
/// Longer than any answer takes here, however busy the machine is.
const LIMIT: Duration = Duration::from_secs(120);
/// What a kill may cost a request: codex ended in the middle, or was not there again yet. The last one is how a response that has
/// begun puts it, since OpenAI has no better word for that.
const OF_A_KILL: [&str; 3] = ["codex_disconnected", "codex_unavailable", "server_error"];

#[derive(Debug)]
pub(super) struct World {
    /// Such as `http://127.0.0.1:4321`.
    pub(super) address: String,
    pub(super) faults: Faults,
    tally: Mutex<Tally>,
}

/// How long a reader rests after each piece.
#[derive(Clone, Debug)]
pub(super) enum Reader {
    Quick,
    Slow(Dice),
}

/// Why there is no answer.
enum Trouble {
    Refused(u16, String),
    Broken(Broken),
    Lost(anyhow::Error),
}

impl World {
    pub(super) fn new(address: String) -> Self {
        Self { address, faults: Faults::default(), tally: Mutex::default() }
    }

    pub(super) fn tally(&self) -> MutexGuard<'_, Tally> {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A client with connections of its own, which end with it.
    pub(super) fn client() -> Result<Client> {
        Client::builder().no_proxy().build().context("the HTTP client cannot be made")
    }

    /// Host and port.
    pub(super) fn host(&self) -> &str {
        self.address.trim_start_matches("http://")
    }

    pub(super) fn post(&self, http: &Client, path: &str, id: &str) -> RequestBuilder {
        http.post(format!("{}{path}", self.address)).header(REQUEST_ID, id)
    }

    /// Asks, and gives the whole answer; `None` when there is none, which is counted then.
    pub(super) async fn ask(
        &self,
        http: &Client,
        id: &str,
        route: Route,
        body: &Value,
        reader: Reader,
    ) -> Option<Answer> {
        let begun = Instant::now();
        let request = self.post(http, route.path(), id).bearer_auth(KEY);
        let request = request.header(CONTENT_TYPE, "application/json").body(body.to_string());
        let streamed = body["stream"] == true;
        let outcome = match timeout(LIMIT, read(request, route, streamed, reader)).await {
            Ok(outcome) => outcome,
            Err(_) => Err(Trouble::Lost(anyhow::anyhow!("no end within {LIMIT:?}"))),
        };
        let mut tally = self.tally();
        let fate = match &outcome {
            Ok(_) | Err(Trouble::Broken(_)) => Fate::Answered(200),
            Err(Trouble::Refused(status, _)) => Fate::Answered(*status),
            Err(Trouble::Lost(_)) => Fate::GivenUp,
        };
        tally.fates.insert(id.to_owned(), fate);
        let (what, code) = match outcome {
            Ok(answer) => {
                tally.answered(id, &answer.id);
                return Some(answer);
            }
            Err(Trouble::Refused(status, code)) => (format!("{status} {code}"), code),
            Err(Trouble::Broken(Broken::Error(code))) => (format!("an error in the stream, {code}"), code),
            Err(Trouble::Broken(Broken::NotWhole(why))) => (why, String::new()),
            Err(Trouble::Lost(error)) => (format!("{error:#}"), String::new()),
        };
        if self.is_of_a_kill(&code, begun) {
            tally.killed += 1;
        } else {
            tally.fail(format_args!("{id} ({}): {what}", route.path()));
        }
        None
    }

    /// Whether an error of this code may be what a kill has cost a request that began then.
    pub(super) fn is_of_a_kill(&self, code: &str, begun: Instant) -> bool {
        OF_A_KILL.contains(&code) && self.faults.killed_within(begun, Instant::now())
    }

    /// Counts an answer as right, if it is: it must have these texts and calls, and no others. One that is `excused` may be
    /// another.
    pub(super) fn judge(
        &self,
        id: &str,
        answer: &Answer,
        texts: &[String],
        calls: &[(&str, String)],
        excused: bool,
    ) -> bool {
        let said = answer.texts.iter().map(|text| text.trim_end());
        let called =
            answer.calls.iter().map(|Call { name, arguments, .. }| (name.as_str(), arguments.clone()));
        let right = said.eq(texts.iter().map(String::as_str)) && called.eq(calls.iter().cloned());
        if right {
            self.tally().right += 1;
        } else if excused {
            self.tally().killed += 1;
        } else {
            let came = shortened(&format!("{:?} {:?}", answer.texts, answer.calls));
            let wanted = shortened(&format!("{texts:?} {calls:?}"));
            self.tally().fail(format_args!("{id}: what came is {came}, and not {wanted}"));
        }
        right
    }
}

async fn read(
    request: RequestBuilder,
    route: Route,
    streamed: bool,
    mut reader: Reader,
) -> Result<Answer, Trouble> {
    let lost =
        |error: reqwest::Error| Trouble::Lost(anyhow::Error::new(error).context("the connection was lost"));
    let mut response = request.send().await.map_err(lost)?;
    let status = response.status().as_u16();
    if status != 200 || !streamed {
        let bytes = response.bytes().await.map_err(lost)?;
        let body: Value = serde_json::from_slice(&bytes).unwrap_or_default();
        if status != 200 {
            return Err(Trouble::Refused(status, code(&body).unwrap_or_default()));
        }
        return Answer::whole(route, &body).map_err(Trouble::Broken);
    }
    let (mut events, mut answer) = (Events::default(), Answer::default());
    while let Some(bytes) = response.chunk().await.map_err(lost)? {
        for data in events.push(&bytes) {
            answer.event(route, &data).map_err(Trouble::Broken)?;
        }
        if let Reader::Slow(dice) = &mut reader {
            sleep(Duration::from_millis(dice.between(0, 10))).await;
        }
    }
    answer.checked().map_err(Trouble::Broken)
}

fn shortened(text: &str) -> String {
    const SHOWN: usize = 200;
    let mut shown: String = text.chars().take(SHOWN).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    shown
}
