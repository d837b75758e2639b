//! The HTTP server: a function of the listener, the proxy and the token that stops it.
//!
//! Who binds the listener, and why it stops, is the caller's business. The statuses of errors are chosen in `error` and
//! nowhere else.

mod auth;
mod chat;
mod completions;
mod connections;
mod docs;
mod error;
mod extract;
mod guard;
mod health;
mod metrics;
mod models;
mod openapi;
mod request_id;
mod response_store;
mod responses;
mod router;
mod run;
mod side_calls;
mod stream;
mod turns;
mod wrong_keys;

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use codex_client::Environment;
use tokio::sync::{Semaphore, watch};
use tokio_util::sync::CancellationToken;

use crate::catalog::Catalog;
use crate::codexes::Codexes;
use crate::exchange::log::RequestLog;
use crate::exchange::{Admission, Limits, Turns};
use crate::keys::{KeyEntry, KeyFile};
use crate::metrics::Metrics;
use crate::settings::Settings;
use crate::shape::tokens::Tokenizer;
use response_store::ResponseStore;
use wrong_keys::WrongKeys;

pub use error::ApiError;
pub use router::router;
pub use run::serve;

/// The running product: settings, keys and codex. Clones share it.
#[derive(Clone, Debug)]
pub struct Proxy(Arc<Inner>);

/// What the clones of a [`Proxy`] share.
#[derive(Debug)]
pub struct Inner {
    pub(crate) settings: Settings,
    pub(crate) limits: Limits,
    pub(crate) codex: Codexes,
    pub(crate) catalog: Catalog,
    pub(crate) admission: Admission,
    /// Room for the bodies that are being read, in bytes.
    pub(crate) bodies: Arc<Semaphore>,
    /// The responses that can be asked for and gone on from.
    pub(crate) responses: ResponseStore,
    /// Counts tokens where an answer has a limit.
    pub(crate) tokenizer: Arc<Tokenizer>,
    key_file: KeyFile,
    given_keys: Vec<KeyEntry>,
    wrong_keys: WrongKeys,
    pub(crate) request_log: Arc<dyn RequestLog>,
    pub(crate) metrics: Metrics,
    /// When the proxy was made, in Unix seconds.
    pub(crate) started: u64,
    /// Cancelled when the proxy is told to stop: no further request is taken.
    pub(crate) stopping: CancellationToken,
    /// Cancelled when its time to stop is up: streams that are still open end.
    pub(crate) cut_off: CancellationToken,
}

impl std::ops::Deref for Proxy {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
    }
}

/// What a proxy is made of.
#[derive(Debug)]
pub struct ProxyParts {
    /// The settings.
    pub settings: Settings,
    /// What codex is looked for and started with.
    pub environment: Environment,
    /// The limits of turns and connections.
    pub limits: Limits,
    /// Keys beside those of the settings and of the file, such as the window's own.
    pub keys: Vec<KeyEntry>,
    /// What is told of every request; `Arc::new(())` for nothing.
    pub request_log: Arc<dyn RequestLog>,
}

impl Proxy {
    /// A proxy of these parts. codex is started on first use. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// When the working folder cannot be made.
    pub fn new(parts: ProxyParts) -> std::io::Result<Self> {
        let ProxyParts { settings, environment, limits, keys, request_log } = parts;
        let working_folder = settings.working_folder();
        std::fs::create_dir_all(&working_folder)?;
        let now = unix_now();
        // What codex runs can read its environment, and our keys are none of its business.
        let environment = environment.without("API_KEYS");
        let codex =
            Codexes::new(settings.codex_path.as_deref(), &environment, &working_folder, &settings.data_dir);
        let of_settings = settings
            .api_keys
            .iter()
            .enumerate()
            .map(|(index, key)| KeyEntry::new(&format!("API_KEYS #{}", index + 1), key, now));
        let given_keys = of_settings.chain(keys).collect();
        Ok(Self(Arc::new(Inner {
            key_file: KeyFile::in_folder(&settings.data_dir),
            catalog: Catalog::default(),
            admission: Admission::new(&limits),
            bodies: Arc::new(Semaphore::new(extract::BODIES)),
            responses: ResponseStore::default(),
            tokenizer: Arc::default(),
            metrics: Metrics::default(),
            started: now,
            stopping: CancellationToken::new(),
            cut_off: CancellationToken::new(),
            given_keys,
            wrong_keys: WrongKeys::default(),
            request_log,
            codex,
            limits,
            settings,
        })))
    }

    /// codex's models as last heard; empty while nobody has asked for them.
    #[must_use]
    pub fn models_if_known(&self) -> Vec<codex_client::Model> {
        self.0.catalog.known()
    }

    /// How many turns run and how many requests wait, and every change of it.
    #[must_use]
    pub fn turns(&self) -> watch::Receiver<Turns> {
        self.0.admission.turns()
    }

    /// Resolves once no further request is taken, so that the port is free for another proxy.
    pub async fn stopping(&self) {
        self.0.stopping.cancelled().await;
    }

    /// codex, for whoever shows its state.
    #[must_use]
    pub fn codex(&self) -> &Codexes {
        &self.0.codex
    }
}

/// The time, in Unix seconds.
#[must_use]
pub fn unix_now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs()
}
