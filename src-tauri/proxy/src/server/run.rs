//! Accepts connections until told to stop, and then ends in order: no further request, open streams to a deadline, the
//! rest cut off, codex ended.

use std::io;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::{Proxy, router};

/// How long a stream that was cut off may take to send its last event.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// How long to wait after accepting has failed, as it does when no file descriptor is left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Connections at once. When there are as many, further ones wait in the system's queue until one ends.
const CONNECTIONS: usize = 1024;

/// Serves until `stop`, and returns when no connection, no turn and no codex is left.
///
/// # Errors
/// None of its own at present; an error of a single connection ends that connection only.
pub async fn serve(listener: TcpListener, proxy: Proxy, stop: CancellationToken) -> io::Result<()> {
    let service = TowerToHyperService::new(router(proxy.clone()));
    let mut http = http1::Builder::new();
    // Also how long a connection may idle between two requests.
    http.timer(TokioTimer::new()).header_read_timeout(proxy.limits.head);
    let graceful = GracefulShutdown::new();
    let connections = TaskTracker::new();
    let places = std::sync::Arc::new(tokio::sync::Semaphore::new(CONNECTIONS));

    loop {
        let accepted = tokio::select! {
            accepted = async {
                // The semaphore is never closed, so there is always a permit in the end.
                let permit = std::sync::Arc::clone(&places).acquire_owned().await.ok();
                (permit, listener.accept().await)
            } => accepted,
            () = stop.cancelled() => break,
        };
        let (permit, stream) = match accepted {
            (permit, Ok((stream, _))) => (permit, stream),
            (_, Err(error)) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        // A delta is one small write, and must not wait for the next.
        let _ = stream.set_nodelay(true);
        let connection = graceful.watch(http.serve_connection(TokioIo::new(stream), service.clone()));
        connections.spawn(async move {
            let _permit = permit;
            if let Err(error) = connection.await {
                tracing::trace!(%error, "a connection ended early");
            }
        });
    }

    drop(listener);
    proxy.stopping.cancel();
    connections.close();
    tracing::info!(open = connections.len(), "stopping");
    let drained = tokio::time::timeout(proxy.limits.drain, graceful.shutdown()).await.is_ok();
    if !drained {
        proxy.cut_off.cancel();
        let _ = tokio::time::timeout(LAST_WORDS, connections.wait()).await;
    }
    proxy.codex.shutdown().await;
    tracing::info!(drained, "stopped");
    Ok(())
}
