//! The settings of the desktop app, and what the proxy is started with because of them.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;

use proxy::settings::{Days, Settings, wanted};
use serde::de::Error as _;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use ts_rs::TS;

use crate::view::{FieldError, Listen};

/// What only the app looks at, or what counts without a restart of the proxy.
pub(super) const WITHOUT_RESTART: [&str; 6] =
    ["start_at_login", "start_proxy", "keep_days", "keep_texts", "asked_about_background", "log_level"];

/// Every setting of the desktop app, as it is written down and as the window shows it.
///
/// A field that the file leaves out has its default, so a new field needs no new version of the format.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(default)]
#[ts(export, rename = "Settings")]
pub struct DesktopSettings {
    /// What the proxy is started with.
    #[serde(flatten)]
    pub proxy: Settings,
    /// Who can reach the proxy.
    pub listen: Listen,
    /// Whether the app starts with the session.
    pub start_at_login: bool,
    /// Whether the proxy starts with the app.
    pub start_proxy: bool,
    /// For how many days the request log is kept.
    pub keep_days: Days,
    /// Whether the texts of requests and answers are kept in the log.
    pub keep_texts: bool,
    /// Where there is no tray: what the user answered when asked whether closing the window leaves the proxy running.
    pub asked_about_background: Option<bool>,
}

impl Default for DesktopSettings {
    fn default() -> Self {
        Self {
            proxy: Settings::default(),
            listen: Listen::default(),
            start_at_login: false,
            start_proxy: true,
            keep_days: Days::DEFAULT,
            keep_texts: false,
            asked_about_background: None,
        }
    }
}

impl DesktopSettings {
    /// These settings with other values for some fields, and what is wrong with those that could not be taken.
    pub(super) fn merge(&self, changes: &Map<String, Value>) -> (Self, Vec<FieldError>) {
        let mut merged = self.clone();
        let mut wrong = Vec::new();
        for (name, value) in changes {
            if let Err(error) = merged.set(name, value) {
                wrong.push(FieldError { field: name.clone(), message: wanted(&error) });
            }
        }
        wrong.extend(merged.contradictions());
        (merged, wrong)
    }

    pub(super) fn set(&mut self, name: &str, value: &Value) -> serde_json::Result<()> {
        let mut fields = self.fields()?;
        let field = fields
            .get_mut(name)
            .ok_or_else(|| serde_json::Error::custom(format!("There is no setting named {name}.")))?;
        field.clone_from(value);
        *self = serde_json::from_value(Value::Object(fields))?;
        Ok(())
    }

    /// What the types allow and the app does not.
    fn contradictions(&self) -> impl Iterator<Item = FieldError> {
        let port =
            (self.proxy.port.get() == 0).then_some(("port", "Write a port from 1 to 65535, such as 8000."));
        let keys = (!self.proxy.keys_needed && self.listen != Listen::Loopback).then_some((
            "keys_needed",
            "Keys can be switched off only while no one but this machine can reach the proxy. Switch them on, or \
             listen on this machine only.",
        ));
        let wrong = port.into_iter().chain(keys);
        wrong.map(|(field, message)| FieldError { field: field.to_owned(), message: message.to_owned() })
    }

    pub(super) fn fields(&self) -> serde_json::Result<Map<String, Value>> {
        match serde_json::to_value(self)? {
            Value::Object(fields) => Ok(fields),
            _ => Err(serde_json::Error::custom("settings are fields")),
        }
    }

    /// The fields that differ from those of `others`.
    pub(super) fn differences(&self, others: &Self) -> serde_json::Result<Map<String, Value>> {
        let theirs = others.fields()?;
        Ok(self.fields()?.into_iter().filter(|(name, value)| theirs.get(name) != Some(value)).collect())
    }

    /// The names of those of `fields` that count only once the proxy is started again.
    fn with_restart(fields: Map<String, Value>) -> impl Iterator<Item = String> {
        let names = fields.into_iter().map(|(name, _)| name);
        names.filter(|name| !WITHOUT_RESTART.contains(&name.as_str()))
    }

    /// The fields that count only once the proxy is started again.
    pub(crate) fn restarts(&self) -> Vec<String> {
        self.fields().map(|fields| Self::with_restart(fields).collect()).unwrap_or_default()
    }

    /// Whether a proxy with the settings `before` has to be started again for these.
    pub(crate) fn need_restart(&self, before: &Self) -> bool {
        // What cannot be compared is taken for a difference.
        self.differences(before).map_or(true, |changes| Self::with_restart(changes).next().is_some())
    }

    /// What the proxy is started with, and every address to listen on; the first one is also that of the settings.
    ///
    /// Off loopback a key is needed whatever is chosen, so that no mistake elsewhere opens the proxy to others.
    #[must_use]
    pub fn runtime_settings(
        &self,
        data_dir: &Path,
        docker_bridge: Option<IpAddr>,
    ) -> (Settings, Vec<SocketAddr>) {
        let addresses = addresses(self.listen, self.proxy.port.get(), docker_bridge);
        let settings = Settings {
            host: addresses.first().map_or(Ipv4Addr::LOCALHOST.into(), SocketAddr::ip),
            data_dir: data_dir.to_owned(),
            keys_needed: self.proxy.keys_needed || self.listen != Listen::Loopback,
            ..self.proxy.clone()
        };
        (settings, addresses)
    }
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
