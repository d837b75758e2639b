//! The check of a whole answer against its schema, off the workers.

use std::time::Duration;

use codex_client::Usage;
use tokio_util::task::AbortOnDropHandle;

use crate::answer::pipeline::Unchecked;
use crate::error::Failure;
use crate::off_workers::POOL;
use crate::translate::schema::STACK;

/// How long the check of an answer may take. The usual one takes less than a millisecond.
const CHECK_TIMEOUT: Duration = Duration::from_secs(10);

/// A check that runs, and gives back the usage of the turn if the answer is what it must be; dropping it stops it.
pub(super) type Checking = AbortOnDropHandle<Result<Option<Usage>, Failure>>;

/// Begins to check an answer. `usage` is what its turn has used.
pub(super) fn begin((check, answer): Unchecked, usage: Option<Usage>) -> Checking {
    AbortOnDropHandle::new(tokio::spawn(async move {
        let stop = check.stop.clone();
        match POOL.run(CHECK_TIMEOUT, STACK, stop, move || check.check(&answer)).await {
            Ok(result) => result.map(|()| usage).map_err(Failure::BadForm),
            Err(error) => Err(Failure::Unchecked(error)),
        }
    }))
}
