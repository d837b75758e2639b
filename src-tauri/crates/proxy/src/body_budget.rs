//! Memory for what clients send: bodies being read, and images being fetched. No key can use all of it.

use std::collections::HashMap;
use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::error::ApiError;

/// The memory for all clients, in bytes.
#[derive(Debug)]
pub(crate) struct BodyBudget {
    total: Arc<Semaphore>,
    max_per_key: usize,
    /// The shares in use. Bounded by the number of keys.
    shares: Mutex<HashMap<String, Weak<Semaphore>>>,
}

/// What one request holds. Dropping it frees the memory.
#[derive(Debug)]
pub(crate) struct Room {
    sources: [Arc<Semaphore>; 2],
    held: Vec<OwnedSemaphorePermit>,
}

impl BodyBudget {
    /// `bytes` for all keys together; each has at most half.
    pub(crate) fn new(bytes: usize) -> Self {
        Self {
            total: Arc::new(Semaphore::new(bytes)),
            max_per_key: (bytes / 2).max(1),
            shares: Mutex::default(),
        }
    }

    /// Room for a request of this key, empty so far.
    pub(crate) fn room(&self, key: &str) -> Room {
        let mut shares = self.shares.lock();
        shares.retain(|_, share| share.strong_count() > 0);
        let share = shares.get(key).and_then(Weak::upgrade).unwrap_or_else(|| {
            let share = Arc::new(Semaphore::new(self.max_per_key));
            shares.insert(key.to_owned(), Arc::downgrade(&share));
            share
        });
        Room { sources: [share, Arc::clone(&self.total)], held: Vec::new() }
    }
}

impl Room {
    /// Takes `bytes` more if they are free now.
    pub(crate) fn try_grow(&mut self, bytes: usize) -> bool {
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        let take = |source: &Arc<Semaphore>| Arc::clone(source).try_acquire_many_owned(bytes).ok();
        let Some(taken) = self.sources.iter().map(take).collect::<Option<Vec<_>>>() else { return false };
        self.hold(taken);
        true
    }

    /// Takes `bytes` more, and waits for them at most `timeout`.
    ///
    /// # Errors
    /// When they do not become free in time.
    pub(crate) async fn grow(&mut self, bytes: usize, timeout: Duration) -> Result<(), ApiError> {
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        let take = async {
            let mut taken = Vec::new();
            // The key's share first: a key that has none left takes nothing from the others while it waits.
            for source in &self.sources {
                taken.push(Arc::clone(source).acquire_many_owned(bytes).await);
            }
            taken.into_iter().collect::<Result<Vec<_>, _>>().ok()
        };
        let taken = tokio::time::timeout(timeout, take).await.ok().flatten();
        let taken = taken.ok_or_else(ApiError::too_many_bodies)?;
        self.hold(taken);
        Ok(())
    }

    fn hold(&mut self, taken: Vec<OwnedSemaphorePermit>) {
        if self.held.is_empty() {
            self.held = taken;
        } else {
            self.held.iter_mut().zip(taken).for_each(|(held, more)| held.merge(more));
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

    const TIMEOUT: Duration = Duration::from_secs(10);

    #[tokio::test(start_paused = true)]
    async fn a_key_has_at_most_half_and_the_others_have_the_rest() {
        let budget = BodyBudget::new(20);
        let mut busy = budget.room("busy");
        busy.grow(9, TIMEOUT).await.unwrap();
        let mut more = budget.room("busy");
        let started = Instant::now();
        assert_eq!(more.grow(2, TIMEOUT).await, Err(ApiError::too_many_bodies()));
        assert_eq!(started.elapsed(), TIMEOUT);
        budget.room("other").grow(10, Duration::ZERO).await.unwrap();
        drop(busy);
        more.grow(10, Duration::ZERO).await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn room_is_waited_for_at_most_the_timeout_and_freed_on_drop() {
        let budget = BodyBudget::new(20);
        let mut first = budget.room("a");
        first.grow(7, TIMEOUT).await.unwrap();
        let (second, ()) = tokio::join!(
            async {
                let mut second = budget.room("a");
                second.grow(5, TIMEOUT).await.map(|()| second)
            },
            async {
                tokio::time::sleep(TIMEOUT / 2).await;
                drop(first);
            }
        );
        drop(second.unwrap());
        assert_eq!(budget.total.available_permits(), 20);
        let _room = budget.room("b");
        assert_eq!(budget.shares.lock().len(), 1, "unused shares are forgotten");
    }
}
