//! The task that notices changes and passes them on: the proxy's state, codex's, and the request log.

use std::time::Duration;

use tokio::sync::{broadcast, watch};
use tokio::time::{Instant, sleep_until};

use super::{App, Change};
use crate::request_log;
use proxy::Occupancy;
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
            () = changed(codex.as_mut()) => app.renew_overview().await,
            () = moved(turns.as_mut()) => {
                due.get_or_insert_with(|| Instant::now() + GATHER);
            }
            change = log.recv() => {
                match change {
                    Ok(request_log::Change::Row(row)) => app.tell(Change::Exchange(row)),
                    Ok(request_log::Change::Cleared) => app.tell(Change::ExchangesCleared),
                    Err(broadcast::error::RecvError::Lagged(_)) => {}
                    Err(broadcast::error::RecvError::Closed) => return,
                }
                due.get_or_insert_with(|| Instant::now() + GATHER);
            }
            () = at(due) => {
                due = None;
                app.renew_overview().await;
            }
            () = app.0.renew.notified() => app.renew_overview().await,
            () = app.0.stop.cancelled() => return,
        }
    }
}

/// Resolves when codex's status has changed; never when there is no codex, or it is gone for good.
async fn changed(codex: Option<&mut Watch>) {
    match codex {
        Some(codex) => codex.changed().await,
        None => std::future::pending().await,
    }
}

/// Resolves when another number of turns runs or waits; never when there is no proxy, or it is gone.
async fn moved(turns: Option<&mut watch::Receiver<Occupancy>>) {
    if let Some(turns) = turns
        && turns.changed().await.is_ok()
    {
        return;
    }
    std::future::pending::<()>().await;
}

async fn at(due: Option<Instant>) {
    match due {
        Some(due) => sleep_until(due).await,
        None => std::future::pending().await,
    }
}
