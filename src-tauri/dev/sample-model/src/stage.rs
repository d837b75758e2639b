//! What all connections of one sample model share: the records, the events, the holds, the counters.
//!
//! Deliberately not here: anything of HTTP or WebSocket.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::Value;

use crate::conversation;
use crate::event_log::{Event, EventLog};
use crate::holds::Holds;
use crate::player::Player;
use crate::recorded::{Origin, Records};
use crate::refusal::Refusal;
use crate::reply::{self, Answer};
use crate::script::Limit;
use crate::wire::{self, Names};

/// Prompts whose `times=` are counted. When full, the count starts anew, and a `times=` may strike again.
const COUNTED_PROMPTS: usize = 4_096;

#[derive(Debug)]
pub(crate) struct Stage {
    pub(crate) events: EventLog,
    pub(crate) records: Records,
    pub(crate) holds: Holds,
    next_id: AtomicU64,
    strikes: Mutex<HashMap<String, u32>>,
}

/// A request, received and decided on.
#[derive(Debug)]
pub(crate) struct Received {
    pub(crate) primary: Option<Limit>,
    pub(crate) secondary: Option<Limit>,
    pub(crate) outcome: Result<Performance, Refusal>,
}

/// An answer about to be played, and what a later request may refer to.
#[derive(Debug)]
pub(crate) struct Performance {
    pub(crate) player: Player,
    pub(crate) response_id: String,
    pub(crate) output: Vec<Value>,
}

impl Stage {
    pub(crate) fn new() -> Self {
        Self {
            events: EventLog::new(),
            records: Records::default(),
            holds: Holds::default(),
            next_id: AtomicU64::new(0),
            strikes: Mutex::default(),
        }
    }

    /// Takes a request for a response: records it, announces it, decides on it.
    pub(crate) fn receive(
        self: &Arc<Self>,
        origin: Origin,
        body: &Arc<Value>,
        earlier: &Arc<Vec<Value>>,
    ) -> Received {
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        self.records.push(origin.record(Some(id), Arc::clone(body), Arc::clone(earlier)));
        self.events.push(Event::Request { id });
        let items: Vec<&Value> = earlier.iter().chain(conversation::input_items(body)).collect();
        let refused = (!conversation::is_instructed(body, &items)).then(Refusal::no_instructions);
        let (primary, secondary, outcome) =
            match reply::decide(body, &items, |prompt, times| self.strikes(prompt, times)) {
                Ok(reply) => (reply.primary, reply.secondary, reply.outcome),
                // A slip in a directive must fail its test, and say why.
                Err(error) => (None, None, Err(Refusal::invalid_request(format!("sample script: {error}")))),
            };
        let outcome = match refused.map_or(outcome, Err) {
            Ok(answer) => Ok(self.perform(id, &answer)),
            Err(refusal) => {
                self.events.push(Event::Finished { id });
                Err(refusal)
            }
        };
        Received { primary, secondary, outcome }
    }

    fn perform(self: &Arc<Self>, id: u64, answer: &Answer) -> Performance {
        let names = Names::new(id);
        let response_id = names.response.clone();
        let layout = wire::lay_out(answer, &names, unix_seconds());
        let output = layout.output.clone();
        let player = Player::new(Arc::clone(self), id, names, layout, answer.silence, answer.every);
        Performance { player, response_id, output }
    }

    /// Counts the requests of one exact prompt, and says whether this is among the first `times`.
    fn strikes(&self, prompt: &str, times: u32) -> bool {
        let mut counts = self.strikes.lock().unwrap_or_else(PoisonError::into_inner);
        if counts.len() >= COUNTED_PROMPTS && !counts.contains_key(prompt) {
            counts.clear();
        }
        let count = counts.entry(prompt.to_owned()).or_default();
        *count = count.saturating_add(1);
        *count <= times
    }
}

/// The time of day, as OpenAI stamps it on a response.
pub(crate) fn unix_seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
