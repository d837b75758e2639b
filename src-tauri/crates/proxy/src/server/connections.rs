//! Limits concurrent connections.
//!
//! At the limit, a new connection evicts another, so idle ones lock nobody out: first the oldest that never sent a
//! request, then the oldest, which closes after its current response.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::Mutex;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// How long to wait for an evicted connection before trying the next.
const EVICTION_TIMEOUT: Duration = Duration::from_millis(10);

/// The open connections.
#[derive(Debug)]
pub(super) struct Connections {
    permits: Arc<Semaphore>,
    open: Arc<Mutex<Open>>,
    /// Cancelled to close all connections.
    closing: CancellationToken,
}

#[derive(Debug, Default)]
struct Open {
    /// By order of arrival.
    list: BTreeMap<u64, Handle>,
    next: u64,
}

#[derive(Clone, Debug)]
struct Handle {
    close: CancellationToken,
    used: Arc<AtomicBool>,
}

/// The slot of one connection. Dropping it frees the slot.
#[derive(Debug)]
pub(super) struct ConnectionSlot {
    number: u64,
    open: Arc<Mutex<Open>>,
    /// Cancelled to close the connection: after its current response, or immediately if it is idle.
    pub(super) close: CancellationToken,
    /// Whether a request has been received.
    pub(super) used: Arc<AtomicBool>,
    _permit: OwnedSemaphorePermit,
}

/// What a connection holds. A WebSocket keeps it after its request.
#[derive(Clone, Debug)]
pub(super) struct ConnectionHold {
    slot: Arc<ConnectionSlot>,
    /// The server's tasks, which it waits for.
    pub(super) tasks: TaskTracker,
}

impl ConnectionHold {
    pub(super) fn new(slot: ConnectionSlot, tasks: &TaskTracker) -> Self {
        Self { slot: Arc::new(slot), tasks: tasks.clone() }
    }

    /// Records that a request has been received.
    pub(super) fn set_used(&self) {
        self.slot.used.store(true, Ordering::Relaxed);
    }

    /// Whether a request has been received.
    pub(super) fn is_used(&self) -> bool {
        self.slot.used.load(Ordering::Relaxed)
    }

    /// Whether the connection is to be closed, as soon as nothing runs.
    pub(super) fn is_closing(&self) -> bool {
        self.slot.close.is_cancelled()
    }

    /// Resolves when the connection is to be closed.
    pub(super) async fn closing(&self) {
        self.slot.close.cancelled().await;
    }
}

impl Connections {
    /// Allows `max` concurrent connections.
    pub(super) fn new(max: usize) -> Self {
        Self {
            permits: Arc::new(Semaphore::new(max)),
            open: Arc::default(),
            closing: CancellationToken::new(),
        }
    }

    /// A slot for a new connection. At the limit, another connection is evicted.
    pub(super) async fn acquire(&self) -> Option<ConnectionSlot> {
        let permit = match Arc::clone(&self.permits).try_acquire_owned() {
            Ok(permit) => permit,
            Err(_) => self.evict().await?,
        };
        let handle = Handle { close: self.closing.child_token(), used: Arc::default() };
        let Handle { close, used } = handle.clone();
        let mut open = self.open.lock();
        let number = open.next;
        open.next += 1;
        open.list.insert(number, handle);
        Some(ConnectionSlot { number, open: Arc::clone(&self.open), close, used, _permit: permit })
    }

    /// Closes all connections.
    pub(super) fn close_all(&self) {
        self.closing.cancel();
    }

    async fn evict(&self) -> Option<OwnedSemaphorePermit> {
        let mut candidates: Vec<Handle> = self.open.lock().list.values().cloned().collect();
        candidates.sort_by_key(|handle| handle.used.load(Ordering::Relaxed));
        for handle in candidates.iter().filter(|handle| !handle.close.is_cancelled()) {
            handle.close.cancel();
            let permit = Arc::clone(&self.permits).acquire_owned();
            if let Ok(permit) = tokio::time::timeout(EVICTION_TIMEOUT, permit).await {
                return permit.ok();
            }
        }
        // All are busy. The semaphore is never closed, so this resolves when one of them ends.
        Arc::clone(&self.permits).acquire_owned().await.ok()
    }
}

impl Drop for ConnectionSlot {
    fn drop(&mut self) {
        self.open.lock().list.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn connections_without_a_request_are_evicted_first_then_the_oldest() {
        let connections = Connections::new(3);
        let one = connections.acquire().await.unwrap();
        let two = connections.acquire().await.unwrap();
        let three = connections.acquire().await.unwrap();
        one.used.store(true, Ordering::Relaxed);
        let closed = async |slot: ConnectionSlot| {
            slot.close.cancelled().await;
            drop(slot);
        };
        let (four, ()) = tokio::join!(connections.acquire(), closed(two));
        let (five, ()) = tokio::join!(connections.acquire(), closed(three));
        assert!(!one.close.is_cancelled());
        four.as_ref().unwrap().used.store(true, Ordering::Relaxed);
        five.as_ref().unwrap().used.store(true, Ordering::Relaxed);
        let (six, ()) = tokio::join!(connections.acquire(), closed(one));
        assert!(!four.unwrap().close.is_cancelled() && six.is_some());
    }

    #[tokio::test]
    async fn close_all_closes_every_connection() {
        let connections = Connections::new(1);
        let slot = connections.acquire().await.unwrap();
        connections.close_all();
        assert!(slot.close.is_cancelled());
    }
}
