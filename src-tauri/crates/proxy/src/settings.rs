//! Settings: one declaration for the flags, the environment, `.env`, `settings.json` and the window.
//!
//! A field of [`Settings`] declares a setting: its doc comment is the text in `--help`, in docs/configuration.md and in the
//! window's types, its type is the range, and [`Settings::default`] is the default. To add a setting, add a field here, the code
//! that uses it, a control in `ui/src/views/settings` and its default in the window's fake (`ui/src/lib/fake/scenario.ts`). Tests
//! write the other two files: `ui/src/bindings/Settings.ts` and docs/configuration.md.
//!
//! Nothing here reads the environment or the disk: the layers are passed in, and an invalid value is reported with its layer.

mod aliases;
mod folders;
mod layers;
mod number;
mod program;
mod reference;
mod values;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use clap::ArgAction::{Append, Set, SetFalse};
use codex_client::SandboxMode;
use serde::{Deserialize, Serialize};

use crate::auth::Key;

pub use aliases::{Aliases, CODEX_LOCAL, is_name};
pub use folders::{FOLDER_PREFIX, FolderModel, Folders, is_folder_name};
pub use layers::{EnvFile, Layers, expand_home, flags};
pub use number::{Days, Minutes, Percent, Port, Seconds, Turns, Waiting};
pub use program::Program;
pub use reference::reference;
pub use values::{FieldError, choice, current_name, fields, merge};

/// Settings of a running proxy. The doc comments are the texts of `--help`, so they are short and have no markup. The headings
/// group them there and are the sections of the window's Settings view.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, clap::Args)]
#[cfg_attr(feature = "bindings", derive(ts_rs::TS))]
#[serde(default)]
pub struct Settings {
    /// IP address to listen on
    #[arg(long, env = "HOST", help_heading = "Network")]
    #[serde(skip_serializing, deserialize_with = "values::host")]
    #[cfg_attr(feature = "bindings", ts(skip))]
    pub host: IpAddr,
    /// Port to listen on; 0 picks a free one
    #[arg(long, env = "PORT", help_heading = "Network")]
    pub port: Port,
    /// Path of the codex binary; found automatically by default
    #[arg(long = "codex", env = "CODEX_PATH", value_name = "PATH", help_heading = "Codex")]
    pub codex_path: Option<PathBuf>,
    /// Model behind codex-local; the one codex is configured for by default
    #[arg(long, env = "CODEX_MODEL", help_heading = "Codex")]
    pub model: Option<String>,
    /// Reasoning effort of the model behind codex-local; the model's own by default
    #[arg(skip)]
    pub effort: Option<String>,
    /// What codex-local may do: read-only, workspace-write or danger-full-access
    #[arg(long, env = "CODEX_SANDBOX", value_name = "MODE", value_parser = choice::<SandboxMode>, help_heading = "Permissions")]
    #[serde(deserialize_with = "values::word")]
    #[cfg_attr(feature = "bindings", ts(as = "String"))]
    pub sandbox: SandboxMode,
    /// Working folder of codex-local; an empty folder in the data folder by default
    #[arg(long, env = "CODEX_WORKSPACE", value_name = "DIR", help_heading = "Permissions")]
    pub workspace: Option<PathBuf>,
    /// Snapshot the working folder before answers that may change it, so that changes can be undone
    #[arg(long, env = "CODEX_UNDO", value_name = "ON|OFF", action = Set, help_heading = "Permissions")]
    #[serde(deserialize_with = "values::switch")]
    pub undo: bool,
    /// Ask you before codex-local leaves the sandbox, with read-only and workspace-write
    #[arg(long, env = "CODEX_ASK", value_name = "ON|OFF", action = Set, help_heading = "Permissions")]
    #[serde(deserialize_with = "values::switch")]
    pub ask: bool,
    /// Maximum time a question waits for you in minutes (1-1440); then it is denied
    #[arg(long = "ask-limit", env = "CODEX_ASK_LIMIT", value_name = "MINUTES", help_heading = "Permissions")]
    pub ask_limit_minutes: Minutes,
    /// Keep chats with codex-local in your Codex: they can be continued there, and go on in their thread after a restart
    #[arg(long, env = "CODEX_KEEP_CHATS", value_name = "ON|OFF", action = Set, help_heading = "Permissions")]
    #[serde(deserialize_with = "values::switch")]
    pub keep_chats: bool,
    /// Where reasoning goes unless a request says: reasoning_content, think (tags in the answer) or none
    #[arg(long, env = "CODEX_REASONING", value_name = "FORMAT", value_parser = choice::<ReasoningFormat>, help_heading = "Reasoning")]
    #[serde(deserialize_with = "values::word")]
    pub reasoning: ReasoningFormat,
    /// Include commands, file changes and searches of codex-local in its reasoning
    #[arg(long, env = "CODEX_SHOW_ACTIVITY", value_name = "ON|OFF", action = Set, help_heading = "Reasoning")]
    #[serde(deserialize_with = "values::switch")]
    pub show_activity: bool,
    /// Alternative name for a model, such as gpt-4o=gpt-5.5; repeatable
    #[arg(long = "model-alias", env = "MODEL_ALIASES", value_name = "ALIAS=MODEL", action = Append, value_parser = aliases::parse, help_heading = "Models")]
    #[serde(deserialize_with = "aliases::deserialize")]
    pub model_aliases: Aliases,
    /// Folder that is a model, codex:NAME, such as web=/home/me/web; repeatable
    #[arg(long = "folder", env = "CODEX_FOLDERS", value_name = "NAME=DIR", action = Append, value_parser = folders::parse, help_heading = "Models")]
    #[serde(deserialize_with = "folders::deserialize")]
    pub folders: Folders,
    /// Offer each model with each effort and speed as a model, such as gpt-5.5-high and gpt-5.5-fast
    #[arg(long, env = "CODEX_EFFORT_MODELS", value_name = "ON|OFF", action = Set, help_heading = "Models")]
    #[serde(deserialize_with = "values::switch")]
    pub effort_models: bool,
    /// Send Open WebUI's prompts for titles, tags and the like to the smallest model
    #[arg(long, env = "CODEX_TASK_MODEL", value_name = "ON|OFF", action = Set, help_heading = "Models")]
    #[serde(deserialize_with = "values::switch")]
    pub task_model: bool,
    /// Fetch images that a request names by address, from public servers only
    #[arg(long, env = "CODEX_FETCH_IMAGES", value_name = "ON|OFF", action = Set, help_heading = "Network")]
    #[serde(deserialize_with = "values::switch")]
    pub fetch_images: bool,
    /// Maximum number of concurrent turns (1-100); further requests are queued
    #[arg(long, env = "MAX_TURNS", value_name = "NUMBER", help_heading = "Limits")]
    pub max_turns: Turns,
    /// Maximum number of queued requests (0-1000); further ones get a 429
    #[arg(long, env = "MAX_WAITING", value_name = "NUMBER", help_heading = "Limits")]
    pub max_waiting: Waiting,
    /// Maximum time in the queue in seconds (1-3600); then the request gets a 429
    #[arg(long = "max-wait", env = "MAX_WAIT", value_name = "SECONDS", help_heading = "Limits")]
    pub max_wait_seconds: Seconds,
    /// Maximum time per answer in minutes (1-1440); then the turn is interrupted and the client gets a 504
    #[arg(long = "turn-limit", env = "TURN_LIMIT", value_name = "MINUTES", help_heading = "Limits")]
    pub turn_limit_minutes: Minutes,
    /// Idle timeout of a turn in minutes (1-1440); time spent running a command does not count
    #[arg(long = "silence-limit", env = "SILENCE_LIMIT", value_name = "MINUTES", help_heading = "Limits")]
    pub silence_limit_minutes: Minutes,
    /// Report the account's usage limits in headers of answers (x-codex-proxy-limit-...)
    #[arg(long, env = "CODEX_USAGE_HEADERS", value_name = "ON|OFF", action = Set, help_heading = "Limits")]
    #[serde(deserialize_with = "values::switch")]
    pub usage_headers: bool,
    /// Folder for the proxy's own data; the system's data folder by default
    #[arg(long, env = "DATA_DIR", value_name = "DIR")]
    #[serde(skip_serializing)]
    #[cfg_attr(feature = "bindings", ts(skip))]
    pub data_dir: PathBuf,
    /// Log level: error, warn, info, debug or trace
    #[arg(long, env = "LOG_LEVEL", value_name = "LEVEL", value_parser = choice::<LogLevel>, help_heading = "Logs")]
    #[serde(deserialize_with = "values::word")]
    #[cfg_attr(feature = "bindings", ts(as = "String"))]
    pub log_level: LogLevel,
    /// Web origin (scheme, host and port) that may call the proxy from a browser, or * for any; repeatable
    #[arg(long = "allow-origin", env = "ALLOWED_ORIGINS", value_name = "ORIGIN", help_heading = "Network")]
    #[serde(deserialize_with = "values::list")]
    pub allowed_origins: Vec<String>,
    /// Further host name to accept in requests, such as laptop.lan; repeatable
    #[arg(long = "allow-host", env = "ALLOWED_HOSTS", value_name = "NAME", help_heading = "Network")]
    #[serde(deserialize_with = "values::list")]
    pub allowed_hosts: Vec<String>,
    /// Require an API key; --no-auth turns this off, on loopback only
    #[arg(long = "no-auth", action = SetFalse, help_heading = "Network")]
    #[serde(deserialize_with = "values::switch")]
    pub keys_needed: bool,
    /// API keys given directly, in addition to those in the key file.
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
            undo: true,
            ask: false,
            ask_limit_minutes: Minutes(5),
            keep_chats: false,
            reasoning: ReasoningFormat::default(),
            show_activity: true,
            model_aliases: Aliases::new(),
            folders: Folders::new(),
            effort_models: false,
            task_model: true,
            fetch_images: true,
            max_turns: Turns(8),
            max_waiting: Waiting(64),
            max_wait_seconds: Seconds(120),
            turn_limit_minutes: Minutes(60),
            silence_limit_minutes: Minutes(10),
            usage_headers: true,
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
    /// The socket address to listen on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        SocketAddr::new(self.host, self.port.get())
    }

    /// Whether web pages of every origin may call the proxy.
    #[must_use]
    pub fn allows_any_origin(&self) -> bool {
        self.allowed_origins.iter().any(|origin| origin == "*")
    }

    /// The folder whose model has this id.
    #[must_use]
    pub fn folder_model(&self, id: &str) -> Option<&FolderModel> {
        let name = id.strip_prefix(FOLDER_PREFIX)?;
        self.folders.iter().find(|folder| folder.name == name)
    }

    /// The working folder of codex-local: the one set, or the default one.
    #[must_use]
    pub fn working_folder(&self) -> PathBuf {
        self.workspace.clone().unwrap_or_else(|| self.data_dir.join("workspace"))
    }
}

/// Where a client gets the summaries of the model's reasoning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "bindings", derive(ts_rs::TS), ts(export))]
pub enum ReasoningFormat {
    /// In a separate field, `reasoning_content`.
    #[default]
    ReasoningContent,
    /// In the answer, between `<think>` and `</think>`.
    Think,
    /// Nowhere: they are left out.
    None,
}

/// How detailed the program's log is. Each level includes the ones above.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    /// Failures.
    #[serde(alias = "critical")]
    Error,
    /// What looks wrong.
    #[serde(alias = "warning")]
    Warn,
    /// One line per request.
    #[default]
    Info,
    /// The steps of each request.
    Debug,
    /// Everything else.
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

/// The former names of a setting. They still work, with a warning.
struct Renamed {
    field: &'static str,
    flag: &'static str,
    variable: &'static str,
    now: &'static str,
}

const RENAMED: [Renamed; 2] = [
    Renamed { field: "show_work", flag: "show-work", variable: "CODEX_SHOW_WORK", now: "show_activity" },
    Renamed { field: "side_calls", flag: "side-calls", variable: "CODEX_SIDE_CALLS", now: "task_model" },
];

/// Why the settings cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// A value is invalid.
    #[error("{source_name} is {value:?}. {expected}")]
    Invalid {
        /// The flag or variable.
        source_name: String,
        /// Its value.
        value: String,
        /// What is allowed, as a sentence.
        expected: String,
    },
    /// `--no-auth` on an address that other computers can reach.
    #[error(
        "--no-auth works on loopback only, and {0} is reachable by others. Leave out --no-auth, or use --host 127.0.0.1"
    )]
    NoAuthBeyondLoopback(IpAddr),
    /// `--allow-origin '*'` without keys.
    #[error(
        "--allow-origin '*' works only while keys are required: without them, every web page could use codex. Leave out --no-auth, or name the origins"
    )]
    AnyOriginWithoutKeys,
    /// The system has no folder for application data.
    #[error("no data folder was found on this system. Set one with --data-dir")]
    NoDataDir,
}

#[cfg(test)]
#[path = "settings_tests.rs"]
mod tests;
