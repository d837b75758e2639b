//! Drives the `codex` CLI on this machine over its resident app-server protocol: finds the binary, keeps one process
//! alive, and runs turns on it, token by token.
//!
//! The parts, from the outside in: [`Codex`] is the handle everybody holds; its supervisor owns the process and starts
//! it on first use; a connection speaks JSON lines with that process; a [`Turn`] is one run of the model and interrupts
//! itself when it is dropped.
//!
//! Deliberately not here: HTTP, keys, and the wire types of any API that a client of ours speaks. Nothing in this crate
//! reads the environment or the clock of the process on its own; both are handed in.

mod capabilities;
mod codex;
mod environment;
mod error;
mod files;
mod home;
#[cfg(test)]
mod hostile_tests;
mod install;
mod item;
mod legacy;
mod notification;
mod process;
mod rpc;
mod session;
mod thread;
mod turn;

pub use capabilities::Capabilities;
pub use codex::{Codex, CodexConfig, Counts, Readiness, Status};
pub use environment::Environment;
pub use error::{CodexError, FailureKind, TurnFailure};
pub use home::{Home, HomeUsed};
pub use install::locate::{Found, FoundBy, Search, version_of};
pub use item::{
    Account, Content, Effort, Item, Model, RateLimitWindow, RateLimits, Role, SandboxMode, ToolCall,
};
pub use session::models::{Probed, probe};
pub use thread::cache::Keeping;
pub use turn::handle::{
    ItemEvent, ThreadKind, ThreadProfile, Tool, Turn, TurnEnd, TurnEvent, TurnRequest, Usage, WebSearch,
    WebSearchLocation,
};
