//! What follows on wrong keys: when many have come from one address, refusing the next takes a while, and the log has a line a
//! minute for it and not one an attempt.
//!
//! A key is looked up before anything here is asked, so a right one never waits: on loopback a program that guesses has the
//! address of all others. What protects a key is its length; the delay takes the point out of trying, and keeps the log short.
//! Everything is bounded, so that the refusals are no way to exhaust the proxy. Deliberately not here: addresses that headers
//! claim, which anybody can make up.

use std::collections::{HashMap, VecDeque};
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

/// Wrong keys of one address within [`WITHIN`] that are refused at once.
const FREE: usize = 20;

/// The time within which wrong keys are counted together, and within which the log has one line an address.
const WITHIN: Duration = Duration::from_secs(60);

/// How long the refusal of a further one takes.
pub(in crate::server) const DELAY: Duration = Duration::from_secs(2);

/// Refusals of one address that wait at once. A further one is made at once, and says that it is too much.
const WAITING_EACH: usize = 8;

/// Refusals that wait at once in all. When there are as many, further ones are made at once, so that connections stay free.
const WAITING: usize = 64;

/// Addresses that are remembered, at some 400 bytes each. When there are as many, the one that has been silent longest is
/// forgotten.
const ADDRESSES: usize = 1024;

/// Where a request came from.
#[derive(Clone, Copy, Debug)]
pub(in crate::server) struct Peer(pub(in crate::server) IpAddr);

/// A refusal that is not worth a line of its own in the log.
#[derive(Clone, Copy, Debug)]
pub(in crate::server) struct Counted;

/// There are too many wrong keys for each of them to be waited with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::server) struct TooMany;

/// The wrong keys of the last minute.
#[derive(Debug)]
pub(in crate::server) struct WrongKeys {
    addresses: Arc<Mutex<HashMap<IpAddr, Address>>>,
    places: Arc<Semaphore>,
}

/// What is remembered of an address.
#[derive(Debug, Default)]
struct Address {
    /// When the last wrong keys came, [`FREE`] at most, oldest first.
    recent: VecDeque<Instant>,
    /// Refusals that wait now.
    waiting: usize,
    /// When the log was told of it.
    told: Option<Instant>,
    /// Wrong keys that the log was not told of.
    untold: u64,
}

impl Default for WrongKeys {
    fn default() -> Self {
        Self { addresses: Arc::default(), places: Arc::new(Semaphore::new(WAITING)) }
    }
}

impl WrongKeys {
    /// Notes a wrong key, and resolves when it may be refused.
    ///
    /// # Errors
    /// [`TooMany`], at once, when enough refusals wait already.
    pub(in crate::server) async fn note(&self, from: IpAddr) -> Result<(), TooMany> {
        let from = network(from);
        let Some(_waiting) = self.count(from, Instant::now())? else { return Ok(()) };
        tokio::time::sleep(DELAY).await;
        Ok(())
    }

    /// Counts a wrong key; a place to wait in when there were too many before it.
    fn count(&self, from: IpAddr, now: Instant) -> Result<Option<Waiting>, TooMany> {
        let mut addresses = lock(&self.addresses);
        if addresses.len() >= ADDRESSES && !addresses.contains_key(&from) {
            forget_one(&mut addresses);
        }
        let address = addresses.entry(from).or_default();
        address.tell(from, now);
        let is_slow = address.recent.len() == FREE
            && address.recent.front().is_some_and(|first| now.duration_since(*first) < WITHIN);
        if address.recent.len() == FREE {
            address.recent.pop_front();
        }
        address.recent.push_back(now);
        if !is_slow {
            return Ok(None);
        }
        if address.waiting >= WAITING_EACH {
            return Err(TooMany);
        }
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(|_| TooMany)?;
        address.waiting += 1;
        Ok(Some(Waiting { addresses: Arc::clone(&self.addresses), from, _place: place }))
    }
}

impl Address {
    /// Tells the log, unless it was told within the last minute.
    fn tell(&mut self, from: IpAddr, now: Instant) {
        if self.told.is_some_and(|told| now.duration_since(told) < WITHIN) {
            self.untold = self.untold.saturating_add(1);
            return;
        }
        self.told = Some(now);
        match std::mem::take(&mut self.untold) {
            0 => tracing::warn!(%from, "a wrong key; the next minute's are only counted"),
            others => tracing::warn!(%from, others, "a wrong key, and others since this was last said"),
        }
    }
}

/// A refusal that waits; dropped, it makes room for the next.
#[derive(Debug)]
struct Waiting {
    addresses: Arc<Mutex<HashMap<IpAddr, Address>>>,
    from: IpAddr,
    _place: OwnedSemaphorePermit,
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if let Some(address) = lock(&self.addresses).get_mut(&self.from) {
            address.waiting = address.waiting.saturating_sub(1);
        }
    }
}

/// Forgets the address that has been silent longest, of those where nothing waits; as few wait as may, there are such.
fn forget_one(addresses: &mut HashMap<IpAddr, Address>) {
    let idle = addresses.iter().filter(|(_, address)| address.waiting == 0);
    let oldest = idle.min_by_key(|(_, address)| address.recent.back().copied()).map(|(from, _)| *from);
    if let Some(oldest) = oldest {
        addresses.remove(&oldest);
    }
}

/// Whose the address is: whoever has one of IPv6 has its whole network of 2^64.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) if !address.is_loopback() => {
            IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64))
        }
        address => address,
    }
}

fn lock(addresses: &Mutex<HashMap<IpAddr, Address>>) -> MutexGuard<'_, HashMap<IpAddr, Address>> {
    addresses.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
#[path = "wrong_keys_tests.rs"]
mod tests;
