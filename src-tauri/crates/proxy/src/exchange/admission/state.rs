//! The running turns, the queue and its order; does not wait or notify.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;

use super::{Limits, Permit, Refused};

#[derive(Debug)]
pub(super) struct State {
    pub(super) max_turns: u32,
    pub(super) max_queued: usize,
    pub(super) queue_timeout: Duration,
    /// Permits held. More than `max_turns` only while turns from before it was lowered still run.
    pub(super) in_use: u32,
    /// Running turns per key; keys without any are absent.
    pub(super) running: HashMap<Arc<str>, u32>,
    /// In order of arrival. A request that arrives when it is full is rejected or evicts another.
    pub(super) queue: VecDeque<Waiter>,
    /// When each key was last served since the queue was last empty, as the value of `served_count`. Bounded by the
    /// number of keys.
    pub(super) last_served: HashMap<Arc<str>, u64>,
    pub(super) served_count: u64,
    /// The request that free permits are reserved for.
    pub(super) reserved_for: Option<u64>,
    pub(super) last_id: u64,
    /// Moving average of how long permits are held.
    pub(super) mean_hold: Option<Duration>,
}

#[derive(Debug)]
pub(super) struct Waiter {
    pub(super) id: u64,
    pub(super) key: Arc<str>,
    pub(super) turns: u32,
    pub(super) answer: oneshot::Sender<Result<Permit, Refused>>,
}

impl State {
    pub(super) fn new(limits: &Limits) -> Self {
        let mut state = Self {
            max_turns: 0,
            max_queued: 0,
            queue_timeout: Duration::ZERO,
            in_use: 0,
            running: HashMap::new(),
            queue: VecDeque::new(),
            last_served: HashMap::new(),
            served_count: 0,
            reserved_for: None,
            last_id: 0,
            mean_hold: None,
        };
        state.set_limits(limits);
        state
    }

    pub(super) fn set_limits(&mut self, limits: &Limits) {
        self.max_turns = u32::try_from(limits.max_turns).unwrap_or(u32::MAX).max(1);
        self.max_queued = limits.max_queued;
        self.queue_timeout = limits.queue_timeout;
    }

    pub(super) fn free(&self) -> u32 {
        self.max_turns.saturating_sub(self.in_use)
    }

    /// The permits that a waiter needs: the limit may have been lowered since it arrived.
    pub(super) fn needed(&self, waiter: &Waiter) -> u32 {
        waiter.turns.min(self.max_turns)
    }

    /// Index of the request to serve next.
    pub(super) fn next_waiter(&self) -> Option<usize> {
        if let Some(next) = self.reserved_for {
            return self.queue.iter().position(|waiter| waiter.id == next);
        }
        let rank = |waiter: &Waiter| {
            let running = self.running.get(&waiter.key).copied().unwrap_or_default();
            (running, self.last_served.get(&waiter.key).copied().unwrap_or_default())
        };
        // `min_by_key` returns the first of equals.
        (0..).zip(&self.queue).min_by_key(|(_, waiter)| rank(waiter)).map(|(at, _)| at)
    }

    /// Removes and returns the request that a new one evicts, if any.
    pub(super) fn evict_for(&mut self, key: &Arc<str>, turns: u32) -> Option<Waiter> {
        let mut held = self.running.clone();
        for waiter in &self.queue {
            *held.entry(Arc::clone(&waiter.key)).or_default() += waiter.turns;
        }
        let of = |key: &Arc<str>| held.get(key).copied().unwrap_or_default();
        // `max_by_key` returns the last of equals: the youngest.
        let (at, youngest) = self.queue.iter().enumerate().max_by_key(|(_, waiter)| of(&waiter.key))?;
        if of(key) + turns > of(&youngest.key) - youngest.turns {
            return None;
        }
        self.remove(at)
    }

    pub(super) fn remove(&mut self, at: usize) -> Option<Waiter> {
        let waiter = self.queue.remove(at)?;
        self.reserved_for = self.reserved_for.filter(|next| *next != waiter.id);
        Some(waiter)
    }
}
