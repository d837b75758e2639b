//! The task that notices changes and passes them on: the proxy's state, codex's, and the request log.

use std::time::Duration;

use futures_util::future::OptionFuture;
use tokio::sync::{broadcast, watch};
use tokio::time::{Instant, sleep_until};

use super::{App, Change};
use proxy::models::backends::Watch;

/// How long changes of the request log and of the turns are gathered before the overview's counts are renewed.
const GATHER: Duration = Duration::from_millis(300);

/// Passes changes on until the app ends.
pub(super) async fn tend(app: App) {
    let mut gateway = app.0.gateway.state();
    let mut log = app.0.request_log.subscribe();
    let mut codex: Option<Watch> = app.running().map(|running| running.proxy.codex().watch());
    let mut turns = app.running().map(|running| running.proxy.turns());
    let mut due: Option<Instant> = None;
    loop {
        tokio::select! {
            changed = gateway.changed() => {
                if changed.is_err() {
                    return;
                }
                codex = app.running().map(|running| running.proxy.codex().watch());
                turns = app.running().map(|running| running.proxy.turns());
                app.renew_overview().await;
            }
            // There is no codex while nothing runs, and it may be gone for good.
            Some(()) = OptionFuture::from(codex.as_mut().map(Watch::changed)) => app.renew_overview().await,
            Some(Ok(())) = OptionFuture::from(turns.as_mut().map(watch::Receiver::changed)) => {
                due.get_or_insert_with(|| Instant::now() + GATHER);
            }
            change = log.recv() => {
                match change {
                    Ok(change) => app.tell(Change::Requests(change)),
                    Err(broadcast::error::RecvError::Lagged(_)) => {}
                    Err(broadcast::error::RecvError::Closed) => return,
                }
                due.get_or_insert_with(|| Instant::now() + GATHER);
            }
            Some(()) = OptionFuture::from(due.map(sleep_until)) => {
                due = None;
                app.renew_overview().await;
            }
            () = app.0.renew.notified() => app.renew_overview().await,
            () = app.0.stop.cancelled() => return,
        }
    }
}
