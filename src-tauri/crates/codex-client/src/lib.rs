//! Drives the `codex` CLI on this machine over its resident app-server protocol: finds the binary, keeps one process
//! running, and runs turns on it, token by token.
//!
//! Start at [`Codex`], the shared handle. The modules, each importing only from those before it:
//!
//! - leaves: `error`, `environment`, `files` (stamps, replacing), `item` and `account`, then `event`, `notification` and
//!   `request`, which are what happens in a turn, what codex sends, and what a turn is asked for
//! - `process` starts processes that end with us; `install` finds codex; `home` prepares its `CODEX_HOME`
//! - `rpc` is JSON-RPC over lines; `capabilities` is what this codex can do
//! - `turn` is a running turn as data: its handle, its queue of events, the registry
//! - `thread` starts threads, prewarms them, and caches them for the next request of a conversation
//! - `config` and `status` are how codex is set up, and how it is
//! - `session` is one live codex with its threads and turns, and the supervisor that keeps one running
//! - `legacy` serves a codex before 0.140; `codex` chooses between the two
//!
//! Not here: HTTP, keys, and OpenAI's wire types. Nothing in this crate reads the environment or the clock on its own; both
//! are passed in.

mod account;
mod capabilities;
mod codex;
mod config;
mod environment;
mod error;
mod event;
mod files;
mod home;
#[cfg(test)]
mod hostile_tests;
mod install;
mod item;
mod legacy;
mod notification;
mod process;
mod request;
mod rpc;
mod session;
mod status;
mod thread;
mod turn;

pub use account::Account;
pub use capabilities::Capabilities;
pub use codex::Codex;
pub use config::CodexConfig;
pub use environment::Environment;
pub use error::{CodexError, FailureKind, TurnFailure};
pub use event::{ItemEvent, TurnEnd, TurnEvent, Usage};
pub use files::{FileStamp, replace_file};
pub use home::{Home, HomeUsed};
pub use install::{Found, FoundBy, Search};
pub use item::{Content, Item, Role, ToolCall};
pub use request::{
    Effort, SandboxMode, ThreadKind, ThreadProfile, Tool, TurnRequest, WebSearch, WebSearchLocation,
};
pub use session::{Model, ProbeResult, initialize_params, probe};
pub use status::{Readiness, StartCounts, Status};
pub use thread::{Retention, thread_start_params};
pub use turn::Turn;
