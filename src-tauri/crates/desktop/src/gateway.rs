//! Starts and stops the proxy without ending the program.
//!
//! One task owns the running server; [`Gateway`] is the handle to it that the window and the tray share. A start while it
//! runs is a restart: the old server lets its open streams finish while the new one already answers. Nothing of anyone
//! else's is ever ended: a port that is taken is a state with its way out.

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

/// Asks waiting for the gateway. When it is full, askers wait for room.
const ASKS: usize = 32;

/// How many ports above a taken one are tried for a free one.
const PORTS_TRIED: u16 = 50;

/// Whether the proxy runs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "state")]
#[ts(export)]
pub enum ProxyState {
    /// It answers.
    Running {
        /// Since when, in Unix seconds.
        since: u64,
    },
    /// It lets open streams finish.
    Stopping,
    /// It was stopped.
    #[default]
    Stopped,
    /// Its port belongs to another program.
    PortTaken {
        /// The port.
        port: u16,
        /// A port near it that is free.
        free: Option<u16>,
    },
    /// It could not start for another reason.
    Failed {
        /// What happened and what to do.
        message: String,
    },
}

/// A proxy to run, and where.
#[derive(Debug)]
pub struct Launch {
    /// The addresses to listen on. The first must be had; the others, such as Docker's bridge, may be missing.
    pub addresses: Vec<SocketAddr>,
    /// The proxy.
    pub proxy: Proxy,
}

/// What runs.
#[derive(Clone, Debug)]
pub struct Running {
    /// Where it listens.
    pub addresses: Vec<SocketAddr>,
    /// Where it should listen and cannot.
    pub missing: Vec<SocketAddr>,
    /// The proxy itself.
    pub proxy: Proxy,
}

/// How the gateway is.
#[derive(Clone, Debug, Default)]
pub struct GatewayState {
    /// In the words of the window.
    pub proxy: ProxyState,
    /// What runs, if it does.
    pub running: Option<Running>,
}

/// A handle to the gateway. Clones share it.
#[derive(Clone, Debug)]
pub struct Gateway {
    asks: mpsc::Sender<Ask>,
    state: watch::Receiver<GatewayState>,
}

/// What to run, `None` for nothing, and who waits for what became of it.
type Ask = (Option<Box<Launch>>, oneshot::Sender<ProxyState>);

impl Gateway {
    /// A gateway that runs nothing yet. Must be called within a tokio runtime.
    #[must_use]
    pub fn spawn() -> Self {
        let (asks, asked) = mpsc::channel(ASKS);
        let (tell, state) = watch::channel(GatewayState::default());
        tokio::spawn(Actor { tell, live: None, draining: JoinSet::new() }.run(asked));
        Self { asks, state }
    }

    /// How it is, and every change.
    #[must_use]
    pub fn state(&self) -> watch::Receiver<GatewayState> {
        self.state.clone()
    }

    /// Starts a proxy, in the place of the one that runs. Returns what became of it.
    pub async fn start(&self, launch: Launch) -> ProxyState {
        self.ask(Some(Box::new(launch))).await
    }

    /// Stops what runs, open streams finishing first, and returns when nothing of it is left.
    pub async fn stop(&self) {
        self.ask(None).await;
    }

    async fn ask(&self, launch: Option<Box<Launch>>) -> ProxyState {
        let (reply, outcome) = oneshot::channel();
        let _ = self.asks.send((launch, reply)).await;
        outcome.await.unwrap_or_default()
    }
}

/// A server that runs.
struct Live {
    proxy: Proxy,
    stop: CancellationToken,
    server: JoinHandle<()>,
}

struct Actor {
    tell: watch::Sender<GatewayState>,
    live: Option<Live>,
    /// Servers that let their last streams finish.
    draining: JoinSet<()>,
}

impl Actor {
    async fn run(mut self, mut asked: mpsc::Receiver<Ask>) {
        loop {
            let ask = tokio::select! {
                ask = asked.recv() => ask,
                Some(_) = self.draining.join_next() => continue,
                Some(_) = OptionFuture::from(self.live.as_mut().map(|live| &mut live.server)) => {
                    self.live = None;
                    let message = "The proxy ended by itself. Its log says more.".to_owned();
                    self.say(ProxyState::Failed { message }, None);
                    continue;
                }
            };
            let Some((launch, reply)) = ask else { return self.stop().await };
            match launch {
                Some(launch) => self.start(*launch).await,
                None => self.stop().await,
            }
            let _ = reply.send(self.tell.borrow().proxy.clone());
        }
    }

    async fn start(&mut self, launch: Launch) {
        if let Some(old) = self.live.take() {
            old.stop.cancel();
            // Its port is free as soon as it takes no further request.
            old.proxy.stopping().await;
            self.draining.spawn(async move {
                let _ = old.server.await;
            });
        }
        let (listeners, missing) = match bind(&launch.addresses).await {
            Ok(bound) => bound,
            Err(state) => {
                // codex was never started for it; this only ends its supervisor.
                launch.proxy.codex().shutdown().await;
                return self.say(state, None);
            }
        };
        let addresses = listeners.iter().filter_map(|listener| listener.local_addr().ok()).collect();
        let stop = CancellationToken::new();
        let server = tokio::spawn(serve(listeners, launch.proxy.clone(), stop.clone()));
        self.live = Some(Live { proxy: launch.proxy.clone(), stop, server });
        let running = Running { addresses, missing, proxy: launch.proxy };
        self.say(ProxyState::Running { since: unix_now() }, Some(running));
    }

    async fn stop(&mut self) {
        if let Some(live) = self.live.take() {
            self.say(ProxyState::Stopping, None);
            live.stop.cancel();
            let _ = live.server.await;
        }
        while self.draining.join_next().await.is_some() {}
        self.say(ProxyState::Stopped, None);
    }

    fn say(&self, proxy: ProxyState, running: Option<Running>) {
        self.tell.send_replace(GatewayState { proxy, running });
    }
}

/// Binds the addresses: the first or nothing, and of the others what can be had.
async fn bind(addresses: &[SocketAddr]) -> Result<(Vec<TcpListener>, Vec<SocketAddr>), ProxyState> {
    let Some((first, others)) = addresses.split_first() else {
        return Err(ProxyState::Failed { message: "There is no address to listen on.".to_owned() });
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
                    format!("Port {} needs more rights. Choose one above 1023.", first.port())
                }
                ErrorKind::AddrNotAvailable => format!("{} is not an address of this machine.", first.ip()),
                _ => format!("Cannot listen on {first}: {error}."),
            };
            return Err(ProxyState::Failed { message });
        }
    };
    let mut missing = Vec::new();
    for address in others {
        match TcpListener::bind(address).await {
            Ok(listener) => listeners.push(listener),
            Err(error) => {
                tracing::warn!(%address, %error, "this address cannot be listened on");
                missing.push(*address);
            }
        }
    }
    Ok((listeners, missing))
}

/// The next free port above a taken one.
async fn free_port(taken: SocketAddr) -> Option<u16> {
    for port in (1..=PORTS_TRIED).filter_map(|above| taken.port().checked_add(above)) {
        if TcpListener::bind(SocketAddr::new(taken.ip(), port)).await.is_ok() {
            return Some(port);
        }
    }
    None
}
