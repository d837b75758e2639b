//! How codex is found and started.

use std::path::PathBuf;

use crate::home::Home;
use crate::install::Search;
use crate::thread::Retention;

/// How codex is found and started.
#[derive(Clone, Debug)]
pub struct CodexConfig {
    /// Where to look, and the environment to start it with. `CODEX_HOME` in it is the user's home of codex.
    pub search: Search,
    /// Which home it gets.
    pub home: Home,
    /// The folder that the process is started in; it must exist.
    pub folder: PathBuf,
    /// Our version, which codex passes on upstream.
    pub client_version: String,
    /// How many threads are cached after their answer, and for how long.
    pub retention: Retention,
}
