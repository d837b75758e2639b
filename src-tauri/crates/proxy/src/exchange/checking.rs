//! The check of a whole answer against its schema, off the workers.

use std::time::Duration;

use codex_client::Usage;
use tokio_util::task::AbortOnDropHandle;

use crate::answer::pipeline::Unchecked;
use crate::error::Failure;
use crate::off_workers;
use crate::translate::schema::STACK;

/// How long the check of an answer may take. The usual one takes less than a millisecond.
const CHECK_TIMEOUT: Duration = Duration::from_secs(10);

/// A check that runs; dropping it stops it.
#[derive(Debug)]
pub(super) struct Checking {
    check: AbortOnDropHandle<Result<(), String>>,
    usage: Option<Usage>,
}

impl Checking {
    /// Begins to check an answer. `usage` is what its turn has used.
    pub(super) fn begin(Unchecked { check, answer }: Unchecked, usage: Option<Usage>) -> Self {
        let check = async move {
            let stop = check.stop.clone();
            let job = move || check.check(&answer);
            let done = off_workers::run(CHECK_TIMEOUT, STACK, stop, job).await;
            done.unwrap_or_else(
                |_| Err("it takes too long to check the answer against the schema".to_owned()),
            )
        };
        Self { check: AbortOnDropHandle::new(tokio::spawn(check)), usage }
    }

    /// The usage of the turn, if the answer is what it must be. Dropping the future loses nothing.
    pub(super) async fn done(&mut self) -> Result<Option<Usage>, Failure> {
        match (&mut self.check).await {
            Ok(Ok(())) => Ok(self.usage),
            Ok(Err(reason)) => Err(Failure::BadForm(reason)),
            Err(_) => Err(Failure::BadForm("the check of the answer broke off".to_owned())),
        }
    }
}
