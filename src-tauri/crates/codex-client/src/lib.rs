//! Drives the `codex` CLI on this machine over its resident app-server protocol: finds the binary, keeps one process
//! alive, and runs turns on it, token by token.
//!
//! The parts, from the outside in: [`Codex`] is the handle everybody holds; its supervisor owns the process and starts
//! it on first use; a connection speaks JSON lines with that process; a [`Turn`] is one run of the model and interrupts
//! itself when it is dropped.
//!
//! Deliberately not here: HTTP, keys, and the wire types of any API that a client of ours speaks. Nothing in this crate
//! reads the environment or the clock of the process on its own; both are handed in.

mod ahead;
mod binary;
mod calls;
mod capabilities;
mod codex;
mod connection;
mod conversation;
mod environment;
mod error;
mod exec;
mod exec_args;
mod exec_events;
mod home;
#[cfg(test)]
mod hostile_tests;
mod kept;
mod locate;
mod login_shell;
mod mailbox;
mod notifications;
mod pending;
mod probe;
mod process;
mod protocol;
mod routes;
mod run;
mod server_requests;
mod servers;
mod session_file;
mod sign_in;
mod start;
mod supervisor;
mod thread_item;
mod thread_params;
mod threads;
mod transcript;
mod turn;
mod vitals;
mod wire;

pub use capabilities::Capabilities;
pub use codex::{Codex, CodexConfig, Counts, Readiness, Status};
pub use environment::Environment;
pub use error::{CodexError, FailureKind, TurnFailure};
pub use home::{Home, HomeUsed};
pub use kept::Keeping;
pub use locate::{Found, FoundBy, Search, version_of};
pub use notifications::OPT_OUT;
pub use probe::{Probed, probe};
pub use protocol::{
    Account, Content, Effort, Item, Model, RateLimitWindow, RateLimits, Role, SandboxMode, ToolCall,
};
pub use thread_params::plain_thread_params;
pub use turn::{
    ItemEvent, ThreadKind, ThreadProfile, Tool, Turn, TurnEnd, TurnEvent, TurnRequest, Usage, WebSearch,
    WebSearchLocation,
};
