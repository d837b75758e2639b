//! Accepts connections until stopped, then shuts down in order: stop accepting, let open streams finish until a
//! deadline, cut off the rest, shut codex down.

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::middleware::AddExtension;
use axum::{Extension, Router};
use futures_util::FutureExt as _;
use futures_util::future::join_all;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_io_timeout::TimeoutStream;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;
use tower::Layer;

use super::connections::{ConnectionHold, ConnectionSlot, Connections};
use super::middleware::auth_throttle::Peer;
use super::middleware::shutdown::FINAL_EVENT_GRACE;
use super::router::router;
use super::state::Proxy;
use crate::clock::unix_now;

/// Time for the request on a connection accepted during shutdown to be read, so that it gets an answer.
const LATE_REQUEST_GRACE: Duration = Duration::from_millis(50);

/// Delay after a failed `accept`, which fails for example when file descriptors run out.
const ACCEPT_RETRY_DELAY: Duration = Duration::from_millis(100);

/// A server. Its ports can be opened and closed while it runs; requests in progress and what the proxy stores stay.
#[derive(Debug)]
pub struct Server {
    acceptor: Arc<Acceptor>,
    proxy: Proxy,
}

/// A port that a [`Server`] accepts connections on. Dropping it closes the port soon after.
#[derive(Debug)]
pub struct OpenPort {
    stop: DropGuard,
    /// Returns the connections that were still in the system's backlog.
    task: JoinHandle<Vec<(TcpStream, SocketAddr)>>,
}

impl Server {
    /// A server without a port yet.
    #[must_use]
    pub fn new(proxy: Proxy) -> Self {
        let limits = proxy.limits();
        let mut http = http1::Builder::new();
        // Also limits how long a connection may idle between two requests.
        http.timer(TokioTimer::new()).header_read_timeout(limits.header_timeout);
        let acceptor = Acceptor {
            router: router(proxy.clone()),
            http,
            connections: Connections::new(limits.max_connections),
            tasks: TaskTracker::new(),
            write_timeout: limits.write_timeout,
        };
        Self { acceptor: Arc::new(acceptor), proxy }
    }

    /// Accepts connections on the listener until its port is closed. Must be called within a tokio runtime.
    #[must_use]
    pub fn open(&self, listener: TcpListener) -> OpenPort {
        let (acceptor, stop) = (Arc::clone(&self.acceptor), CancellationToken::new());
        let (stopped, own_addresses) = (stop.clone(), self.proxy.codex.own_addresses().clone());
        let address = listener.local_addr().ok();
        own_addresses.add(address);
        let task = tokio::spawn(async move {
            stopped.run_until_cancelled(acceptor.accept_all(&listener)).await;
            own_addresses.remove(address);
            pending_connections(&listener).collect()
        });
        OpenPort { stop: stop.drop_guard(), task }
    }

    /// Closes a port; it is free afterwards. Its connections stay open.
    pub async fn close(&self, port: OpenPort) {
        self.acceptor.accept_late(port.close().await);
    }

    /// Shuts down; returns when no connection, turn or codex process is left.
    pub async fn shutdown(self, ports: Vec<OpenPort>) {
        let Self { acceptor, proxy } = self;
        let late = join_all(ports.into_iter().map(OpenPort::close)).await;
        proxy.stopping.cancel();
        proxy.approvals().close();
        // Connections already in the backlog get a `shutting_down` error.
        acceptor.accept_late(late.into_iter().flatten());
        acceptor.tasks.close();
        tracing::info!(open = acceptor.tasks.len(), "stopping");
        if !acceptor.tasks.is_empty() {
            tokio::time::sleep(LATE_REQUEST_GRACE).await;
        }
        acceptor.connections.close_all();
        // Only a connection starts a response in the background, so no further one follows.
        let all_ended = async || {
            acceptor.tasks.wait().await;
            proxy.background.close();
            proxy.background.wait().await;
        };
        let timeout = proxy.limits().drain_timeout;
        let drained = tokio::time::timeout(timeout, all_ended()).await.is_ok();
        if !drained {
            proxy.cut_off.cancel();
            let _ = tokio::time::timeout(FINAL_EVENT_GRACE, all_ended()).await;
        }
        proxy.codex.shutdown().await;
        proxy.store.flush().await;
        let key_use = proxy.key_use.clone();
        if let Ok(Err(error)) = tokio::task::spawn_blocking(move || key_use.flush(unix_now())).await {
            tracing::warn!(%error, "failed to store what keys have used");
        }
        tracing::info!(drained, "stopped");
    }
}

impl OpenPort {
    /// Closes the port and returns the connections in its backlog.
    async fn close(self) -> Vec<(TcpStream, SocketAddr)> {
        drop(self.stop);
        self.task.await.unwrap_or_default()
    }
}

/// Serves until `stop` and returns when no connection, turn or codex process is left. There can be several listeners,
/// such as loopback and Docker's bridge.
pub async fn serve(listeners: Vec<TcpListener>, proxy: Proxy, stop: CancellationToken) {
    let server = Server::new(proxy);
    let ports = listeners.into_iter().map(|listener| server.open(listener)).collect();
    stop.cancelled().await;
    server.shutdown(ports).await;
}

/// Connections in the system's backlog that can be accepted without waiting.
fn pending_connections(listener: &TcpListener) -> impl Iterator<Item = (TcpStream, SocketAddr)> {
    std::iter::from_fn(|| listener.accept().now_or_never()?.ok())
}

/// Accepts connections and holds what each needs.
#[derive(Debug)]
struct Acceptor {
    router: Router,
    http: http1::Builder,
    connections: Connections,
    tasks: TaskTracker,
    /// Maximum time a client may read nothing while data waits to be sent.
    write_timeout: Duration,
}

impl Acceptor {
    /// Accepts connections until dropped.
    async fn accept_all(&self, listener: &TcpListener) {
        loop {
            let (stream, peer) = match listener.accept().await {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(%error, "failed to accept a connection");
                    tokio::time::sleep(ACCEPT_RETRY_DELAY).await;
                    continue;
                }
            };
            if let Some(slot) = self.connections.acquire().await {
                self.accept(stream, peer, slot);
            }
        }
    }

    /// Accepts connections from the backlog of a closed port, as far as there is room.
    fn accept_late(&self, connections: impl IntoIterator<Item = (TcpStream, SocketAddr)>) {
        for (stream, peer) in connections {
            if let Some(Some(slot)) = self.connections.acquire().now_or_never() {
                self.accept(stream, peer, slot);
            }
        }
    }

    /// Spawns a task that serves the connection.
    fn accept(&self, stream: TcpStream, peer: SocketAddr, slot: ConnectionSlot) {
        // Deltas are small writes that must not be delayed by Nagle's algorithm.
        let _ = stream.set_nodelay(true);
        let service = TowerToHyperService::new(Extension(Peer(peer.ip())).layer(self.router.clone()));
        let hold = ConnectionHold::new(slot, &self.tasks);
        self.tasks.spawn(serve_connection(stream, hold, self.http.clone(), service, self.write_timeout));
    }
}

/// Serves one connection until it ends or is told to close.
async fn serve_connection(
    stream: TcpStream,
    hold: ConnectionHold,
    http: http1::Builder,
    service: TowerToHyperService<AddExtension<Router, Peer>>,
    write_timeout: Duration,
) {
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(write_timeout));
    let held = hold.clone();
    let service = service_fn(move |mut request: Request<Incoming>| {
        hold.set_used();
        request.extensions_mut().insert(hold.clone());
        service.call(request)
    });
    let connection = http.serve_connection(TokioIo::new(Box::pin(stream)), service).with_upgrades();
    let mut connection = pin!(connection);
    let mut closing = false;
    loop {
        tokio::select! {
            ended = connection.as_mut() => {
                if let Err(error) = ended {
                    tracing::trace!(%error, "connection ended early");
                }
                return;
            }
            () = held.closing(), if !closing => {
                // Without a request there is nothing to finish, and hyper would wait for one.
                if !held.is_used() {
                    return;
                }
                closing = true;
                connection.as_mut().graceful_shutdown();
            }
        }
    }
}
