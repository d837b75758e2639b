//! Reads the account's usage limits: when codex starts, when a turn was refused, when a window resets, and now and then while
//! turns run. In between, codex reports what it learns from upstream's responses.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use tokio::time::{Instant, sleep, timeout};

use super::Session;
use crate::account::Account;
use crate::error::CodexError;
use crate::rate_limits::LimitsResponse;

/// How long codex may take to ask upstream. Shorter than the timeout after which a silent codex counts as unresponsive.
const READ_TIMEOUT: Duration = Duration::from_secs(15);

/// How often they are read while turns run: other devices use the account, too.
const READ_INTERVAL: Duration = Duration::from_secs(300);

/// The shortest time between two reads that something else has asked for.
const MIN_READ_INTERVAL: Duration = Duration::from_secs(10);

/// How long after a reset to read them.
const AFTER_RESET: Duration = Duration::from_secs(2);

/// Reads the limits. Failures leave what is known.
pub(crate) async fn read(session: &Session) {
    // Only a ChatGPT account has limits.
    if !session.readiness.capabilities.rate_limits
        || !matches!(session.readiness.account, None | Some(Account::ChatGpt { .. }))
    {
        return;
    }
    match timeout(READ_TIMEOUT, request(session)).await {
        // The account may have changed.
        Ok(Ok(_)) if session.retired.is_cancelled() => {}
        Ok(Ok(response)) => session.limits.replace(response),
        Ok(Err(error)) => tracing::debug!(%error, "codex did not read the usage limits"),
        Err(_) => tracing::debug!("codex did not read the usage limits in time"),
    }
}

async fn request(session: &Session) -> Result<LimitsResponse, CodexError> {
    let call = |params: Value| session.rpc.call("account/rateLimits/read", params);
    match call(json!({ "excludeResetCreditDetails": true })).await {
        // An older codex takes no parameters.
        Err(CodexError::Refused { message, .. }) if message.contains("expected unit") => {
            call(json!({})).await
        }
        response => response,
    }
}

/// Keeps the limits up to date until the session ends.
pub(crate) async fn follow(session: Arc<Session>) {
    let follow = async {
        read(&session).await;
        loop {
            let read_at = Instant::now();
            tokio::select! {
                () = session.limits.read_requested() => {}
                () = next_reset(&session) => {}
                () = sleep(READ_INTERVAL) => {
                    if *session.rpc.last_received.lock() <= read_at {
                        continue;
                    }
                }
            }
            read(&session).await;
            sleep(MIN_READ_INTERVAL).await;
        }
    };
    tokio::select! {
        () = follow => {}
        () = session.retired.cancelled() => {}
        () = session.rpc.closed.cancelled() => {}
    }
}

/// Resolves when the next window resets; never if that is unknown.
async fn next_reset(session: &Session) {
    let now = unix_now();
    let next = session.limits.next_reset(now);
    match next {
        Some(at) => sleep(Duration::from_secs(at - now) + AFTER_RESET).await,
        None => std::future::pending().await,
    }
}

/// Upstream's times are in Unix seconds.
pub(super) fn unix_now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}
