//! A fake of OpenAI's Responses API, as used by codex, whose answers are scripted by the prompt.
//!
//! Tests and bench use it to drive the real codex, and `--demo` to answer without an account. The README lists what a prompt
//! can script. [`codex_home`] points codex at it. There are no keys, no TLS, no unstreamed answers, and of the rest of
//! OpenAI's services only the sign-in ([`login`]), the account's limits and pictures.

mod account_limits;
mod api_error;
mod calls;
mod clock;
pub mod codex_home;
mod conversation;
mod demo;
mod device_codes;
pub mod directive;
mod event_log;
mod holds;
mod images;
mod limits;
pub mod login;
mod player;
mod png;
mod recorded;
mod reply;
mod review;
mod schema;
mod script;
mod server;
mod state;
pub mod under_test;
mod usage;
mod web_search;
mod websocket;
mod wire;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};

pub use account_limits::{AccountLimits, Limit};
pub use event_log::{Event, MAX_EVENTS};
pub use recorded::{MAX_REQUESTS, Recorded, Transport};

use state::{ModelState, Shared};

/// A running sample model. Dropping it stops the server and every stream.
#[derive(Debug)]
pub struct SampleModel {
    address: SocketAddr,
    state: Arc<ModelState>,
    _stop: DropGuard,
}

impl SampleModel {
    /// Starts serving on `listener`. Must be called within a Tokio runtime.
    #[must_use]
    pub fn start(listener: TcpListener) -> Self {
        let nowhere = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);
        let address = listener.local_addr().unwrap_or(nowhere);
        let state = Arc::new(ModelState::new());
        let stop = CancellationToken::new();
        tokio::spawn(server::serve(listener, Shared { state: Arc::clone(&state), stop: stop.clone() }));
        Self { address, state, _stop: stop.drop_guard() }
    }

    /// The address it listens on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The `base_url` for codex, such as `http://127.0.0.1:8080/v1`.
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// The value of `CODEX_APP_SERVER_LOGIN_ISSUER` for codex to sign in here.
    #[must_use]
    pub fn login_issuer(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Changes what codex learns about the account's limits.
    pub fn set_limits(&self, limits: AccountLimits) {
        self.state.set_limits(limits);
    }

    /// The last [`MAX_REQUESTS`] requests, oldest first.
    #[must_use]
    pub fn requests(&self) -> Vec<Recorded> {
        self.state.records.all()
    }

    /// The request with this `id`, as in an [`Event`].
    #[must_use]
    pub fn request(&self, id: u64) -> Option<Recorded> {
        self.requests().into_iter().find(|recorded| recorded.id == Some(id))
    }

    /// The last [`MAX_EVENTS`] events, oldest first.
    #[must_use]
    pub fn events(&self) -> Vec<Event> {
        self.state.events.all()
    }

    /// Waits up to `within` for a matching event, which may have happened already.
    pub async fn wait_for(&self, what: impl Fn(&Event) -> bool, within: Duration) -> Option<Event> {
        self.state.events.wait_for(what, within).await
    }

    /// Releases all answers that are on hold now, and returns their number.
    pub fn release(&self) -> usize {
        self.state.holds.release_all()
    }

    /// Releases one answer, and returns whether it was on hold.
    pub fn release_one(&self, id: u64) -> bool {
        self.state.holds.release_one(id)
    }
}
