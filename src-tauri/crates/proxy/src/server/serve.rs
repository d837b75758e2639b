//! Accepts connections until told to stop, and then ends in order: no further request, open streams to a deadline, the
//! rest cut off, codex ended.

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::middleware::AddExtension;
use axum::{Extension, Router};
use futures_util::FutureExt as _;
use futures_util::future::join_all;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio_io_timeout::TimeoutStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::Layer;

use super::connections::{Connections, Place};
use super::middleware::shutdown::FINAL_EVENT_GRACE;
use super::middleware::auth_throttle::Peer;
use super::router::router;
use super::state::Proxy;

/// How long a connection that was let in just before the end has for its request to be read.
const FIRST_WORDS: Duration = Duration::from_millis(50);

/// How long to wait after accepting has failed, as it does when no file descriptor is left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves until `stop`, and returns when no connection, no turn and no codex is left. There may be several listeners: one on
/// loopback and one on the bridge of Docker, say.
pub async fn serve(listeners: Vec<TcpListener>, proxy: Proxy, stop: CancellationToken) {
    let mut http = http1::Builder::new();
    // Also how long a connection may idle between two requests.
    http.timer(TokioTimer::new()).header_read_timeout(proxy.limits.head);
    let door = Door {
        router: router(proxy.clone()),
        http,
        connections: Connections::new(proxy.limits.connections),
        tasks: TaskTracker::new(),
        unread: proxy.limits.unread,
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
        if let Some(Some(place)) = door.connections.place().now_or_never() {
            door.let_in(stream, peer, place);
        }
    }
    door.tasks.close();
    tracing::info!(open = door.tasks.len(), "stopping");
    if !door.tasks.is_empty() {
        tokio::time::sleep(FIRST_WORDS).await;
    }
    door.connections.end();
    let drained = tokio::time::timeout(proxy.limits.drain, door.tasks.wait()).await.is_ok();
    if !drained {
        proxy.cut_off.cancel();
        let _ = tokio::time::timeout(FINAL_EVENT_GRACE, door.tasks.wait()).await;
    }
    proxy.codex.shutdown().await;
    tracing::info!(drained, "stopped");
}

/// The connections that wait in the system's queue, as far as it tells without being waited for.
fn waiting(listener: &TcpListener) -> impl Iterator<Item = (TcpStream, SocketAddr)> {
    std::iter::from_fn(|| listener.accept().now_or_never()?.ok())
}

/// What every connection needs.
struct Door {
    router: Router,
    http: http1::Builder,
    connections: Connections,
    tasks: TaskTracker,
    /// How long a client may read nothing of what waits to be sent to it.
    unread: Duration,
}

impl Door {
    /// Lets connections in for as long as it is polled.
    async fn accept(&self, listener: &TcpListener) {
        loop {
            let (stream, peer) = match listener.accept().await {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            };
            if let Some(place) = self.connections.place().await {
                self.let_in(stream, peer, place);
            }
        }
    }

    /// Serves a connection until it ends.
    fn let_in(&self, stream: TcpStream, peer: SocketAddr, place: Place) {
        // A delta is one small write, and must not wait for the next.
        let _ = stream.set_nodelay(true);
        let service = TowerToHyperService::new(Extension(Peer(peer.ip())).layer(self.router.clone()));
        self.tasks.spawn(attend(stream, place, self.http.clone(), service, self.unread));
    }
}

/// Serves one connection to its end.
async fn attend(
    stream: TcpStream,
    place: Place,
    http: http1::Builder,
    service: TowerToHyperService<AddExtension<Router, Peer>>,
    unread: Duration,
) {
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(unread));
    let used = Arc::clone(&place.used);
    let service = service_fn(move |request| {
        used.store(true, Ordering::Relaxed);
        service.call(request)
    });
    let mut connection = pin!(http.serve_connection(TokioIo::new(Box::pin(stream)), service));
    let mut leaving = false;
    loop {
        tokio::select! {
            ended = connection.as_mut() => {
                if let Err(error) = ended {
                    tracing::trace!(%error, "a connection ended early");
                }
                return;
            }
            () = place.leave.cancelled(), if !leaving => {
                // Without a request there is nothing to finish, and hyper would wait for one.
                if !place.used.load(Ordering::Relaxed) {
                    return;
                }
                leaving = true;
                connection.as_mut().graceful_shutdown();
            }
        }
    }
}
