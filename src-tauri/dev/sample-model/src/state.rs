//! The state shared by all connections of a sample model.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::account_limits::{AccountLimits, Limit};
use crate::api_error::ApiError;
use crate::clock::unix_seconds;
use crate::conversation;
use crate::device_codes::DeviceCodes;
use crate::event_log::{Event, EventLog};
use crate::holds::Holds;
use crate::recorded::{Origin, Records};
use crate::reply::{self, Reply};
use crate::wire::{self, Ids, Layout};

/// Prompts with a `times=` count. When full, all counts are reset, so a `times=` may apply again.
const MAX_COUNTED_PROMPTS: usize = 4_096;

/// The error type that codex takes for its usage limit.
const USAGE_LIMIT_REACHED: &str = "usage_limit_reached";

/// Passed to every connection.
#[derive(Clone, Debug)]
pub(crate) struct Shared {
    pub(crate) state: Arc<ModelState>,
    pub(crate) stop: CancellationToken,
}

#[derive(Debug)]
pub(crate) struct ModelState {
    pub(crate) events: EventLog,
    pub(crate) records: Records,
    pub(crate) holds: Holds,
    pub(crate) device_codes: DeviceCodes,
    next_id: AtomicU64,
    request_counts: Mutex<HashMap<String, u32>>,
    limits: Mutex<AccountLimits>,
}

/// The decision on a request.
#[derive(Debug)]
pub(crate) struct Received {
    pub(crate) primary: Option<Limit>,
    pub(crate) secondary: Option<Limit>,
    pub(crate) outcome: Result<PlannedAnswer, ApiError>,
}

/// An answer ready to be played.
#[derive(Debug)]
pub(crate) struct PlannedAnswer {
    pub(crate) id: u64,
    pub(crate) ids: Ids,
    pub(crate) layout: Layout,
    pub(crate) silence: Duration,
    pub(crate) every: Duration,
}

impl ModelState {
    pub(crate) fn new() -> Self {
        Self {
            events: EventLog::new(),
            records: Records::default(),
            holds: Holds::default(),
            device_codes: DeviceCodes::default(),
            next_id: AtomicU64::new(0),
            request_counts: Mutex::default(),
            limits: Mutex::default(),
        }
    }

    /// Records a request for a response, and decides on the answer.
    pub(crate) fn receive(&self, origin: Origin, body: &Arc<Value>, earlier: &Arc<Vec<Value>>) -> Received {
        let id = self.next_id();
        self.records.push(origin.record(Some(id), Arc::clone(body), Arc::clone(earlier)));
        self.events.push(Event::Request { id });
        let items: Vec<&Value> = earlier.iter().chain(conversation::input_items(body)).collect();
        let rejection = (!conversation::has_instructions(body, &items)).then(ApiError::no_instructions);
        let (primary, secondary, outcome) =
            match reply::decide(body, &items, |prompt, times| self.within_times(prompt, times)) {
                Ok(reply) => {
                    self.apply_limits(&reply);
                    (reply.primary, reply.secondary, reply.outcome)
                }
                // A mistake in a directive must fail its test and say why.
                Err(error) => (None, None, Err(ApiError::invalid_request(format!("sample script: {error}")))),
            };
        let outcome = match rejection.map_or(outcome, Err) {
            Ok(answer) => {
                let ids = Ids::new(id);
                let layout = wire::lay_out(&answer, &ids, unix_seconds());
                Ok(PlannedAnswer { id, ids, layout, silence: answer.silence, every: answer.every })
            }
            Err(error) => {
                self.events.push(Event::Finished { id });
                Err(error)
            }
        };
        Received { primary, secondary, outcome }
    }

    /// A number for a request for a picture, which events name like those for a response.
    pub(crate) fn next_id(&self) -> u64 {
        self.next_id.fetch_add(1, Ordering::Relaxed)
    }

    pub(crate) fn limits(&self) -> AccountLimits {
        self.limits.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn set_limits(&self, limits: AccountLimits) {
        *self.limits.lock().unwrap_or_else(PoisonError::into_inner) = limits;
    }

    /// What a prompt says about the limits holds from then on.
    fn apply_limits(&self, reply: &Reply) {
        let mut limits = self.limits.lock().unwrap_or_else(PoisonError::into_inner);
        let refused = matches!(&reply.outcome, Err(error) if error.error_type == USAGE_LIMIT_REACHED);
        limits.primary = reply.primary.clone().or(limits.primary.take());
        limits.secondary = reply.secondary.clone().or(limits.secondary.take());
        limits.allowed = match &reply.allowed {
            Some(allowed) => *allowed,
            None if refused => Some(false),
            None => limits.allowed,
        };
    }

    /// Counts a request with this exact prompt. Returns whether it is among the first `times`.
    fn within_times(&self, prompt: &str, times: u32) -> bool {
        let mut counts = self.request_counts.lock().unwrap_or_else(PoisonError::into_inner);
        if counts.len() >= MAX_COUNTED_PROMPTS && !counts.contains_key(prompt) {
            counts.clear();
        }
        let count = counts.entry(prompt.to_owned()).or_default();
        *count = count.saturating_add(1);
        *count <= times
    }
}
