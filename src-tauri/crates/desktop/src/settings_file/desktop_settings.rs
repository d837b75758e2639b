//! The app's settings, and the proxy settings they lead to.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;

use proxy::ipv6_loopback;
use proxy::settings::{Days, FieldError, Percent, Settings, merge};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use ts_rs::TS;

use crate::view::Listen;

/// How many thresholds for usage limits there can be.
const MAX_WARNINGS: usize = 2;

/// Every setting of the app, on disk and in the window. Missing fields have their defaults.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(default)]
#[ts(export, rename = "Settings")]
pub struct DesktopSettings {
    /// The proxy's settings.
    #[serde(flatten)]
    pub proxy: Settings,
    /// Who can connect.
    pub listen: Listen,
    /// Whether the app starts at login.
    pub start_at_login: bool,
    /// Whether the proxy starts with the app.
    pub start_proxy: bool,
    /// How many days requests stay in the log.
    pub keep_days: Days,
    /// Whether the log contains prompts and answers.
    pub keep_texts: bool,
    /// Without a tray: whether to keep running when the window is closed; `None` until the user was asked.
    pub asked_about_background: Option<bool>,
    /// Whether the first start is finished or skipped.
    pub setup_done: bool,
    /// Whether to notify when a limit of the account is nearly or fully used.
    pub notify_limits: bool,
    /// How much of a limit may be used, in percent, before a notification; none if empty.
    pub warn_at: Vec<Percent>,
    /// Whether to notify when Codex asks for approval.
    pub notify_asks: bool,
    /// Whether to notify when Codex is signed out.
    pub notify_sign_in: bool,
    /// Whether to notify when Codex is gone or can't start any more.
    pub notify_codex: bool,
    /// Whether to notify when an answer has changed files.
    pub notify_changes: bool,
    /// Whether to notify when the window is first closed and the app stays in the tray.
    pub notify_closed: bool,
    /// Whether the user was notified of that.
    #[ts(skip)]
    pub told_about_tray: bool,
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
            setup_done: false,
            notify_limits: true,
            warn_at: Percent::WARNINGS.to_vec(),
            notify_asks: true,
            notify_sign_in: true,
            notify_codex: true,
            notify_changes: true,
            notify_closed: true,
            told_about_tray: false,
        }
    }
}

impl DesktopSettings {
    /// These settings with the values of `layer`, and the invalid ones.
    pub(super) fn merge(&self, layer: &Map<String, Value>) -> (Self, Vec<FieldError>) {
        let (merged, mut errors) = merge(self, layer);
        // The types allow these for other uses.
        if merged.proxy.port.get() == 0 {
            errors.push(FieldError::new("port", "Enter a port from 1 to 65535."));
        }
        if merged.warn_at.len() > MAX_WARNINGS {
            errors.push(FieldError::new("warn_at", "Enter at most two percentages."));
        }
        if !merged.proxy.keys_needed && merged.listen != Listen::Loopback {
            let message = "Keys can be turned off only while the proxy accepts apps on this computer alone. Turn keys on, or \
                           choose This computer only in Settings › Network.";
            errors.push(FieldError::new("keys_needed", message));
        }
        if !merged.proxy.keys_needed && merged.proxy.allows_any_origin() {
            let message =
                "* works only while keys are required: without them, every web page could use Codex.";
            errors.push(FieldError::new("allowed_origins", message));
        }
        (merged, errors)
    }

    /// The proxy's settings, and every address to listen on, starting with the one in the settings.
    ///
    /// Off loopback a key is always required, so that no mistake elsewhere opens the proxy to others. Without a Docker bridge it
    /// listens on loopback only.
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
        let first = settings.address();
        let addresses = std::iter::once(first).chain(bridge).chain(ipv6_loopback(first)).collect();
        (settings, addresses)
    }
}
