//! Checks a key's rules before its request starts a turn.

use std::time::Duration;

use codex_client::{LimitWindow, SharedLimits};
use tokio::time::{Instant, timeout};

use crate::clock::{end_of_day, unix_now};
use crate::error::ApiError;
use crate::server::middleware::auth::Caller;
use crate::server::state::Proxy;

/// How old the percentage of the week may be that a reserve is compared with.
const MAX_AGE: Duration = Duration::from_secs(300);

/// How long codex may take to report the percentage, for which it asks upstream.
const READ_TIMEOUT: Duration = Duration::from_secs(10);

/// Minutes of a week.
const WEEK: u64 = 7 * 24 * 60;

/// Counts a request for an answer against the key's limit per minute.
pub(super) fn count_request(proxy: &Proxy, caller: &Caller) -> Result<(), ApiError> {
    let Some(limit) = caller.limits.requests_per_minute else { return Ok(()) };
    let counted = proxy.key_use.requests().count(&caller.id, limit, Instant::now());
    counted.map_err(|wait| ApiError::too_many_requests(limit, wait))
}

/// Checks that the key has tokens left today, and that the week has more left than the reserve.
pub(super) async fn check_quota(proxy: &Proxy, caller: &Caller) -> Result<(), ApiError> {
    let now = unix_now();
    if let Some(limit) = caller.limits.tokens_per_day {
        let used = proxy.key_use.tokens_today(&caller.id, now).map_err(|error| {
            tracing::error!(%error, "failed to read what keys have used");
            ApiError::key_use_unavailable()
        })?;
        if used >= limit {
            return Err(ApiError::tokens_used_up(limit, end_of_day(now, 0).unwrap_or(now), now));
        }
    }
    let Some(reserve) = caller.limits.reserve_percent else { return Ok(()) };
    // The rest belongs to other keys, so an unknown percentage is no permission.
    let week = used_of_week(proxy).await.ok_or_else(|| ApiError::usage_unknown(reserve))?;
    if week.used_percent >= reserve {
        return Err(ApiError::reserve_reached(reserve, week.used_percent, week.resets_at, now));
    }
    Ok(())
}

/// What is used of the account's week, as of the last minutes; `None` if codex does not report it.
async fn used_of_week(proxy: &Proxy) -> Option<LimitWindow> {
    let limits = proxy.codex.usage_limits();
    if let Some(week) = recent_week(limits) {
        return week;
    }
    let mut reads = limits.last_read();
    let read = async {
        // It reads them when it starts.
        proxy.codex.plain().ready().await.ok()?;
        if !proxy.codex.may_have_limits() {
            return None;
        }
        limits.refresh();
        loop {
            if let Some(week) = recent_week(limits) {
                return week;
            }
            reads.changed().await.ok()?;
        }
    };
    timeout(READ_TIMEOUT, read).await.ok()?
}

/// The window of a week, recognized by its length, if there is one; `None` if the limits were not read lately.
fn recent_week(limits: &SharedLimits) -> Option<Option<LimitWindow>> {
    limits.last_read().borrow().filter(|at| at.elapsed() < MAX_AGE)?;
    let windows = limits.watch().borrow().as_ref().map(|limits| limits.windows.clone()).unwrap_or_default();
    let week = windows.into_iter().find(|window| window.minutes == Some(WEEK));
    Some(week.map(|week| week.at(unix_now())))
}
