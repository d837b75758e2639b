//! The configuration of codex.

use std::path::PathBuf;

use crate::home::Home;
use crate::install::Search;
use crate::own_addresses::OwnAddresses;
use crate::rate_limits::SharedLimits;
use crate::thread::{KeptThreads, MaxTurns, Retention};

/// How codex is found and started.
#[derive(Clone, Debug)]
pub struct CodexConfig {
    /// Where to look, and the environment to start it with. Its `CODEX_HOME` is the user's own.
    pub search: Search,
    /// Which `CODEX_HOME` it runs with.
    pub home: Home,
    /// The process's working folder, created if it is missing. Turns have their own.
    pub folder: PathBuf,
    /// Where the proxy listens: a codex whose provider that is does not start.
    pub own_addresses: OwnAddresses,
    /// Where it reports the account's usage limits. Shared by the processes of an account.
    pub limits: SharedLimits,
    /// Our version, which codex sends upstream.
    pub client_version: String,
    /// How many threads are cached, and for how long.
    pub retention: Retention,
    /// How many turns may run at once, which bounds the prewarmed threads.
    pub max_turns: MaxTurns,
    /// The threads that codex stores for us.
    pub kept_threads: KeptThreads,
}
