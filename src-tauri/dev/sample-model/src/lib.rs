//! A stand-in for OpenAI's Responses API, the service that codex talks to, scripted by the prompt.
//!
//! Tests and the benchmark use it to make a real codex do what they need, and `--demo` uses it so that a person without
//! an account gets an answer. What a prompt can ask for is in this crate's `README.md`. [`codex_home`] writes a
//! configuration that points codex here. Deliberately not here: keys, TLS, answers that are not streamed, and
//! everything of OpenAI's API that codex does not call.

mod api_error;
pub mod codex_home;
mod conversation;
mod demo;
pub mod directive;
mod event_log;
mod holds;
mod limits;
mod player;
mod recorded;
mod reply;
mod schema;
mod script;
mod server;
mod state;
pub mod under_test;
mod websocket;
mod wire;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};

pub use event_log::{Event, KEPT_EVENTS};
pub use recorded::{KEPT_REQUESTS, Recorded, Transport};

use state::{Shared, Stage};

/// A running sample model. Dropping it ends the server and every stream.
#[derive(Debug)]
pub struct SampleModel {
    address: SocketAddr,
    stage: Arc<Stage>,
    _stop: DropGuard,
}

impl SampleModel {
    /// Starts to serve on `listener`. Must be called inside of a Tokio runtime.
    #[must_use]
    pub fn start(listener: TcpListener) -> Self {
        let nowhere = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);
        let address = listener.local_addr().unwrap_or(nowhere);
        let stage = Arc::new(Stage::new());
        let stop = CancellationToken::new();
        tokio::spawn(server::serve(listener, Shared { stage: Arc::clone(&stage), stop: stop.clone() }));
        Self { address, stage, _stop: stop.drop_guard() }
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What codex wants as `base_url`, such as `http://127.0.0.1:8080/v1`.
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// All recorded requests, oldest first; the last [`KEPT_REQUESTS`] of them.
    #[must_use]
    pub fn requests(&self) -> Vec<Recorded> {
        self.stage.records.all()
    }

    /// The recorded request for response `id`, as named by an [`Event`].
    #[must_use]
    pub fn request(&self, id: u64) -> Option<Recorded> {
        self.requests().into_iter().find(|recorded| recorded.id == Some(id))
    }

    /// All kept events, oldest first; the last [`KEPT_EVENTS`] of them.
    #[must_use]
    pub fn events(&self) -> Vec<Event> {
        self.stage.events.all()
    }

    /// Waits for an event, past or coming, and gives up after `within`.
    pub async fn wait_for(&self, what: impl Fn(&Event) -> bool, within: Duration) -> Option<Event> {
        self.stage.events.wait_for(what, within).await
    }

    /// Lets every answer that is held now go on, and says how many there were.
    pub fn release(&self) -> usize {
        self.stage.holds.release_all()
    }

    /// Lets one held answer go on, and says whether it was held.
    pub fn release_one(&self, id: u64) -> bool {
        self.stage.holds.release_one(id)
    }
}
