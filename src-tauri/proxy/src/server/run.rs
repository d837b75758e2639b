//! Accepts connections until told to stop, and then ends in order: no further request, open streams to a deadline, the
//! rest cut off, codex ended.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{ConnectInfo, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt as _;
use futures_util::future::join_all;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt as _;

use super::error::ApiError;
use super::{Proxy, router};

/// How long a connection that was let in just before the end has for its request to be read. hyper ends one in order, without a
/// word, as long as it has read nothing of it.
const FIRST_WORDS: Duration = Duration::from_millis(50);

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

    // Who has come already is told so by an answer.
    let late: Vec<_> = listeners.iter().flat_map(waiting).collect();
    drop(listeners);
    proxy.stopping.cancel();
    for (stream, peer) in late {
        door.let_in(stream, peer, None);
    }
    door.connections.close();
    tracing::info!(open = door.connections.len(), "stopping");
    if !door.connections.is_empty() {
        tokio::time::sleep(FIRST_WORDS).await;
    }
    let drained = tokio::time::timeout(proxy.limits.drain, door.graceful.shutdown()).await.is_ok();
    if !drained {
        proxy.cut_off.cancel();
        let _ = tokio::time::timeout(LAST_WORDS, door.connections.wait()).await;
    }
    proxy.codex.shutdown().await;
    tracing::info!(drained, "stopped");
}

/// The connections that wait in the system's queue, as far as it tells without being waited for.
fn waiting(listener: &TcpListener) -> impl Iterator<Item = (TcpStream, SocketAddr)> {
    std::iter::from_fn(|| listener.accept().now_or_never()?.ok())
}

/// Answers for a route that has not done so by itself soon after the cut-off, such as one that waits for the rest of a body.
pub(super) async fn or_shutting_down(
    State(proxy): State<Proxy>,
    request: axum::extract::Request,
    next: Next,
) -> Response {
    let too_late = async {
        proxy.cut_off.cancelled().await;
        tokio::time::sleep(LAST_WORDS / 2).await;
    };
    tokio::select! {
        biased;
        response = next.run(request) => response,
        () = too_late => ApiError::shutting_down().into_response(),
    }
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
            self.let_in(stream, peer, permit);
        }
    }

    /// Serves a connection until it ends.
    fn let_in(&self, stream: TcpStream, peer: SocketAddr, permit: Option<OwnedSemaphorePermit>) {
        // A delta is one small write, and must not wait for the next.
        let _ = stream.set_nodelay(true);
        let service = TowerToHyperService::new(self.routes.clone().map_request(
            move |mut request: Request<Incoming>| {
                request.extensions_mut().insert(ConnectInfo(peer));
                request
            },
        ));
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
