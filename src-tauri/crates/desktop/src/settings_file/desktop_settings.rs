//! The settings of the desktop app, and what the proxy is started with because of them.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;

use proxy::settings::{Days, FieldError, Settings, fields, merge};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use ts_rs::TS;

use crate::view::Listen;

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
    /// These settings with the values of `layer`, and what is wrong with those that could not be taken.
    pub(super) fn merge(&self, layer: &Map<String, Value>) -> (Self, Vec<FieldError>) {
        let (merged, mut wrong) = merge(self, layer);
        // What the types allow and the app does not.
        if merged.proxy.port.get() == 0 {
            wrong.push(FieldError::new("port", "Write a port from 1 to 65535, such as 8000."));
        }
        if !merged.proxy.keys_needed && merged.listen != Listen::Loopback {
            let message = "Keys can be switched off only while no one but this machine can reach the proxy. Switch \
                           them on, or listen on this machine only.";
            wrong.push(FieldError::new("keys_needed", message));
        }
        (merged, wrong)
    }

    /// The fields that count only once the proxy is started again.
    pub(crate) fn restarts(&self) -> Vec<String> {
        let names = fields(self).into_iter().map(|(name, _)| name);
        names.filter(|name| !WITHOUT_RESTART.contains(&name.as_str())).collect()
    }

    /// Whether a proxy with the settings `before` has to be started again for these.
    pub(crate) fn need_restart(&self, before: &Self) -> bool {
        let (ours, theirs) = (fields(self), fields(before));
        self.restarts().iter().any(|name| ours.get(name) != theirs.get(name))
    }

    /// What the proxy is started with, and every address to listen on; the first one is also that of the settings.
    ///
    /// Off loopback a key is needed whatever is chosen, so that no mistake elsewhere opens the proxy to others. Without a
    /// bridge, Docker's choice is loopback alone: Docker may be started later, and the proxy then once more.
    #[must_use]
    pub fn runtime_settings(
        &self,
        data_dir: &Path,
        docker_bridge: Option<IpAddr>,
    ) -> (Settings, Vec<SocketAddr>) {
        let (host, bridge) = match self.listen {
            Listen::Loopback => (Ipv4Addr::LOCALHOST.into(), None),
            Listen::DockerBridge => (Ipv4Addr::LOCALHOST.into(), docker_bridge),
            Listen::Everywhere => (Ipv4Addr::UNSPECIFIED.into(), None),
        };
        let settings = Settings {
            host,
            data_dir: data_dir.to_owned(),
            keys_needed: self.proxy.keys_needed || self.listen != Listen::Loopback,
            ..self.proxy.clone()
        };
        let bridge = bridge.map(|ip| SocketAddr::new(ip, settings.port.get()));
        let addresses = std::iter::once(settings.address()).chain(bridge).collect();
        (settings, addresses)
    }
}
