//! Settings: from flags, environment and `.env` to one checked value that the rest of the program uses.
//!
//! Nothing here reads the environment or the disk; the layers are handed in. Where a value came from is part of every
//! complaint about it.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use codex_client::{Environment, SandboxMode};

use crate::keys::Key;

/// The port of the original, which existing clients are set up for.
pub const DEFAULT_PORT: u16 = 8000;

/// What the flags of the command line say; `None` where a flag was not given.
#[derive(Clone, Debug, Default)]
pub struct Flags {
    /// `--host`
    pub host: Option<String>,
    /// `--port`
    pub port: Option<String>,
    /// `--codex`
    pub codex: Option<String>,
    /// `--model`
    pub model: Option<String>,
    /// `--sandbox`
    pub sandbox: Option<String>,
    /// `--workspace`
    pub workspace: Option<String>,
    /// `--data-dir`
    pub data_dir: Option<String>,
    /// `--log-level`
    pub log_level: Option<String>,
    /// `--allow-origin`, any number of times
    pub allow_origin: Vec<String>,
    /// `--allow-host`, any number of times
    pub allow_host: Vec<String>,
    /// `--no-auth`
    pub no_auth: bool,
}

/// The three layers, and what is needed to make absolute paths of them.
#[derive(Clone, Debug)]
pub struct Layers<'a> {
    /// The flags, which win.
    pub flags: &'a Flags,
    /// The environment, which comes next.
    pub environment: &'a Environment,
    /// The lines of `.env`, which come last.
    pub dotenv: &'a BTreeMap<String, String>,
    /// The folder that the program was started in.
    pub current_dir: &'a Path,
    /// The system's folder for our own data, used when none is named.
    pub default_data_dir: Option<PathBuf>,
}

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
}

/// How summaries of the reasoning are sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
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
        let sandbox = layers
            .value(&flags.sandbox, "--sandbox", "CODEX_SANDBOX")
            .map_or(Ok(SandboxMode::default()), |mode| {
                mode.parse(parse_sandbox, "Choose read-only, workspace-write or danger-full-access")
            })?;
        let log_level = layers
            .value(&flags.log_level, "--log-level", "LOG_LEVEL")
            .map_or(Ok(LogLevel::default()), |level| {
                level.parse(parse_log_level, "Choose error, warn, info, debug or trace")
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
            reasoning: ReasoningAs::default(),
            show_work: true,
        })
    }
}

/// A value and the name of what it came from.
struct Given {
    text: String,
    source: &'static str,
}

impl Given {
    fn parse<T>(&self, parse: impl Fn(&str) -> Option<T>, wanted: &str) -> Result<T, SettingsError> {
        parse(&self.text).ok_or_else(|| SettingsError::Bad {
            source_name: self.source.to_owned(),
            value: self.text.clone(),
            wanted: format!("{wanted}."),
        })
    }
}

impl Layers<'_> {
    /// The value of the first layer that has one; an empty one counts as none.
    fn value(&self, flag: &Option<String>, flag_name: &'static str, variable: &'static str) -> Option<Given> {
        let given =
            |text: String, source| Some(Given { text, source }).filter(|given| !given.text.is_empty());
        flag.clone()
            .and_then(|text| given(text, flag_name))
            .or_else(|| self.variable(variable).and_then(|text| given(text, variable)))
    }

    fn variable(&self, name: &str) -> Option<String> {
        let in_environment = self.environment.get(name).map(|value| value.to_string_lossy().into_owned());
        in_environment.or_else(|| self.dotenv.get(name).cloned()).map(|text| text.trim().to_owned())
    }

    /// Values of a list: the flag's, else the comma-separated ones of the variable.
    fn list(&self, flag: &[String], variable: &str) -> Vec<String> {
        let text = if flag.is_empty() { self.variable(variable).unwrap_or_default() } else { flag.join(",") };
        text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect()
    }

    fn path(&self, text: &str) -> PathBuf {
        let path = match (text.strip_prefix("~/"), self.environment.home()) {
            (Some(below), Some(home)) => home.join(below),
            _ => PathBuf::from(OsString::from(text)),
        };
        self.current_dir.join(path)
    }

    /// A program: a bare name stays one, to be looked for on the `PATH`.
    fn program(&self, text: &str) -> PathBuf {
        let bare = !text.contains(['/', '\\']);
        if bare { PathBuf::from(text) } else { self.path(text) }
    }
}

fn parse_host(text: &str) -> Option<IpAddr> {
    match text {
        "localhost" => Some(Ipv4Addr::LOCALHOST.into()),
        _ => text.trim_start_matches('[').trim_end_matches(']').parse().ok(),
    }
}

fn parse_sandbox(text: &str) -> Option<SandboxMode> {
    match text {
        "read-only" => Some(SandboxMode::ReadOnly),
        "workspace-write" => Some(SandboxMode::WorkspaceWrite),
        "danger-full-access" => Some(SandboxMode::DangerFullAccess),
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
