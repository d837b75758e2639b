//! Settings: one declaration for the flags, the environment, `.env`, `settings.json` and the window.
//!
//! A field of [`Settings`] is the whole of a setting. Its doc comment is its text in `--help`, in docs/configuration.md and in
//! the window's types, its type says what it may be, and its default stands in [`Settings::default`].
//! A new setting is a field here, the code that heeds it, a control in `ui/src/views/settings`, its default in the window's fake
//! (`ui/src/lib/fake/scenario.ts`), and two files that tests write: `ui/src/bindings/Settings.ts` and docs/configuration.md.
//!
//! Nothing here reads the environment or the disk; the layers are handed in, and a refused value is named with its layer.

mod aliases;
mod layers;
mod number;
mod reference;
mod values;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use clap::ArgAction::{Append, Set, SetFalse};
use codex_client::SandboxMode;
use serde::{Deserialize, Serialize};

use crate::auth::Key;

pub use aliases::{Aliases, CODEX_LOCAL, is_name};
pub use layers::{Layers, expand_home, flags};
pub use number::{Days, Minutes, Port, Seconds, Turns, Waiting};
pub use reference::reference;
pub use values::{FieldError, choice, fields, merge};

/// What the proxy is started with. The doc comments are the texts of `--help`, so they are short and without marks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, clap::Args)]
#[cfg_attr(feature = "bindings", derive(ts_rs::TS))]
#[serde(default)]
pub struct Settings {
    /// IP address to listen on
    #[arg(long, env = "HOST")]
    #[serde(skip_serializing, deserialize_with = "values::host")]
    #[cfg_attr(feature = "bindings", ts(skip))]
    pub host: IpAddr,
    /// Port to listen on; 0 takes a free one
    #[arg(long, env = "PORT")]
    pub port: Port,
    /// The codex binary; left out, it is looked for: PATH, your login shell's, the usual folders
    #[arg(long = "codex", env = "CODEX_PATH", value_name = "PATH")]
    pub codex_path: Option<PathBuf>,
    /// Model behind codex-local; left out, what your codex is configured for
    #[arg(long, env = "CODEX_MODEL")]
    pub model: Option<String>,
    /// How hard the model behind codex-local thinks; left out, as the model usually does
    #[arg(skip)]
    pub effort: Option<String>,
    /// What codex's commands may do: read-only, workspace-write or danger-full-access
    #[arg(long, env = "CODEX_SANDBOX", value_name = "MODE", value_parser = choice::<SandboxMode>)]
    #[serde(deserialize_with = "values::word")]
    #[cfg_attr(feature = "bindings", ts(as = "String"))]
    pub sandbox: SandboxMode,
    /// Codex's working folder; left out, an empty one below the data folder
    #[arg(long, env = "CODEX_WORKSPACE", value_name = "DIR")]
    pub workspace: Option<PathBuf>,
    /// How the reasoning is sent where a request does not say: reasoning_content, think (in the answer) or none
    #[arg(long, env = "CODEX_REASONING", value_name = "FORMAT", value_parser = choice::<ReasoningAs>)]
    #[serde(deserialize_with = "values::word")]
    pub reasoning: ReasoningAs,
    /// Whether codex-local shows what codex does, as short lines of the reasoning: on or off
    #[arg(long, env = "CODEX_SHOW_WORK", value_name = "ON|OFF", action = Set)]
    #[serde(deserialize_with = "values::switch")]
    pub show_work: bool,
    /// Another name for a model, which may also be codex-local; may be given several times
    #[arg(long = "model-alias", env = "MODEL_ALIASES", value_name = "ALIAS=MODEL", action = Append, value_parser = aliases::parse)]
    #[serde(deserialize_with = "aliases::deserialize")]
    pub model_aliases: Aliases,
    /// Whether Open WebUI's own prompts (titles, tags and the like) go to the smallest model: on or off
    #[arg(long, env = "CODEX_SIDE_CALLS", value_name = "ON|OFF", action = Set)]
    #[serde(deserialize_with = "values::switch")]
    pub side_calls: bool,
    /// How many turns run at once, 1 to 100; further requests wait, and while several keys wait each gets its share
    #[arg(long, env = "MAX_TURNS", value_name = "NUMBER")]
    pub max_turns: Turns,
    /// How many requests may wait, 0 to 1000; further ones are refused with 429
    #[arg(long, env = "MAX_WAITING", value_name = "NUMBER")]
    pub max_waiting: Waiting,
    /// How long a request waits at most, 1 to 3600 seconds; then it is a 429
    #[arg(long = "max-wait", env = "MAX_WAIT", value_name = "SECONDS")]
    pub max_wait_seconds: Seconds,
    /// How long an answer may take, 1 to 1440 minutes; then the turn is interrupted, and it is a 504
    #[arg(long = "turn-limit", env = "TURN_LIMIT", value_name = "MINUTES")]
    pub turn_limit_minutes: Minutes,
    /// How long codex may send nothing within a turn, 1 to 1440 minutes; time spent running a command does not count
    #[arg(long = "silence-limit", env = "SILENCE_LIMIT", value_name = "MINUTES")]
    pub silence_limit_minutes: Minutes,
    /// Folder of our own data; left out, the system's
    #[arg(long, env = "DATA_DIR", value_name = "DIR")]
    #[serde(skip_serializing)]
    #[cfg_attr(feature = "bindings", ts(skip))]
    pub data_dir: PathBuf,
    /// How much is logged: error, warn, info, debug or trace
    #[arg(long, env = "LOG_LEVEL", value_name = "LEVEL", value_parser = choice::<LogLevel>)]
    #[serde(deserialize_with = "values::word")]
    #[cfg_attr(feature = "bindings", ts(as = "String"))]
    pub log_level: LogLevel,
    /// Web page origin that may call from a browser; may be given several times
    #[arg(long = "allow-origin", env = "ALLOWED_ORIGINS", value_name = "ORIGIN")]
    pub allowed_origins: Vec<String>,
    /// Host name to answer to beside this machine's own; may be given several times
    #[arg(long = "allow-host", env = "ALLOWED_HOSTS", value_name = "NAME")]
    pub allowed_hosts: Vec<String>,
    /// Whether a key is needed; the flag switches that off, on loopback only
    #[arg(long = "no-auth", action = SetFalse)]
    #[serde(deserialize_with = "values::switch")]
    pub keys_needed: bool,
    /// Keys that were given, beside those in the file of keys.
    #[arg(skip)]
    #[serde(skip)]
    pub api_keys: Vec<Key>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            host: Ipv4Addr::LOCALHOST.into(),
            // That of the original, which existing clients are set up for.
            port: Port(8000),
            codex_path: None,
            model: None,
            effort: None,
            sandbox: SandboxMode::default(),
            workspace: None,
            reasoning: ReasoningAs::default(),
            show_work: true,
            model_aliases: Aliases::new(),
            side_calls: true,
            max_turns: Turns(8),
            max_waiting: Waiting(64),
            max_wait_seconds: Seconds(120),
            turn_limit_minutes: Minutes(60),
            silence_limit_minutes: Minutes(10),
            data_dir: PathBuf::new(),
            log_level: LogLevel::default(),
            allowed_origins: Vec::new(),
            allowed_hosts: Vec::new(),
            keys_needed: true,
            api_keys: Vec::new(),
        }
    }
}

impl Settings {
    /// The address to listen on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        SocketAddr::new(self.host, self.port.get())
    }

    /// Codex's working folder, wherever it comes from.
    #[must_use]
    pub fn working_folder(&self) -> PathBuf {
        self.workspace.clone().unwrap_or_else(|| self.data_dir.join("workspace"))
    }
}

/// How summaries of the reasoning are sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "bindings", derive(ts_rs::TS), ts(export))]
pub enum ReasoningAs {
    /// As `reasoning_content`, beside the answer.
    #[default]
    ReasoningContent,
    /// In the answer itself, between `<think>` and `</think>`.
    Think,
    /// Not at all.
    None,
}

/// How much is logged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    /// Only what failed.
    #[serde(alias = "critical")]
    Error,
    /// And what looks wrong.
    #[serde(alias = "warning")]
    Warn,
    /// And a line a request.
    #[default]
    Info,
    /// And the steps of each.
    Debug,
    /// Everything.
    Trace,
}

impl LogLevel {
    /// The level's name, as `tracing` knows it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }
}

/// A setting that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// A value that is not one of the possible ones.
    #[error("{source_name} is {value:?}. {wanted}")]
    Bad {
        /// The flag or variable.
        source_name: String,
        /// What it says.
        value: String,
        /// What it should say.
        wanted: String,
    },
    /// `--no-auth` on an address that others can reach.
    #[error(
        "without keys the proxy listens on this machine only. Leave out --no-auth, or use --host 127.0.0.1 instead of {0}"
    )]
    OpenToOthers(IpAddr),
    /// The system names no folder for data.
    #[error("this system names no folder for data. Name one with --data-dir")]
    NoDataDir,
}

#[cfg(test)]
#[path = "settings_tests.rs"]
mod tests;
