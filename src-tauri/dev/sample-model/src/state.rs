//! What all connections of one sample model share: the records, the events, the holds, the counters.
//!
//! Deliberately not here: anything of HTTP or WebSocket.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::api_error::Refusal;
use crate::conversation;
use crate::event_log::{Event, EventLog};
use crate::holds::Holds;
use crate::recorded::{Origin, Records};
use crate::reply;
use crate::script::Limit;
use crate::wire::{self, Layout, Names};

/// Prompts whose `times=` are counted. When full, the count starts anew, and a `times=` may strike again.
const COUNTED_PROMPTS: usize = 4_096;

/// What every connection is given.
#[derive(Clone, Debug)]
pub(crate) struct Shared {
    pub(crate) stage: Arc<Stage>,
    pub(crate) stop: CancellationToken,
}

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

/// An answer about to be played.
#[derive(Debug)]
pub(crate) struct Performance {
    pub(crate) id: u64,
    pub(crate) names: Names,
    pub(crate) layout: Layout,
    pub(crate) silence: Duration,
    pub(crate) every: Duration,
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
    pub(crate) fn receive(&self, origin: Origin, body: &Arc<Value>, earlier: &Arc<Vec<Value>>) -> Received {
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
            Ok(answer) => {
                let names = Names::new(id);
                let layout = wire::lay_out(&answer, &names, unix_seconds());
                Ok(Performance { id, names, layout, silence: answer.silence, every: answer.every })
            }
            Err(refusal) => {
                self.events.push(Event::Finished { id });
                Err(refusal)
            }
        };
        Received { primary, secondary, outcome }
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
