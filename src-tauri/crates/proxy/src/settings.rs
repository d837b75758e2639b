//! Settings: from flags, environment and `.env` to one checked value that the rest of the program uses.
//!
//! Nothing here reads the environment or the disk; the layers are handed in. Where a value came from is part of every
//! complaint about it.

pub mod aliases;
mod layers;
pub mod limits;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use codex_client::SandboxMode;

use crate::auth::Key;

pub use aliases::Aliases;
pub use layers::{Flags, Layers};
pub use limits::TurnLimits;

/// The port of the original, which existing clients are set up for.
pub const DEFAULT_PORT: u16 = 8000;

/// Settings that have been checked.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The address to listen on.
    pub bind: SocketAddr,
    /// The codex binary; `None` looks for it.
    pub codex_path: Option<PathBuf>,
    /// The model behind `codex-local`; `None` takes what the user's codex is configured for.
    pub model: Option<String>,
    /// How hard the model behind `codex-local` thinks; `None` leaves it to the model.
    pub effort: Option<String>,
    /// What codex's commands may do.
    pub sandbox: SandboxMode,
    /// Codex's working folder.
    pub workspace: PathBuf,
    /// The folder of our own data.
    pub data_dir: PathBuf,
    /// How much is logged.
    pub log_level: LogLevel,
    /// Keys that were given, beside those in the file of keys.
    pub api_keys: Vec<Key>,
    /// Whether a key is needed at all.
    pub auth: bool,
    /// Origins of web pages that may call us from a browser.
    pub allowed_origins: Vec<String>,
    /// Names that we answer to beside those of this machine.
    pub allowed_hosts: Vec<String>,
    /// How summaries of the reasoning are sent where a request does not say.
    pub reasoning: ReasoningAs,
    /// Whether an answer of `codex-local` shows what codex does, as lines of the reasoning.
    pub show_work: bool,
    /// Other names for models.
    pub model_aliases: Aliases,
    /// Whether Open WebUI's own calls (titles, tags and the like) go to the smallest model.
    pub side_calls: bool,
    /// How many turns run and wait, and for how long.
    pub limits: TurnLimits,
}

/// How summaries of the reasoning are sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogLevel {
    /// Only what failed.
    Error,
    /// And what looks wrong.
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

impl Settings {
    /// Puts the layers together.
    ///
    /// # Errors
    /// The first value that cannot be used, with where it came from.
    pub fn from_layers(layers: &Layers<'_>) -> Result<Self, SettingsError> {
        let flags = layers.flags;
        let host = layers.value(&flags.host, "--host", "HOST");
        let port = layers.value(&flags.port, "--port", "PORT");
        let ip = host.map_or(Ok(Ipv4Addr::LOCALHOST.into()), |host| {
            host.parse(parse_host, "Name an IP address to listen on, such as 127.0.0.1")
        })?;
        let port = port.map_or(Ok(DEFAULT_PORT), |port| {
            port.parse(|text| text.parse().ok(), "Name a port from 0 to 65535")
        })?;
        let auth = !flags.no_auth;
        if !auth && !ip.is_loopback() {
            return Err(SettingsError::OpenToOthers(ip));
        }
        let data_dir = match layers.value(&flags.data_dir, "--data-dir", "DATA_DIR") {
            Some(folder) => layers.path(&folder.text),
            None => layers.default_data_dir.clone().ok_or(SettingsError::NoDataDir)?,
        };
        let workspace = layers
            .value(&flags.workspace, "--workspace", "CODEX_WORKSPACE")
            .map_or_else(|| data_dir.join("workspace"), |folder| layers.path(&folder.text));
        let sandbox = layers.value(&flags.sandbox, "--sandbox", "CODEX_SANDBOX").map_or(
            Ok(SandboxMode::default()),
            |mode| {
                mode.parse(SandboxMode::from_name, "Choose read-only, workspace-write or danger-full-access")
            },
        )?;
        let log_level = layers
            .value(&flags.log_level, "--log-level", "LOG_LEVEL")
            .map_or(Ok(LogLevel::default()), |level| {
                level.parse(parse_log_level, "Choose error, warn, info, debug or trace")
            })?;
        let reasoning = layers
            .value(&flags.reasoning, "--reasoning", "CODEX_REASONING")
            .map_or(Ok(ReasoningAs::default()), |way| {
                way.parse(parse_reasoning, "Choose reasoning_content, think or none")
            })?;
        let show_work = layers
            .value(&flags.show_work, "--show-work", "CODEX_SHOW_WORK")
            .map_or(Ok(true), |switch| switch.parse(parse_switch, "Choose on or off"))?;
        let side_calls = layers
            .value(&flags.side_calls, "--side-calls", "CODEX_SIDE_CALLS")
            .map_or(Ok(true), |switch| switch.parse(parse_switch, "Choose on or off"))?;
        let texts = layers.list(&flags.model_alias, "MODEL_ALIASES");
        let model_aliases = aliases::parse(texts.iter().map(String::as_str)).map_err(|(value, wanted)| {
            let source = if flags.model_alias.is_empty() { "MODEL_ALIASES" } else { "--model-alias" };
            SettingsError::Bad { source_name: source.to_owned(), value, wanted }
        })?;
        let api_keys = layers.list(&[], "API_KEYS").into_iter().map(Key::new).collect();
        Ok(Self {
            bind: SocketAddr::new(ip, port),
            codex_path: layers
                .value(&flags.codex, "--codex", "CODEX_PATH")
                .map(|path| layers.program(&path.text)),
            model: layers.value(&flags.model, "--model", "CODEX_MODEL").map(|model| model.text),
            effort: None,
            sandbox,
            workspace,
            data_dir,
            log_level,
            api_keys,
            auth,
            allowed_origins: layers.list(&flags.allow_origin, "ALLOWED_ORIGINS"),
            allowed_hosts: layers.list(&flags.allow_host, "ALLOWED_HOSTS"),
            reasoning,
            show_work,
            model_aliases,
            side_calls,
            limits: TurnLimits::from_layers(layers)?,
        })
    }
}

fn parse_host(text: &str) -> Option<IpAddr> {
    match text {
        "localhost" => Some(Ipv4Addr::LOCALHOST.into()),
        _ => text.trim_start_matches('[').trim_end_matches(']').parse().ok(),
    }
}

fn parse_reasoning(text: &str) -> Option<ReasoningAs> {
    match text {
        "reasoning_content" => Some(ReasoningAs::ReasoningContent),
        "think" => Some(ReasoningAs::Think),
        "none" => Some(ReasoningAs::None),
        _ => None,
    }
}

fn parse_switch(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "on" | "true" | "1" => Some(true),
        "off" | "false" | "0" => Some(false),
        _ => None,
    }
}

fn parse_log_level(text: &str) -> Option<LogLevel> {
    match text.to_ascii_lowercase().as_str() {
        "error" | "critical" => Some(LogLevel::Error),
        // The original's word.
        "warn" | "warning" => Some(LogLevel::Warn),
        "info" => Some(LogLevel::Info),
        "debug" => Some(LogLevel::Debug),
        "trace" => Some(LogLevel::Trace),
        _ => None,
    }
}

#[cfg(test)]
#[path = "settings_tests.rs"]
mod tests;
