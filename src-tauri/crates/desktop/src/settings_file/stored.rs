//! The settings as they are written down, and what the proxy is started with because of them.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use codex_client::SandboxMode;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

use crate::view::Listen;
use proxy::settings::{Aliases, DEFAULT_PORT, LogLevel, ReasoningAs, Settings, TurnLimits, aliases};

/// The longest time that the request log can be kept.
pub const MOST_DAYS: u32 = 3650;

/// Every setting of the desktop app.
///
/// A field that the file leaves out has its default, so a new field needs no new version of the format.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Stored {
    /// The codex binary, or its bare name; `None` looks for it.
    pub codex_path: Option<PathBuf>,
    /// The model behind `codex-local`; `None` takes what codex is configured for.
    pub model: Option<String>,
    /// How hard it thinks; `None` leaves it to the model.
    pub effort: Option<String>,
    /// What codex's commands may do.
    pub sandbox: SandboxMode,
    /// Codex's working folder; `None` takes an empty one of ours.
    pub workspace: Option<PathBuf>,
    /// How summaries of the reasoning are sent where a request does not say.
    pub reasoning: ReasoningAs,
    /// Whether an answer of `codex-local` shows what codex does.
    pub show_work: bool,
    /// Other names for models.
    pub model_aliases: Aliases,
    /// Whether Open WebUI's own calls (titles, tags and the like) go to the smallest model.
    pub side_calls: bool,
    /// How many turns run and wait, and for how long.
    #[serde(flatten)]
    pub limits: TurnLimits,
    /// The port.
    pub port: u16,
    /// Who can reach the proxy.
    pub listen: Listen,
    /// Whether a key is needed.
    pub keys_needed: bool,
    /// Whether the app starts with the session.
    pub start_at_login: bool,
    /// Whether the proxy starts with the app.
    pub start_proxy: bool,
    /// How much is logged.
    #[serde(serialize_with = "write_log_level", deserialize_with = "read_log_level")]
    pub log_level: LogLevel,
    /// For how many days the request log is kept.
    pub keep_days: u32,
    /// Whether the texts of requests and answers are kept in the log.
    pub keep_texts: bool,
    /// Where there is no tray: what the user answered when asked whether closing the window leaves the proxy running.
    pub asked_about_background: Option<bool>,
    /// Origins of web pages that may call us from a browser.
    pub allowed_origins: Vec<String>,
    /// Names that we answer to beside those of this machine.
    pub allowed_hosts: Vec<String>,
}

impl Default for Stored {
    fn default() -> Self {
        Self {
            codex_path: None,
            model: None,
            effort: None,
            sandbox: SandboxMode::default(),
            workspace: None,
            reasoning: ReasoningAs::default(),
            show_work: true,
            model_aliases: Aliases::new(),
            side_calls: true,
            limits: TurnLimits::default(),
            port: DEFAULT_PORT,
            listen: Listen::default(),
            keys_needed: true,
            start_at_login: false,
            start_proxy: true,
            log_level: LogLevel::default(),
            keep_days: 30,
            keep_texts: false,
            asked_about_background: None,
            allowed_origins: Vec::new(),
            allowed_hosts: Vec::new(),
        }
    }
}

impl Stored {
    /// The settings in the fields of a file, and those of its fields that are not ours.
    pub(super) fn from_fields(fields: Map<String, Value>) -> Result<(Self, Map<String, Value>), String> {
        let ours = Self::default().fields().map_err(|error| error.to_string())?;
        let (known, unknown) = fields.into_iter().partition(|(name, _)| ours.contains_key(name));
        let stored: Self = serde_json::from_value(Value::Object(known)).map_err(|error| error.to_string())?;
        match stored.contradiction() {
            Some(contradiction) => Err(contradiction),
            None => Ok((stored, unknown)),
        }
    }

    /// The fields that are not as they are by default.
    pub(super) fn differences(&self) -> serde_json::Result<Map<String, Value>> {
        let usual = Self::default().fields()?;
        let own = self.fields()?;
        Ok(own.into_iter().filter(|(name, value)| usual.get(name) != Some(value)).collect())
    }

    /// What the types allow and the window would not; only an edit by hand can bring it about.
    fn contradiction(&self) -> Option<String> {
        let wrong = if self.port == 0 {
            Some("port is 0")
        } else if !(1..=MOST_DAYS).contains(&self.keep_days) {
            Some("keep_days is not from 1 to 3650")
        } else if !self.keys_needed && self.listen != Listen::Loopback {
            Some("keys_needed is off while others can reach the proxy")
        } else if self.model_aliases.iter().any(|(alias, model)| aliases::check(alias, model).is_err()) {
            Some("model_aliases holds a name that cannot be one")
        } else {
            None
        };
        wrong.map(str::to_owned).or_else(|| self.limits.contradiction())
    }

    fn fields(&self) -> serde_json::Result<Map<String, Value>> {
        match serde_json::to_value(self)? {
            Value::Object(fields) => Ok(fields),
            _ => Err(serde_json::Error::custom("settings are fields")),
        }
    }
}

/// What the proxy is started with, and every address to listen on; the first one is also the `bind` of the settings.
///
/// Off loopback a key is needed whatever `stored` says, so that no mistake elsewhere opens the proxy to others.
#[must_use]
pub fn to_settings(
    stored: &Stored,
    data_dir: &Path,
    docker_bridge: Option<IpAddr>,
) -> (Settings, Vec<SocketAddr>) {
    let addresses = addresses(stored.listen, stored.port, docker_bridge);
    let settings = Settings {
        bind: addresses.first().copied().unwrap_or((Ipv4Addr::LOCALHOST, stored.port).into()),
        codex_path: stored.codex_path.clone(),
        model: stored.model.clone(),
        effort: stored.effort.clone(),
        sandbox: stored.sandbox,
        workspace: stored.workspace.clone().unwrap_or_else(|| data_dir.join("workspace")),
        data_dir: data_dir.to_owned(),
        log_level: stored.log_level,
        api_keys: Vec::new(),
        auth: stored.keys_needed || stored.listen != Listen::Loopback,
        allowed_origins: stored.allowed_origins.clone(),
        allowed_hosts: stored.allowed_hosts.clone(),
        reasoning: stored.reasoning,
        show_work: stored.show_work,
        model_aliases: stored.model_aliases.clone(),
        side_calls: stored.side_calls,
        limits: stored.limits,
    };
    (settings, addresses)
}

/// The addresses of a choice of who can reach the proxy.
///
/// Without a bridge, Docker's choice is loopback alone: Docker may be started later, and the proxy then once more.
#[must_use]
pub fn addresses(listen: Listen, port: u16, docker_bridge: Option<IpAddr>) -> Vec<SocketAddr> {
    let loopback = IpAddr::from(Ipv4Addr::LOCALHOST);
    let ips = match listen {
        Listen::Loopback => vec![loopback],
        Listen::DockerBridge => std::iter::once(loopback).chain(docker_bridge).collect(),
        Listen::Everywhere => vec![Ipv4Addr::UNSPECIFIED.into()],
    };
    ips.into_iter().map(|ip| SocketAddr::new(ip, port)).collect()
}

/// The level of a name.
pub(super) fn log_level(name: &str) -> Option<LogLevel> {
    [LogLevel::Error, LogLevel::Warn, LogLevel::Info, LogLevel::Debug, LogLevel::Trace]
        .into_iter()
        .find(|level| level.name() == name)
}

fn write_log_level<S: Serializer>(level: &LogLevel, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(level.name())
}

fn read_log_level<'de, D: Deserializer<'de>>(deserializer: D) -> Result<LogLevel, D::Error> {
    let name = String::deserialize(deserializer)?;
    log_level(&name).ok_or_else(|| D::Error::custom(format!("there is no log level {name:?}")))
}
