//! Accepts connections until told to stop, and then ends in order: no further request, open streams to a deadline, the
//! rest cut off, codex ended.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use futures_util::future::join_all;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt as _;

use super::{Proxy, router};

/// How long a stream that was cut off may take to send its last event.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// How long to wait after accepting has failed, as it does when no file descriptor is left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Connections at once. When there are as many, further ones wait in the system's queue until one ends.
const CONNECTIONS: usize = 1024;

/// Serves until `stop`, and returns when no connection, no turn and no codex is left. There may be several listeners: one on
/// loopback and one on the bridge of Docker, say.
pub async fn serve(listeners: Vec<TcpListener>, proxy: Proxy, stop: CancellationToken) {
    let mut http = http1::Builder::new();
    // Also how long a connection may idle between two requests.
    http.timer(TokioTimer::new()).header_read_timeout(proxy.limits.head);
    let door = Door {
        routes: router(proxy.clone()),
        http,
        graceful: GracefulShutdown::new(),
        connections: TaskTracker::new(),
        places: Arc::new(Semaphore::new(CONNECTIONS)),
    };
    let accepting = join_all(listeners.iter().map(|listener| door.accept(listener)));
    tokio::select! {
        _ = accepting => {}
        () = stop.cancelled() => {}
    }

    drop(listeners);
    proxy.stopping.cancel();
    door.connections.close();
    tracing::info!(open = door.connections.len(), "stopping");
    let drained = tokio::time::timeout(proxy.limits.drain, door.graceful.shutdown()).await.is_ok();
    if !drained {
        proxy.cut_off.cancel();
        let _ = tokio::time::timeout(LAST_WORDS, door.connections.wait()).await;
    }
    proxy.codex.shutdown().await;
    tracing::info!(drained, "stopped");
}

/// What every connection needs.
struct Door {
    routes: Router,
    http: http1::Builder,
    graceful: GracefulShutdown,
    connections: TaskTracker,
    places: Arc<Semaphore>,
}

impl Door {
    /// Lets connections in for as long as it is polled.
    async fn accept(&self, listener: &TcpListener) {
        loop {
            // The semaphore is never closed, so there is always a permit in the end.
            let permit = Arc::clone(&self.places).acquire_owned().await.ok();
            let (stream, peer) = match listener.accept().await {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            };
            // A delta is one small write, and must not wait for the next.
            let _ = stream.set_nodelay(true);
            let service = self.routes.clone().map_request(move |mut request: Request<Incoming>| {
                request.extensions_mut().insert(ConnectInfo(peer));
                request
            });
            let service = TowerToHyperService::new(service);
            let connection = self.http.serve_connection(TokioIo::new(stream), service);
            let connection = self.graceful.watch(connection);
            self.connections.spawn(async move {
                let _permit = permit;
                if let Err(error) = connection.await {
                    tracing::trace!(%error, "a connection ended early");
                }
            });
        }
    }
}
