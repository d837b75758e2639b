//! Drives the `codex` CLI over its resident app-server protocol: finds the binary, keeps one process running, and
//! streams turns from it.
//!
//! Start at [`Codex`], the shared handle. The modules, each importing only from those before it:
//!
//! - leaves: `account`, `ask` (questions to the user), `environment`, `files` (stamps, atomic replacement), `item`, `own_addresses` (of the proxy) and
//!   `reason` (codex's words, shortened), then `rate_limits` (of the account) and `error`, then `event`,
//!   `notification` and `request`: the events of a turn, the messages codex sends, the parameters of a turn
//! - `process` starts processes that cannot outlive us; `install` finds codex; `home` prepares its `CODEX_HOME`
//! - `rpc` is JSON-RPC over lines; `app_server` is one process with its connection; `capabilities` is what the installed codex
//!   supports
//! - `turn` is a running turn as data: its handle, its event queue, the registry
//! - `thread` starts threads, prewarms them, and caches them for the next request of a conversation
//! - `config` and `status` are codex's configuration and current state
//! - `session` is one live codex process with its threads and turns, and the supervisor that keeps one running
//! - `sign_in` manages codex's account, on a separate process
//! - `legacy` supports codex before 0.140; `codex` chooses between `session` and `legacy`
//!
//! HTTP, keys and OpenAI's wire types belong to the callers. Nothing here reads the process's environment on its own:
//! it is passed in.

mod account;
mod app_server;
mod ask;
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
mod own_addresses;
mod process;
mod rate_limits;
mod reason;
mod request;
mod rpc;
mod session;
mod sign_in;
mod status;
mod thread;
mod turn;

pub use account::{Account, Provider};
pub use ask::{
    Ask, AskOutcome, Decision, FileDiff, FileDiffKind, FormField, FormInput, InputOption, InputQuestion,
    PendingAsk, Question,
};
pub use capabilities::Capabilities;
pub use codex::Codex;
pub use config::CodexConfig;
pub use environment::{Environment, KEY_VARIABLES};
pub use error::{CodexError, FailureKind, TurnFailure};
pub use event::{
    Citation, Incomplete, ItemEvent, KeptChat, Picture, TurnEnd, TurnEvent, Usage, WebSearchAction,
    WebSearchCall,
};
pub use files::{FileStamp, persist_file, read_file, rename_file, replace_file};
pub use home::{Home, HomeUsed};
pub use install::{
    Found, FoundBy, FoundProgram, Search, find_program, is_on_path, is_searched, own_folder, with_login_shell,
};
pub use item::{Content, Item, Role, ToolCall};
pub use own_addresses::OwnAddresses;
pub use process::{LineCommand, run_lines, run_program};
pub use rate_limits::{Credits, LimitWindow, RateLimits, SharedLimits};
pub use reason::brief;
pub use request::{
    Effort, SandboxMode, ThreadKind, ThreadProfile, Tool, TurnRequest, WebSearch, WebSearchLocation,
};
pub use session::{AgentProbe, Model, ProbeResult, ServiceTier, initialize_params, probe, probe_agent};
pub use sign_in::{
    SignInEnd, SignInMethod, SignInPrompt, Workspace, sign_in, sign_out, switch_workspace, workspaces,
};
pub use status::{Readiness, StartCounts, Status};
pub use thread::{KeptThreads, MaxTurns, Retention, thread_start_params};
pub use turn::Turn;
