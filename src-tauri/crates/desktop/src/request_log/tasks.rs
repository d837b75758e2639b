//! The journal's two tasks: one tells the window what has changed, the other writes it down. Both sleep while nothing happens.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval, sleep};

use super::shared::{OffDisk, Shared};
use super::{Change, DAY, sql};

/// How long small changes of requests are collected before they are told: ten times a second at most.
const TELL_AFTER: Duration = Duration::from_millis(100);

/// How long changes are collected before they are written. This is what a sudden end of the program can lose.
const WRITE_AFTER: Duration = Duration::from_millis(250);

/// When a database that did not take a write is tried again.
const RETRY_AFTER: Duration = Duration::from_secs(5);

/// Requests that are written in one transaction, and taken out in one.
const BATCH: usize = 500;

/// Tells small changes, those of one request as one.
pub(super) async fn tell(shared: Arc<Shared>) {
    while unless_stopped(&shared, shared.tell.notified()).await.is_some()
        && unless_stopped(&shared, sleep(TELL_AFTER)).await.is_some()
    {
        let mut ring = shared.ring();
        for row in ring.take_untold() {
            let _ = shared.changes.send(Change::Row(row));
        }
    }
}

/// Writes changes, takes out what is too old, and in the end writes what is left and closes the database.
pub(super) async fn write(shared: Arc<Shared>) {
    let mut prunings = interval(DAY);
    prunings.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            biased;
            () = shared.stop.cancelled() => break,
            // The first comes at once.
            _ = prunings.tick() => {
                prune(&shared).await;
                continue;
            }
            () = shared.write.notified() => {}
        }
        unless_stopped(&shared, sleep(WRITE_AFTER)).await;
        if let Err(OffDisk::Refused(_)) = write_all(&shared).await {
            unless_stopped(&shared, sleep(RETRY_AFTER)).await;
            shared.write.notify_one();
        }
    }
    // An error has been said; nobody is left to try again.
    let _ = write_all(&shared).await;
    shared.close_disk().await;
}

/// Takes out the requests that are too old, in batches, so that others get at the database in between.
pub(super) async fn prune(shared: &Arc<Shared>) {
    let before_ms = shared.kept_since_ms();
    shared.ring().remove_ended(before_ms);
    let mut any = false;
    while let Ok(1..) = shared.on_disk(move |connection| sql::prune(connection, before_ms, BATCH)).await {
        any = true;
    }
    if any {
        // An error is in our log; the room is given back another day.
        let _ = shared.on_disk(|connection| sql::compact(connection)).await;
    }
}

async fn write_all(shared: &Arc<Shared>) -> Result<(), OffDisk> {
    let ring = Arc::clone(shared);
    let written = shared.on_disk(move |connection| {
        loop {
            let batch = ring.ring().take_unwritten(BATCH);
            if batch.is_empty() {
                return Ok(());
            }
            if let Err(error) = sql::write(connection, &batch) {
                ring.ring().put_back();
                return Err(error);
            }
            ring.ring().written(&batch);
        }
    });
    let written = written.await;
    let notice = match &written {
        Ok(()) | Err(OffDisk::Absent) => None,
        Err(OffDisk::Refused(error)) => Some(match shared.ring().lost() {
            0 => format!("The request log cannot be written ({error}). It is tried again every few seconds."),
            lost => {
                format!("The request log cannot be written ({error}), and {lost} requests are lost to it.")
            }
        }),
    };
    shared.set_writing_notice(notice);
    written
}

/// What comes of something, or `None` when the journal is closed first.
async fn unless_stopped<T>(shared: &Shared, what: impl Future<Output = T>) -> Option<T> {
    shared.stop.run_until_cancelled(what).await
}
