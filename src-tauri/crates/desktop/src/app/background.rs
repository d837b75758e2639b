//! The background task that watches the proxy, codex and the request log, and publishes changes.

use std::time::Duration;

use futures_util::future::OptionFuture;
use tokio::sync::{broadcast, watch};
use tokio::time::{Instant, MissedTickBehavior, sleep_until};

use super::{App, Change};
use crate::request_log;
use proxy::models::backends::Watch;

/// How long changes of the request log and of turns are batched before the counts are refreshed.
const DEBOUNCE: Duration = Duration::from_millis(300);

/// How often Docker's bridge is looked for while the proxy should listen on it and does not.
const BRIDGE_CHECK_INTERVAL: Duration = Duration::from_secs(2);

/// Runs until the app shuts down.
pub(super) async fn run(app: App) {
    let mut gateway = app.0.gateway.state();
    let mut log = app.0.request_log.subscribe();
    let mut codex: Option<Watch> = app.running().map(|running| running.proxy.codex().watch());
    let mut turns = app.running().map(|running| running.proxy.turns());
    let mut approvals = app.running().map(|running| running.proxy.approvals().waiting());
    let mut refresh_at: Option<Instant> = None;
    let mut bridge_check = tokio::time::interval(BRIDGE_CHECK_INTERVAL);
    bridge_check.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            changed = gateway.changed() => {
                if changed.is_err() {
                    return;
                }
                codex = app.running().map(|running| running.proxy.codex().watch());
                turns = app.running().map(|running| running.proxy.turns());
                approvals = app.running().map(|running| running.proxy.approvals().waiting());
                app.refresh_overview().await;
            }
            // `None` while the proxy is stopped, or once codex has ended for good.
            Some(()) = OptionFuture::from(codex.as_mut().map(Watch::changed)) => app.refresh_overview().await,
            Some(Ok(())) = OptionFuture::from(turns.as_mut().map(watch::Receiver::changed)) => {
                refresh_at.get_or_insert_with(|| Instant::now() + DEBOUNCE);
            }
            Some(Ok(())) = OptionFuture::from(approvals.as_mut().map(watch::Receiver::changed)) => {
                app.refresh_overview().await;
            }
            change = log.recv() => {
                match change {
                    Ok(request_log::Change::FilesChanged(row)) => app.notice_changes(&row),
                    Ok(change) => app.notify(Change::Requests(change)),
                    Err(broadcast::error::RecvError::Lagged(_)) => {}
                    Err(broadcast::error::RecvError::Closed) => return,
                }
                refresh_at.get_or_insert_with(|| Instant::now() + DEBOUNCE);
            }
            Some(()) = OptionFuture::from(refresh_at.map(sleep_until)) => {
                refresh_at = None;
                app.refresh_overview().await;
            }
            _ = bridge_check.tick() => app.listen_on_new_bridge().await,
            () = app.0.refresh_soon.notified() => {
                refresh_at.get_or_insert_with(|| Instant::now() + DEBOUNCE);
            }
            () = app.0.refresh.notified() => app.refresh_overview().await,
            () = app.0.stop.cancelled() => return,
        }
    }
}
