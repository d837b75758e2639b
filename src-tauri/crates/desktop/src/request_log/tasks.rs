//! The two tasks of a request log: one sends batched changes, the other writes. Both sleep while nothing happens.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{sleep, timeout};

use super::shared::{DAY, Shared};

/// How long small changes are collected before they are sent: at most ten times a second.
const NOTIFY_INTERVAL: Duration = Duration::from_millis(100);

/// How long changes are collected before they are written. This is what a sudden end of the program can lose.
const WRITE_INTERVAL: Duration = Duration::from_millis(250);

/// When a database that did not take a write is tried again.
const RETRY_INTERVAL: Duration = Duration::from_secs(5);

/// Sends small changes, those of one request as one.
pub(super) async fn notify(shared: Arc<Shared>) {
    let batches = async {
        loop {
            shared.batched.notified().await;
            sleep(NOTIFY_INTERVAL).await;
            shared.send_batched();
        }
    };
    shared.stop.run_until_cancelled(batches).await;
}

/// Writes changes, removes what is too old at least once a day, and in the end writes what is left and closes the database.
pub(super) async fn write(shared: Arc<Shared>) {
    let writes = async {
        loop {
            if shared.write().await.is_err() {
                sleep(RETRY_INTERVAL).await;
                continue;
            }
            let _ = timeout(DAY, shared.unwritten.notified()).await;
            sleep(WRITE_INTERVAL).await;
        }
    };
    let _: Option<()> = shared.stop.run_until_cancelled(writes).await;
    // There is no later attempt, and the error is in the notice.
    let _ = shared.run(|_| Ok(())).await;
    shared.close().await;
}
