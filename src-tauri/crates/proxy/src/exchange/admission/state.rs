//! Who runs and who waits, and whose turn it is: nothing here waits or is told.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;

use super::{Place, Refused};

#[derive(Debug)]
pub(super) struct State {
    pub(super) free: u32,
    /// The turns that run of each key that has any.
    pub(super) running: HashMap<Arc<str>, u32>,
    /// In the order in which they came. When as many wait as may, a further one is refused or takes another's place.
    pub(super) queue: VecDeque<Waiter>,
    /// When each key last had its turn, since there has been a queue: the count of turns that were given by then. There are no
    /// more keys than people have made.
    pub(super) had_turn: HashMap<Arc<str>, u64>,
    pub(super) given: u64,
    /// Whose turn it is, while there are too few places for it.
    pub(super) next: Option<u64>,
    pub(super) last_id: u64,
    /// How long a turn has its place, roughly: of those that ended last.
    pub(super) usual: Option<Duration>,
}

#[derive(Debug)]
pub(super) struct Waiter {
    pub(super) id: u64,
    pub(super) key: Arc<str>,
    pub(super) turns: u32,
    pub(super) answer: oneshot::Sender<Result<Place, Refused>>,
}

impl State {
    pub(super) fn new(free: u32) -> Self {
        Self {
            free,
            running: HashMap::new(),
            queue: VecDeque::new(),
            had_turn: HashMap::new(),
            given: 0,
            next: None,
            last_id: 0,
            usual: None,
        }
    }

    /// Where the request stands that is to have the next place.
    pub(super) fn whose_turn(&self) -> Option<usize> {
        if let Some(next) = self.next {
            return self.queue.iter().position(|waiter| waiter.id == next);
        }
        let rank = |waiter: &Waiter| {
            let running = self.running.get(&waiter.key).copied().unwrap_or_default();
            (running, self.had_turn.get(&waiter.key).copied().unwrap_or_default())
        };
        // Of several of the same rank, the first.
        (0..).zip(&self.queue).min_by_key(|(_, waiter)| rank(waiter)).map(|(at, _)| at)
    }

    /// Takes out who has to give way to a newcomer, if anybody has.
    pub(super) fn make_room(&mut self, key: &Arc<str>, turns: u32) -> Option<Waiter> {
        let mut held = self.running.clone();
        for waiter in &self.queue {
            *held.entry(Arc::clone(&waiter.key)).or_default() += waiter.turns;
        }
        let of = |key: &Arc<str>| held.get(key).copied().unwrap_or_default();
        // Of several that have as many, the last is taken: the youngest.
        let (at, youngest) = self.queue.iter().enumerate().max_by_key(|(_, waiter)| of(&waiter.key))?;
        if of(key) + turns > of(&youngest.key) - youngest.turns {
            return None;
        }
        self.take_out(at)
    }

    pub(super) fn take_out(&mut self, at: usize) -> Option<Waiter> {
        let waiter = self.queue.remove(at)?;
        self.next = self.next.filter(|next| *next != waiter.id);
        Some(waiter)
    }
}
