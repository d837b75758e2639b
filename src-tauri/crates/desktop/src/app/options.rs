//! What the app is opened with.

use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::Arc;

use codex_client::Environment;
use proxy::Limits;

use crate::keychain::{OsKeychain, SecretStore};
use crate::pairing;

/// How to open the app.
pub struct AppOptions {
    /// The data folder.
    pub data_dir: PathBuf,
    /// The environment to find and start codex in. Its `CODEX_PATH` applies while the settings have no path.
    pub environment: Environment,
    /// This computer's name, which clients see while a question waits.
    pub computer: String,
    /// Whether the desktop shows tray icons.
    pub has_tray: bool,
    /// Where keys' secrets are stored.
    pub secrets: Arc<dyn SecretStore>,
    /// Limits of connections; those of turns are settings.
    pub limits: Limits,
    /// Finds the address of Docker's bridge.
    pub bridge: fn() -> Option<Ipv4Addr>,
    /// Finds this computer's addresses in its network.
    pub lan: fn() -> Vec<Ipv4Addr>,
}

impl AppOptions {
    /// The options outside tests.
    #[must_use]
    pub fn new(data_dir: PathBuf, environment: Environment, has_tray: bool) -> Self {
        Self {
            data_dir,
            environment,
            computer: gethostname::gethostname().to_string_lossy().into_owned(),
            has_tray,
            secrets: Arc::new(OsKeychain),
            limits: Limits::default(),
            bridge: pairing::bridge,
            lan: pairing::lan_addresses,
        }
    }

    /// Stores secrets in `store`.
    #[must_use]
    pub fn with_secrets(mut self, store: impl SecretStore) -> Self {
        self.secrets = Arc::new(store);
        self
    }
}
