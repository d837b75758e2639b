//! Drives a response in the background: it goes on when its client leaves.
//!
//! The task belongs to the proxy, which waits for it when it stops, within the same limits as for open streams.

use std::sync::Arc;
use std::time::Duration;

use tracing::{Instrument as _, Span};

use super::driver::Driver;
use super::event_log::EventLog;
use crate::server::middleware::auth::Caller;
use crate::server::routes::turns::{self, Queued};
use crate::server::state::Proxy;

/// Maximum time in the queue. No client waits for it, so it may be longer than that of others.
pub(super) const QUEUE_TIMEOUT: Duration = Duration::from_hours(1);

/// Runs the response to its end.
pub(super) fn spawn(
    proxy: Proxy,
    caller: Caller,
    mut driver: Driver,
    queued: Queued,
    log: Option<Arc<EventLog>>,
) {
    let tasks = proxy.background.clone();
    let work = async move {
        let running = Arc::clone(driver.running());
        let admitted = || {
            running.writer().admitted();
            running.keep_events();
        };
        if let Some(exchange) = driver.exchange() {
            let started = tokio::select! {
                biased;
                () = running.cancelled() => Ok(Vec::new()),
                started = turns::run(&proxy, &caller, exchange, queued, admitted) => started,
            };
            if let Err(error) = exchange.log_error(started) {
                driver.fail(error);
            }
        }
        running.keep_events();
        while let Some(step) = driver.step().await {
            if let Err(error) = step {
                driver.fail(error);
            }
            running.keep_events();
        }
        if let Some(log) = log {
            log.end();
        }
    };
    tasks.spawn(work.instrument(Span::current()));
}
