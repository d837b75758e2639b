//! Validates a complete answer, or its calls, against their schemas, off the async workers.

use std::time::Duration;

use codex_client::Usage;
use tokio_util::task::AbortOnDropHandle;

use crate::answer::pipeline::Unchecked;
use crate::error::Failure;
use crate::off_workers::POOL;
use crate::translate::schema::STACK;

/// Time limit for validating one answer. A typical one takes under a millisecond.
const CHECK_TIMEOUT: Duration = Duration::from_secs(10);

/// A running validation. Yields the turn's usage if the answer is valid. Dropping it cancels it.
pub(super) type RunningCheck = AbortOnDropHandle<Result<Option<Usage>, Failure>>;

/// Starts validating an answer. `usage` is what its turn used.
pub(super) fn start(unchecked: Unchecked, usage: Option<Usage>) -> RunningCheck {
    AbortOnDropHandle::new(tokio::spawn(async move {
        let stop = unchecked.stop();
        match POOL.run(CHECK_TIMEOUT, STACK, stop, move || unchecked.check()).await {
            Ok(result) => result.map(|()| usage),
            Err(error) => Err(Failure::Unchecked(error)),
        }
    }))
}
