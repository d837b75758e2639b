//! Starts and stops the proxy within the app, and moves it to other addresses while it runs.
//!
//! One task owns the server; [`Gateway`] is its handle. A port in use is reported with a free one; no other program is ever
//! stopped.

use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot, watch};

use proxy::approvals::Attendance;
pub use proxy::health::ProxyState;
use proxy::{OpenPort, Proxy, Server, unix_now};

/// Commands queued for the gateway. When the queue is full, callers wait.
const COMMAND_CAPACITY: usize = 32;

/// How many ports above the configured one are tried.
const MAX_PORT_ATTEMPTS: u16 = 50;

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
    /// The app shows codex's questions from the first request on.
    _attendance: Arc<Attendance>,
}

impl Running {
    /// Docker's bridge, if the proxy listens on it or should.
    pub(crate) fn bridge(&self) -> Option<SocketAddr> {
        let own = |ip: IpAddr| ip.is_loopback() || ip.is_unspecified();
        self.addresses.iter().chain(&self.missing).find(|address| !own(address.ip())).copied()
    }
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
    commands: mpsc::Sender<(Command, oneshot::Sender<ProxyState>)>,
    state: watch::Receiver<GatewayState>,
}

/// What to do.
#[derive(Debug)]
enum Command {
    /// Run this, unless a proxy runs; the message says why it could not be created.
    Start(Result<Box<Launch>, String>),
    /// Listen on these addresses instead.
    Move(Vec<SocketAddr>),
    /// Stop.
    Stop,
}

impl Gateway {
    /// Starts the task, with no proxy running yet. Must be called within a tokio runtime.
    #[must_use]
    pub fn spawn() -> Self {
        let (commands, received) = mpsc::channel(COMMAND_CAPACITY);
        let (sender, state) = watch::channel(GatewayState::default());
        tokio::spawn(Actor { state: sender, server: None }.run(received));
        Self { commands, state }
    }

    /// The current state, and its changes.
    #[must_use]
    pub fn state(&self) -> watch::Receiver<GatewayState> {
        self.state.clone()
    }

    /// Starts a proxy unless one runs, and returns the resulting state.
    pub async fn start(&self, launch: Result<Launch, String>) -> ProxyState {
        self.send(Command::Start(launch.map(Box::new))).await
    }

    /// Makes the running proxy listen on these addresses. Its open streams go on. On failure, it stays where it was, and the
    /// returned state says why. Without a running proxy, nothing happens.
    pub async fn move_to(&self, addresses: Vec<SocketAddr>) -> ProxyState {
        self.send(Command::Move(addresses)).await
    }

    /// Stops the proxy after its open streams have finished.
    pub async fn stop(&self) {
        self.send(Command::Stop).await;
    }

    async fn send(&self, command: Command) -> ProxyState {
        let (reply, outcome) = oneshot::channel();
        let _ = self.commands.send((command, reply)).await;
        outcome.await.unwrap_or_default()
    }
}

struct Actor {
    state: watch::Sender<GatewayState>,
    server: Option<Listening>,
}

impl Actor {
    async fn run(mut self, mut received: mpsc::Receiver<(Command, oneshot::Sender<ProxyState>)>) {
        while let Some((command, reply)) = received.recv().await {
            let outcome = match command {
                Command::Start(_) if self.server.is_some() => self.state.borrow().proxy.clone(),
                Command::Start(Ok(launch)) => self.start(*launch).await,
                Command::Start(Err(message)) => self.set_state(ProxyState::Failed { message }, None),
                Command::Move(addresses) => self.move_to(&addresses).await,
                Command::Stop => self.stop().await,
            };
            let _ = reply.send(outcome);
        }
        self.stop().await;
    }

    async fn start(&mut self, Launch { addresses, proxy }: Launch) -> ProxyState {
        let mut server = Listening { server: Server::new(proxy.clone()), ports: Vec::new() };
        let missing = match server.listen(&addresses).await {
            Ok(missing) => missing,
            Err(state) => {
                // codex never started; this only ends its supervisor.
                proxy.codex().shutdown().await;
                return self.set_state(state, None);
            }
        };
        let attendance = Arc::new(proxy.approvals().attend());
        let running = Running { addresses: server.addresses(), missing, proxy, _attendance: attendance };
        self.server = Some(server);
        self.set_state(ProxyState::Running { since: unix_now() }, Some(running))
    }

    async fn move_to(&mut self, addresses: &[SocketAddr]) -> ProxyState {
        let GatewayState { proxy: state, running } = self.state.borrow().clone();
        let (Some(server), Some(running)) = (&mut self.server, running) else { return state };
        match server.listen(addresses).await {
            Ok(missing) => {
                let running = Running { addresses: server.addresses(), missing, ..running };
                self.set_state(state, Some(running))
            }
            Err(failure) => failure,
        }
    }

    async fn stop(&mut self) -> ProxyState {
        if let Some(Listening { server, ports }) = self.server.take() {
            self.set_state(ProxyState::Stopping, None);
            server.shutdown(ports.into_iter().map(|port| port.open).collect()).await;
        }
        self.set_state(ProxyState::Stopped, None)
    }

    fn set_state(&self, proxy: ProxyState, running: Option<Running>) -> ProxyState {
        self.state.send_replace(GatewayState { proxy: proxy.clone(), running });
        proxy
    }
}

/// A server and its open ports.
struct Listening {
    server: Server,
    ports: Vec<Port>,
}

struct Port {
    /// What was asked for.
    address: SocketAddr,
    /// What it is bound to.
    bound: SocketAddr,
    open: OpenPort,
}

impl Listening {
    fn addresses(&self) -> Vec<SocketAddr> {
        self.ports.iter().map(|port| port.bound).collect()
    }

    /// Opens these ports and closes all others. Only the first address is required; the others that cannot be opened are
    /// returned. On failure, everything stays as it was.
    async fn listen(&mut self, addresses: &[SocketAddr]) -> Result<Vec<SocketAddr>, ProxyState> {
        let Some(required) = addresses.first() else {
            return Err(ProxyState::Failed { message: "No address to listen on.".to_owned() });
        };
        let has = |ports: &[Port], address: &SocketAddr| ports.iter().any(|port| port.address == *address);
        if !has(&self.ports, required) {
            match self.open(*required).await {
                // One of our own ports may be in the way: 127.0.0.1 and 0.0.0.0 exclude each other.
                Err(error) if error.kind() == ErrorKind::AddrInUse => {
                    let ours = |port: &Port| port.address.port() == required.port();
                    let closed = self.close(ours).await;
                    if let Err(error) = self.open(*required).await {
                        for address in closed {
                            self.open_optional(address).await;
                        }
                        return Err(refused(*required, &error).await);
                    }
                }
                Err(error) => return Err(refused(*required, &error).await),
                Ok(()) => {}
            }
        }
        self.close(|port| !addresses.contains(&port.address)).await;
        for address in addresses {
            if !has(&self.ports, address) {
                self.open_optional(*address).await;
            }
        }
        let position = |port: &Port| addresses.iter().position(|address| *address == port.address);
        self.ports.sort_by_key(position);
        Ok(addresses.iter().copied().filter(|address| !has(&self.ports, address)).collect())
    }

    async fn open(&mut self, address: SocketAddr) -> io::Result<()> {
        let listener = TcpListener::bind(address).await?;
        let bound = listener.local_addr()?;
        self.ports.push(Port { address, bound, open: self.server.open(listener) });
        Ok(())
    }

    async fn open_optional(&mut self, address: SocketAddr) {
        if let Err(error) = self.open(address).await {
            tracing::warn!(%address, %error, "failed to listen");
        }
    }

    /// Closes ports, and returns their addresses.
    async fn close(&mut self, which: impl Fn(&Port) -> bool) -> Vec<SocketAddr> {
        let (closing, ports) = std::mem::take(&mut self.ports).into_iter().partition::<Vec<_>, _>(which);
        self.ports = ports;
        let addresses = closing.iter().map(|port| port.address).collect();
        for port in closing {
            self.server.close(port.open).await;
        }
        addresses
    }
}

/// Why an address cannot be used, and what to do.
async fn refused(address: SocketAddr, error: &io::Error) -> ProxyState {
    let message = match error.kind() {
        ErrorKind::AddrInUse => {
            return ProxyState::PortTaken { port: address.port(), free: free_port(address).await };
        }
        ErrorKind::PermissionDenied => {
            format!("Port {} needs administrator rights. Choose one above 1023.", address.port())
        }
        ErrorKind::AddrNotAvailable => format!("{} isn't an address of this computer.", address.ip()),
        _ => format!("Couldn't listen on {address}: {error}."),
    };
    ProxyState::Failed { message }
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
