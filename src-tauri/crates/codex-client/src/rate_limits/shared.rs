//! The limits that all processes of one account share.

use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

use super::{LimitsResponse, RateLimits, Snapshot};
use crate::account::Account;

/// How long a refusal counts whose limit has an unknown reset, in seconds.
const REFUSAL_LIFETIME: u64 = 300;

/// The limits of the account. Clones share them, and so do the processes that are configured with one.
#[derive(Clone, Debug, Default)]
pub struct SharedLimits(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    limits: watch::Sender<Option<RateLimits>>,
    /// When codex last read them, whether or not they had changed.
    read_at: watch::Sender<Option<Instant>>,
    /// Whose limits they are.
    account: Mutex<Option<Account>>,
    /// Wakes one of the processes to read them.
    read: Notify,
}

impl SharedLimits {
    /// Watches the limits; `None` while they are unknown, or for an account without any.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<Option<RateLimits>> {
        self.0.limits.subscribe()
    }

    /// Watches when codex last read the limits, whether or not they had changed.
    #[must_use]
    pub fn last_read(&self) -> watch::Receiver<Option<Instant>> {
        self.0.read_at.subscribe()
    }

    /// Whether a limit is reached at `now`, and when it resets; both times in Unix seconds.
    #[must_use]
    pub fn reached(&self, now: u64) -> Option<Option<u64>> {
        let limits = self.0.limits.borrow();
        limits.as_ref().filter(|limits| limits.is_reached(now)).map(RateLimits::resets_at)
    }

    /// Asks a running codex to read the limits. Without one this has no effect until one starts.
    pub fn refresh(&self) {
        self.0.read.notify_one();
    }

    /// Resolves when they should be read.
    pub(crate) async fn read_requested(&self) {
        self.0.read.notified().await;
    }

    /// Forgets the limits of another account.
    pub(crate) fn set_account(&self, account: &Account) {
        let known = self.0.account.lock().replace(account.clone());
        if known.is_some_and(|known| known != *account) {
            self.0.limits.send_if_modified(|limits| limits.take().is_some());
            self.0.read_at.send_replace(None);
        }
    }

    /// Replaces the limits by what codex has read.
    pub(crate) fn replace(&self, response: LimitsResponse) {
        let limits = RateLimits::from(response);
        self.change(|known| {
            let refused_until = known
                .take()
                .and_then(|known| known.refused_until)
                .filter(|_| limits.ordinary_usage_allowed != Some(true));
            *known = Some(RateLimits { refused_until, ..limits });
        });
        self.0.read_at.send_replace(Some(Instant::now()));
    }

    /// Merges an update, and asks for a read when it may have changed what only a read tells.
    pub(crate) fn merge(&self, update: Snapshot) {
        if !update.is_main() {
            return;
        }
        self.change(|known| known.get_or_insert_default().merge(update));
        let reached = |limits: &RateLimits| {
            limits.ordinary_usage_allowed == Some(false)
                || limits.reached_type.is_some()
                || limits.exhausted_until().is_some()
        };
        if self.0.limits.borrow().as_ref().is_some_and(reached) {
            self.refresh();
        }
    }

    /// Records that a turn was refused because of a limit, which resets at `resets_at` if that is known.
    pub(crate) fn refused(&self, resets_at: Option<u64>, now: u64) {
        self.change(|known| {
            let limits = known.get_or_insert_default();
            // The permission is from before.
            limits.ordinary_usage_allowed = None;
            limits.refused_until = resets_at.filter(|at| now < *at).or(Some(now + REFUSAL_LIFETIME));
        });
        self.refresh();
    }

    /// Records that a turn was answered.
    pub(crate) fn answered(&self) {
        self.0.limits.send_if_modified(|known| {
            known.as_mut().is_some_and(|limits| limits.refused_until.take().is_some())
        });
        if self.0.limits.borrow().as_ref().is_some_and(|limits| limits.ordinary_usage_allowed == Some(false))
        {
            self.refresh();
        }
    }

    /// The latest reset of the exhausted windows, in Unix seconds.
    pub(crate) fn exhausted_until(&self) -> Option<u64> {
        self.0.limits.borrow().as_ref().and_then(RateLimits::exhausted_until)
    }

    /// The earliest reset after `now`, in Unix seconds.
    #[must_use]
    pub fn next_reset(&self, now: u64) -> Option<u64> {
        let limits = self.0.limits.borrow();
        let limits = limits.as_ref()?;
        let resets = limits.windows.iter().filter_map(|window| window.resets_at).chain(limits.refused_until);
        resets.filter(|at| now < *at).min()
    }

    fn change(&self, change: impl FnOnce(&mut Option<RateLimits>)) {
        self.0.limits.send_if_modified(|known| {
            let before = known.clone();
            change(known);
            *known != before
        });
    }
}
