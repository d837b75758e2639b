//! Runs what a client's input may make long or deep on a thread of its own: off the workers, on a large stack, few at once, and with
//! a time limit.

use std::thread;
use std::time::Duration;

use tokio::sync::{Semaphore, oneshot};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// How many threads run at once. A further one waits, within its time limit, so this leaves the workers room on any machine.
const MAX_THREADS: usize = 2;

static SLOTS: Semaphore = Semaphore::const_new(MAX_THREADS);

/// Runs `job` on a thread with a stack of so many bytes. `stop` is cancelled when its time is up, or when this future is dropped; a
/// job that looks at it gives its thread back then, and may unwind it.
///
/// # Errors
/// [`Unfinished`] when there was no result in time.
pub(crate) async fn run<T: Send + 'static>(
    limit: Duration,
    stack: usize,
    stop: CancellationToken,
    job: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Unfinished> {
    let stop = stop.drop_guard();
    let work = async {
        let slot = SLOTS.acquire().await.ok()?;
        let (sender, receiver) = oneshot::channel();
        let run = move || {
            let _slot = slot;
            let _ = sender.send(job());
        };
        thread::Builder::new().name("off-workers".to_owned()).stack_size(stack).spawn(run).ok()?;
        receiver.await.ok()
    };
    let done = timeout(limit, work).await.ok().flatten().ok_or(Unfinished)?;
    stop.disarm();
    Ok(done)
}

/// There was no result in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unfinished;

#[cfg(test)]
mod tests {
    use super::*;

    const STACK: usize = 1024 * 1024;

    #[tokio::test(start_paused = true)]
    async fn a_job_that_takes_too_long_is_stopped_and_gives_its_place_back() {
        for _ in 0..3 * MAX_THREADS {
            let stop = CancellationToken::new();
            let stopped = stop.clone();
            let job = move || {
                while !stopped.is_cancelled() {
                    thread::yield_now();
                }
            };
            assert_eq!(run(Duration::from_secs(1), STACK, stop, job).await, Err(Unfinished));
        }
    }

    #[tokio::test]
    async fn a_job_whose_client_goes_is_stopped() {
        let stop = CancellationToken::new();
        let job = run(Duration::from_secs(60), STACK, stop.clone(), thread::park);
        drop(timeout(Duration::from_millis(1), job).await);
        assert!(stop.is_cancelled());
    }

    #[tokio::test]
    async fn a_job_that_ends_stops_nothing_and_one_that_unwinds_is_unfinished() {
        let stop = CancellationToken::new();
        let limit = Duration::from_secs(60);
        assert_eq!(run(limit, STACK, stop.clone(), || 1).await, Ok(1));
        assert!(!stop.is_cancelled());
        let job = || std::panic::resume_unwind(Box::new(()));
        assert_eq!(run(limit, STACK, stop.clone(), job).await, Err::<(), _>(Unfinished));
    }
}
