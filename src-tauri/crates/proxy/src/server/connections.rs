//! The connections that are open, and which of them gives way when there is no place for another.
//!
//! There is a bound on them, and nobody is kept out by connections that only idle: the oldest of those that never sent a
//! request is closed, and then the oldest at all, which ends with its answer. Deliberately not here: what they carry.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::Mutex;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

/// How long a connection that is to give way is waited for before the next one is asked.
const GIVING_WAY: Duration = Duration::from_millis(10);

/// The connections that are open.
#[derive(Debug)]
pub(super) struct Connections {
    places: Arc<Semaphore>,
    open: Arc<Mutex<Open>>,
    /// Cancelled when all of them are to end.
    ending: CancellationToken,
}

#[derive(Debug, Default)]
struct Open {
    /// In the order in which they came.
    list: BTreeMap<u64, Handle>,
    next: u64,
}

#[derive(Clone, Debug)]
struct Handle {
    leave: CancellationToken,
    used: Arc<AtomicBool>,
}

/// The place of one connection; dropping it makes room for another.
#[derive(Debug)]
pub(super) struct Place {
    number: u64,
    open: Arc<Mutex<Open>>,
    /// Cancelled when the connection is to end after the answer that it is giving, or at once when it gives none.
    pub(super) leave: CancellationToken,
    /// Whether a request has come.
    pub(super) used: Arc<AtomicBool>,
    _permit: OwnedSemaphorePermit,
}

impl Connections {
    /// Room for so many.
    pub(super) fn new(most: usize) -> Self {
        Self {
            places: Arc::new(Semaphore::new(most)),
            open: Arc::default(),
            ending: CancellationToken::new(),
        }
    }

    /// A place for one more. Where there is none, another connection has to give way.
    pub(super) async fn place(&self) -> Option<Place> {
        let permit = match Arc::clone(&self.places).try_acquire_owned() {
            Ok(permit) => permit,
            Err(_) => self.make_room().await?,
        };
        let handle = Handle { leave: self.ending.child_token(), used: Arc::default() };
        let Handle { leave, used } = handle.clone();
        let mut open = self.open.lock();
        let number = open.next;
        open.next += 1;
        open.list.insert(number, handle);
        Some(Place { number, open: Arc::clone(&self.open), leave, used, _permit: permit })
    }

    /// Lets all of them end.
    pub(super) fn end(&self) {
        self.ending.cancel();
    }

    async fn make_room(&self) -> Option<OwnedSemaphorePermit> {
        let mut candidates: Vec<Handle> = self.open.lock().list.values().cloned().collect();
        candidates.sort_by_key(|handle| handle.used.load(Ordering::Relaxed));
        for handle in candidates.iter().filter(|handle| !handle.leave.is_cancelled()) {
            handle.leave.cancel();
            let permit = Arc::clone(&self.places).acquire_owned();
            if let Ok(permit) = tokio::time::timeout(GIVING_WAY, permit).await {
                return permit.ok();
            }
        }
        // All of them answer. The semaphore is never closed, so one of them makes room in the end.
        Arc::clone(&self.places).acquire_owned().await.ok()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.open.lock().list.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_oldest_that_never_asked_gives_way_and_then_the_oldest() {
        let connections = Connections::new(3);
        let one = connections.place().await.unwrap();
        let two = connections.place().await.unwrap();
        let three = connections.place().await.unwrap();
        one.used.store(true, Ordering::Relaxed);
        let left = async |place: Place| {
            place.leave.cancelled().await;
            drop(place);
        };
        let (four, ()) = tokio::join!(connections.place(), left(two));
        let (five, ()) = tokio::join!(connections.place(), left(three));
        assert!(!one.leave.is_cancelled());
        four.as_ref().unwrap().used.store(true, Ordering::Relaxed);
        five.as_ref().unwrap().used.store(true, Ordering::Relaxed);
        let (six, ()) = tokio::join!(connections.place(), left(one));
        assert!(!four.unwrap().leave.is_cancelled() && six.is_some());
    }

    #[tokio::test]
    async fn all_of_them_end_when_they_are_told_to() {
        let connections = Connections::new(1);
        let place = connections.place().await.unwrap();
        connections.end();
        assert!(place.leave.is_cancelled());
    }
}
