//! A live codex: its process and connection, the threads and turns on it, and the supervisor that keeps one running.

mod handshake;
mod launch;
mod liveness;
mod mcp_servers;
mod models;
mod server_requests;
#[expect(clippy::module_inception, reason = "the session itself, beside what works on it")]
mod session;
mod supervisor;
mod turn_task;

pub use handshake::initialize_params;
pub(crate) use models::list_models;
pub use models::{Model, Probed, probe};
pub(crate) use session::Session;
#[cfg(test)]
pub(crate) use session::tests::open as open_for_tests;
pub(crate) use supervisor::{Ask, Supervisor};
pub(crate) use turn_task::start_turn;
