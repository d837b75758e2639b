//! What the running proxy consists of.

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;

use codex_client::Environment;
use tokio::sync::{Semaphore, watch};
use tokio_util::sync::CancellationToken;

use super::middleware::auth_throttle::WrongKeys;
use super::response_store::ResponseStore;
use crate::answer::tokens::Tokenizer;
use crate::auth::{KeyEntry, KeyFile};
use crate::clock::unix_now;
use crate::exchange::log::{Arrival, Recorder, RequestLog};
use crate::exchange::{Admission, Exchange, Limits, Occupancy};
use crate::metrics::Metrics;
use crate::models::backends::Codexes;
use crate::models::catalog::Catalog;
use crate::settings::Settings;

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
    pub(super) key_file: KeyFile,
    pub(super) given_keys: Vec<KeyEntry>,
    pub(super) wrong_keys: WrongKeys,
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

/// The largest body that is read: a few large images, and no more.
pub(crate) const BODY_LIMIT: usize = 32 * 1024 * 1024;

/// Bytes of bodies that are being read at once, all together; so eight of the largest.
const BODIES: usize = 8 * BODY_LIMIT;

/// Characters that a key in API_KEYS must have where others can reach the proxy: what they can guess, they will.
const MIN_KEY_LENGTH: usize = 20;

/// Why a proxy was not made.
#[derive(Debug, thiserror::Error)]
pub enum ProxyError {
    /// The working folder cannot be created.
    #[error("the working folder {} cannot be created: {error}", folder.display())]
    Workspace {
        /// The folder.
        folder: PathBuf,
        /// What the system said.
        error: std::io::Error,
    },
    /// A chosen key is too short for an address that others can reach.
    #[error(
        "a key in API_KEYS has fewer than {MIN_KEY_LENGTH} characters, so it could be guessed by others who reach {0}. Use a longer one, or listen on 127.0.0.1"
    )]
    ShortKey(IpAddr),
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
    /// See [`ProxyError`].
    pub fn new(parts: ProxyParts) -> Result<Self, ProxyError> {
        let ProxyParts { settings, environment, limits, keys, request_log } = parts;
        if settings.api_keys.iter().any(|key| key.reveal().chars().count() < MIN_KEY_LENGTH) {
            if !settings.address().ip().is_loopback() {
                return Err(ProxyError::ShortKey(settings.address().ip()));
            }
            tracing::warn!(
                "a key in API_KEYS has fewer than {MIN_KEY_LENGTH} characters, so it could be guessed"
            );
        }
        let working_folder = settings.working_folder();
        std::fs::create_dir_all(&working_folder)
            .map_err(|error| ProxyError::Workspace { folder: working_folder.clone(), error })?;
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
            bodies: Arc::new(Semaphore::new(BODIES)),
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

    /// Begins a request that has just arrived.
    pub(super) fn exchange(&self, arrival: Arrival) -> Exchange {
        let recorder = Recorder::begin(&self.request_log, arrival);
        Exchange::new(recorder, &self.metrics, &self.limits, &self.cut_off)
    }

    /// codex's models as last heard; empty while nobody has asked for them.
    #[must_use]
    pub fn models_if_known(&self) -> Vec<codex_client::Model> {
        self.0.catalog.known()
    }

    /// How many turns run and how many requests wait, and every change of it.
    #[must_use]
    pub fn turns(&self) -> watch::Receiver<Occupancy> {
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
