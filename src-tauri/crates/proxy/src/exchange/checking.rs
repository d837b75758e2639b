//! The check of a whole answer against its schema, off the workers.

use std::time::Duration;

use codex_client::Usage;
use tokio_util::task::AbortOnDropHandle;

use crate::answer::pipeline::Unchecked;
use crate::error::Failure;
use crate::off_workers::{self, JobError};
use crate::translate::schema::STACK;

/// How long the check of an answer may take. The usual one takes less than a millisecond.
const CHECK_TIMEOUT: Duration = Duration::from_secs(10);

/// A check that runs; dropping it stops it.
#[derive(Debug)]
pub(super) struct Checking {
    check: AbortOnDropHandle<Result<(), Failure>>,
    usage: Option<Usage>,
}

impl Checking {
    /// Begins to check an answer. `usage` is what its turn has used.
    pub(super) fn begin(Unchecked { check, answer }: Unchecked, usage: Option<Usage>) -> Self {
        let check = async move {
            let stop = check.stop.clone();
            let job = move || check.check(&answer);
            match off_workers::run(CHECK_TIMEOUT, STACK, stop, job).await {
                Ok(result) => result.map_err(Failure::BadForm),
                Err(error) => Err(Failure::Unchecked(error)),
            }
        };
        Self { check: AbortOnDropHandle::new(tokio::spawn(check)), usage }
    }

    /// The usage of the turn, if the answer is what it must be. Dropping the future loses nothing.
    pub(super) async fn done(&mut self) -> Result<Option<Usage>, Failure> {
        (&mut self.check).await.unwrap_or(Err(Failure::Unchecked(JobError::Panicked)))?;
        Ok(self.usage)
    }
}
