//! Starts, stops and restarts the proxy within the app.
//!
//! One task owns the server; [`Gateway`] is its handle. Starting while it runs is a restart: the old server finishes its open
//! streams while the new one already answers. A port in use is reported with a free one; no other program is ever stopped.

use std::io::ErrorKind;
use std::net::SocketAddr;

use futures_util::future::OptionFuture;
use serde::Serialize;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;
use ts_rs::TS;

use proxy::{Proxy, serve, unix_now};

/// Commands queued for the gateway. When the queue is full, callers wait.
const COMMAND_CAPACITY: usize = 32;

/// How many ports above the configured one are tried.
const MAX_PORT_ATTEMPTS: u16 = 50;

/// The state of the proxy.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "state")]
#[ts(export)]
pub enum ProxyState {
    /// Accepts requests.
    Running {
        /// The start, in Unix seconds.
        since: u64,
    },
    /// Finishes open streams.
    Stopping,
    /// Stopped.
    #[default]
    Stopped,
    /// Another program uses the port.
    PortTaken {
        /// The port.
        port: u16,
        /// A free port nearby.
        free: Option<u16>,
    },
    /// Failed to start, or stopped unexpectedly.
    Failed {
        /// What happened and what to do.
        message: String,
    },
}

/// A proxy, and where to run it.
#[derive(Debug)]
pub struct Launch {
    /// The addresses to listen on. The first is required; the others, such as the Docker bridge, are optional.
    pub addresses: Vec<SocketAddr>,
    /// The proxy.
    pub proxy: Proxy,
}

/// The running proxy.
#[derive(Clone, Debug)]
pub struct Running {
    /// The addresses it listens on.
    pub addresses: Vec<SocketAddr>,
    /// The addresses it could not listen on.
    pub missing: Vec<SocketAddr>,
    /// The proxy.
    pub proxy: Proxy,
}

/// The state of the gateway.
#[derive(Clone, Debug, Default)]
pub struct GatewayState {
    /// The state for the window.
    pub proxy: ProxyState,
    /// The running proxy, if any.
    pub running: Option<Running>,
}

/// A handle to the gateway. Clones share it.
#[derive(Clone, Debug)]
pub struct Gateway {
    commands: mpsc::Sender<Command>,
    state: watch::Receiver<GatewayState>,
}

/// What to run, or `None` to stop, and where to send the resulting state.
type Command = (Option<Box<Launch>>, oneshot::Sender<ProxyState>);

impl Gateway {
    /// Starts the task, with no proxy running yet. Must be called within a tokio runtime.
    #[must_use]
    pub fn spawn() -> Self {
        let (commands, received) = mpsc::channel(COMMAND_CAPACITY);
        let (sender, state) = watch::channel(GatewayState::default());
        tokio::spawn(Actor { state: sender, server: None, draining: JoinSet::new() }.run(received));
        Self { commands, state }
    }

    /// The current state, and its changes.
    #[must_use]
    pub fn state(&self) -> watch::Receiver<GatewayState> {
        self.state.clone()
    }

    /// Starts a proxy in place of the running one, and returns the resulting state.
    pub async fn start(&self, launch: Launch) -> ProxyState {
        self.send(Some(Box::new(launch))).await
    }

    /// Stops the proxy after its open streams have finished.
    pub async fn stop(&self) {
        self.send(None).await;
    }

    async fn send(&self, launch: Option<Box<Launch>>) -> ProxyState {
        let (reply, outcome) = oneshot::channel();
        let _ = self.commands.send((launch, reply)).await;
        outcome.await.unwrap_or_default()
    }
}

/// A running server.
struct Server {
    proxy: Proxy,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

struct Actor {
    state: watch::Sender<GatewayState>,
    server: Option<Server>,
    /// Old servers that finish their open streams.
    draining: JoinSet<()>,
}

impl Actor {
    async fn run(mut self, mut received: mpsc::Receiver<Command>) {
        loop {
            let command = tokio::select! {
                command = received.recv() => command,
                Some(_) = self.draining.join_next() => continue,
                Some(_) = OptionFuture::from(self.server.as_mut().map(|server| &mut server.task)) => {
                    self.server = None;
                    let message = "The proxy stopped unexpectedly. See the log files for the reason.".to_owned();
                    self.set_state(ProxyState::Failed { message }, None);
                    continue;
                }
            };
            let Some((launch, reply)) = command else { return self.stop().await };
            match launch {
                Some(launch) => self.start(*launch).await,
                None => self.stop().await,
            }
            let _ = reply.send(self.state.borrow().proxy.clone());
        }
    }

    async fn start(&mut self, launch: Launch) {
        if let Some(old) = self.server.take() {
            old.stop.cancel();
            // The port is free once it accepts no more requests.
            old.proxy.stopping().await;
            self.draining.spawn(async move {
                let _ = old.task.await;
            });
        }
        let (listeners, missing) = match bind(&launch.addresses).await {
            Ok(bound) => bound,
            Err(state) => {
                // codex never started; this only ends its supervisor.
                launch.proxy.codex().shutdown().await;
                return self.set_state(state, None);
            }
        };
        let addresses = listeners.iter().filter_map(|listener| listener.local_addr().ok()).collect();
        let stop = CancellationToken::new();
        let task = tokio::spawn(serve(listeners, launch.proxy.clone(), stop.clone()));
        self.server = Some(Server { proxy: launch.proxy.clone(), stop, task });
        let running = Running { addresses, missing, proxy: launch.proxy };
        self.set_state(ProxyState::Running { since: unix_now() }, Some(running));
    }

    async fn stop(&mut self) {
        if let Some(server) = self.server.take() {
            self.set_state(ProxyState::Stopping, None);
            server.stop.cancel();
            let _ = server.task.await;
        }
        while self.draining.join_next().await.is_some() {}
        self.set_state(ProxyState::Stopped, None);
    }

    fn set_state(&self, proxy: ProxyState, running: Option<Running>) {
        self.state.send_replace(GatewayState { proxy, running });
    }
}

/// Binds the addresses. Only the first is required.
async fn bind(addresses: &[SocketAddr]) -> Result<(Vec<TcpListener>, Vec<SocketAddr>), ProxyState> {
    let Some((first, others)) = addresses.split_first() else {
        return Err(ProxyState::Failed { message: "No address to listen on.".to_owned() });
    };
    let mut listeners = match TcpListener::bind(first).await {
        Ok(listener) => vec![listener],
        Err(error) if error.kind() == ErrorKind::AddrInUse => {
            let free = free_port(*first).await;
            return Err(ProxyState::PortTaken { port: first.port(), free });
        }
        Err(error) => {
            let message = match error.kind() {
                ErrorKind::PermissionDenied => {
                    format!("Port {} needs administrator rights. Choose one above 1023.", first.port())
                }
                ErrorKind::AddrNotAvailable => format!("{} isn't an address of this computer.", first.ip()),
                _ => format!("Couldn't listen on {first}: {error}."),
            };
            return Err(ProxyState::Failed { message });
        }
    };
    let mut missing = Vec::new();
    for address in others {
        match TcpListener::bind(address).await {
            Ok(listener) => listeners.push(listener),
            Err(error) => {
                tracing::warn!(%address, %error, "failed to listen");
                missing.push(*address);
            }
        }
    }
    Ok((listeners, missing))
}

/// The next free port above one in use.
async fn free_port(taken: SocketAddr) -> Option<u16> {
    for port in (1..=MAX_PORT_ATTEMPTS).filter_map(|above| taken.port().checked_add(above)) {
        if TcpListener::bind(SocketAddr::new(taken.ip(), port)).await.is_ok() {
            return Some(port);
        }
    }
    None
}
