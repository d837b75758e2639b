//! Who may run a turn now, who waits, and who is turned away.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::Limits;

/// A place among the turns that run, for one or for several; dropping it makes room.
#[derive(Debug)]
pub struct Place {
    _permit: OwnedSemaphorePermit,
}

/// Why there was no place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// As many wait already as may.
    Full,
    /// The wait took too long.
    WaitedTooLong,
}

/// The turns that run and those that wait, first come first served.
#[derive(Clone, Debug)]
pub struct Admission {
    places: Arc<Semaphore>,
    most: u32,
    waiting: Arc<AtomicUsize>,
    most_waiting: usize,
    longest_wait: Duration,
}

impl Admission {
    /// As many places as the limits allow.
    #[must_use]
    pub fn new(limits: &Limits) -> Self {
        Self {
            places: Arc::new(Semaphore::new(limits.turns)),
            most: u32::try_from(limits.turns).unwrap_or(u32::MAX),
            waiting: Arc::default(),
            most_waiting: limits.waiting,
            longest_wait: limits.wait,
        }
    }

    /// A place for so many turns (for all that there are, where more are wanted), at once or after a wait. A caller that is
    /// dropped while it waits leaves the queue.
    ///
    /// # Errors
    /// [`Refused`], at once or after the longest wait.
    pub async fn enter(&self, turns: u32) -> Result<Place, Refused> {
        let turns = turns.min(self.most);
        if let Ok(permit) = Arc::clone(&self.places).try_acquire_many_owned(turns) {
            return Ok(Place { _permit: permit });
        }
        let _counted = Counted::new(&self.waiting, self.most_waiting).ok_or(Refused::Full)?;
        match tokio::time::timeout(self.longest_wait, Arc::clone(&self.places).acquire_many_owned(turns))
            .await
        {
            Ok(Ok(permit)) => Ok(Place { _permit: permit }),
            // The semaphore is never closed, so this is the time limit.
            Ok(Err(_)) | Err(_) => Err(Refused::WaitedTooLong),
        }
    }
}

/// One in the count of those who wait.
struct Counted<'a>(&'a AtomicUsize);

impl<'a> Counted<'a> {
    fn new(count: &'a AtomicUsize, most: usize) -> Option<Self> {
        count
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |waiting| {
                (waiting < most).then_some(waiting + 1)
            })
            .ok()
            .map(|_| Self(count))
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admission(turns: usize, waiting: usize) -> Admission {
        Admission::new(&Limits { turns, waiting, wait: Duration::from_secs(120), ..Limits::default() })
    }

    #[tokio::test]
    async fn a_place_that_becomes_free_goes_to_who_waits() {
        let admission = admission(1, 1);
        let first = admission.enter(1).await.unwrap();
        let waiting = admission.enter(1);
        tokio::pin!(waiting);
        assert!(futures_util::poll!(&mut waiting).is_pending());
        assert_eq!(admission.enter(1).await.unwrap_err(), Refused::Full);
        drop(first);
        waiting.await.unwrap();
    }

    #[tokio::test]
    async fn several_turns_of_one_request_get_their_places_together() {
        let admission = admission(3, 1);
        let two = admission.enter(2).await.unwrap();
        let waiting = admission.enter(8);
        tokio::pin!(waiting);
        assert!(futures_util::poll!(&mut waiting).is_pending());
        drop(two);
        waiting.await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_longer_than_the_limit() {
        let admission = admission(1, 1);
        let _first = admission.enter(1).await.unwrap();
        assert_eq!(admission.enter(1).await.unwrap_err(), Refused::WaitedTooLong);
    }

    #[tokio::test]
    async fn whoever_gives_up_waiting_leaves_the_queue() {
        let admission = admission(1, 1);
        let _first = admission.enter(1).await.unwrap();
        for _ in 0..3 {
            let mut waiting = Box::pin(admission.enter(1));
            assert!(futures_util::poll!(&mut waiting).is_pending());
        }
        assert_eq!(admission.waiting.load(Ordering::Acquire), 0);
    }
}
