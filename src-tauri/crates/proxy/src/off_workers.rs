//! Keeps jobs whose cost a client controls off the async workers. Jobs of unbounded cost run on a few threads with large
//! stacks and a time limit; jobs of linear cost run in place.

use std::thread;
use std::time::Duration;

use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::sync::{Semaphore, SemaphorePermit, oneshot};
use tokio::task;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// Maximum concurrent threads. More would leave little of a small machine.
const MAX_THREADS: usize = 2;

/// Maximum jobs waiting for a thread, each holding its request. Further ones are rejected.
const MAX_WAITING: usize = 64;

/// Maximum wait for a thread. It does not count towards the job's own limit.
const WAIT_TIMEOUT: Duration = Duration::from_secs(30);

/// Work on fewer bytes of a client stays on the worker: it takes less than a millisecond.
const MAX_ON_WORKER: usize = 64 * 1024;

/// Runs a job that always ends, in time proportional to `bytes` of a client, while other tasks leave this worker.
pub(crate) fn block_in_place<T>(bytes: usize, job: impl FnOnce() -> T) -> T {
    let has_other_workers =
        Handle::try_current().is_ok_and(|runtime| runtime.runtime_flavor() == RuntimeFlavor::MultiThread);
    if bytes > MAX_ON_WORKER && has_other_workers { task::block_in_place(job) } else { job() }
}

/// The process-wide pool.
pub(crate) static POOL: Pool = Pool::new();

/// Why a job has no result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobError {
    /// No thread became free in time, or too many jobs wait.
    Busy,
    /// It exceeded its time limit.
    TimedOut,
    /// It panicked; the panic is logged.
    Panicked,
}

/// A bounded number of threads with large stacks.
pub(crate) struct Pool {
    threads: Semaphore,
    waiting: Semaphore,
}

impl Pool {
    const fn new() -> Self {
        Self { threads: Semaphore::const_new(MAX_THREADS), waiting: Semaphore::const_new(MAX_WAITING) }
    }

    /// Runs `job` on a thread with a stack of `stack` bytes, for at most `limit`. `stop` is cancelled at the limit or
    /// when this future is dropped; a job that checks it then frees its thread, and may unwind it.
    ///
    /// # Errors
    /// [`JobError`]
    pub(crate) async fn run<T: Send + 'static>(
        &'static self,
        limit: Duration,
        stack: usize,
        stop: CancellationToken,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, JobError> {
        let stop = stop.drop_guard();
        let permit = self.next_thread().await.ok_or(JobError::Busy)?;
        let (sender, receiver) = oneshot::channel();
        let run = move || {
            let _permit = permit;
            let _ = sender.send(job());
        };
        let thread = thread::Builder::new().name("off-workers".to_owned()).stack_size(stack);
        thread.spawn(run).map_err(|_| JobError::Busy)?;
        let result = timeout(limit, receiver).await.map_err(|_| JobError::TimedOut)?;
        let done = result.map_err(|_| JobError::Panicked)?;
        stop.disarm();
        Ok(done)
    }

    async fn next_thread(&'static self) -> Option<SemaphorePermit<'static>> {
        let _waiting = self.waiting.try_acquire().ok()?;
        timeout(WAIT_TIMEOUT, self.threads.acquire()).await.ok()?.ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STACK: usize = 1024 * 1024;
    const LONG: Duration = Duration::from_secs(60);

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn other_tasks_run_while_a_large_job_runs_in_place() {
        let (ran, has_run) = std::sync::mpsc::channel();
        tokio::spawn(async move {
            tokio::spawn(async move { ran.send(()).unwrap() });
            // Without another worker, the task just spawned could not run.
            block_in_place(MAX_ON_WORKER + 1, || has_run.recv_timeout(LONG).unwrap());
        })
        .await
        .unwrap();
    }

    fn pool() -> &'static Pool {
        Box::leak(Box::new(Pool::new()))
    }

    async fn run<T: Send + 'static>(
        pool: &'static Pool,
        limit: Duration,
        job: impl FnOnce(&CancellationToken) -> T + Send + 'static,
    ) -> Result<T, JobError> {
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        pool.run(limit, STACK, stop, move || job(&stopped)).await
    }

    fn until_stopped(stop: &CancellationToken) {
        while !stop.is_cancelled() {
            thread::yield_now();
        }
    }

    #[tokio::test]
    async fn a_job_that_times_out_is_stopped_and_frees_its_thread() {
        let pool = pool();
        for _ in 0..3 * MAX_THREADS {
            assert_eq!(run(pool, Duration::from_millis(1), until_stopped).await, Err(JobError::TimedOut));
        }
    }

    #[tokio::test]
    async fn a_job_whose_client_disconnects_is_stopped() {
        let stop = CancellationToken::new();
        let job = pool().run(LONG, STACK, stop.clone(), thread::park);
        drop(timeout(Duration::from_millis(1), job).await);
        assert!(stop.is_cancelled());
    }

    #[tokio::test]
    async fn a_finished_job_does_not_cancel_and_an_unwound_one_has_panicked() {
        let (pool, stop) = (pool(), CancellationToken::new());
        assert_eq!(pool.run(LONG, STACK, stop.clone(), || 1).await, Ok(1));
        assert!(!stop.is_cancelled());
        let unwinds = || std::panic::resume_unwind(Box::new(()));
        assert_eq!(pool.run(LONG, STACK, stop, unwinds).await, Err::<(), _>(JobError::Panicked));
    }

    #[tokio::test(start_paused = true)]
    async fn waiting_for_a_thread_is_limited_and_not_counted_as_the_jobs_time() {
        let pool = pool();
        let threads = pool.threads.acquire_many(2).await.unwrap();
        let began = tokio::time::Instant::now();
        assert_eq!(run(pool, Duration::from_secs(1), |_| ()).await, Err(JobError::Busy));
        assert_eq!(began.elapsed(), WAIT_TIMEOUT);

        let waits = tokio::spawn(run(pool, LONG, |_| ()));
        tokio::time::sleep(WAIT_TIMEOUT / 2).await;
        tokio::time::resume();
        drop(threads);
        assert_eq!(waits.await.unwrap(), Ok(()));
    }

    #[tokio::test(start_paused = true)]
    async fn the_number_of_waiting_jobs_is_limited() {
        let pool = pool();
        let _threads = pool.threads.acquire_many(2).await.unwrap();
        let waiting: Vec<_> = (0..MAX_WAITING).map(|_| tokio::spawn(run(pool, LONG, |_| ()))).collect();
        while pool.waiting.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        let began = tokio::time::Instant::now();
        assert_eq!(run(pool, LONG, |_| ()).await, Err(JobError::Busy));
        assert_eq!(began.elapsed(), Duration::ZERO);
        drop(waiting);
    }
}
