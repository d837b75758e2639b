//! The state of the running proxy.

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use codex_client::{Environment, SharedLimits};
use parking_lot::RwLock;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::{AbortOnDropHandle, TaskTracker};

use super::conversations::Conversations;
use super::middleware::auth_throttle::AuthThrottle;
use super::response_store::ResponseStore;
use super::responses::event_log::EventLogs;
use crate::answer::tokens::Tokenizer;
use crate::approvals::Approvals;
use crate::auth::{KeyDigest, KeyEntry, KeyFile, KeyUse};
use crate::body_budget::BodyBudget;
use crate::changes::ChangeStore;
use crate::clock::unix_now;
use crate::exchange::log::{Arrival, Recorder, RequestLog};
use crate::exchange::running::RunningRequests;
use crate::exchange::{Admission, Desk, Exchange, Limits, Occupancy};
use crate::health::{CodexFacts, Facts, Health, ProxyState};
use crate::image_fetch::ImageFetcher;
use crate::metrics::Metrics;
use crate::models::backends::Backends;
use crate::models::catalog::Catalog;
use crate::settings::Settings;
use crate::store::{Layered, Store};

/// The running proxy: settings, keys and codex. Clones share it.
#[derive(Clone, Debug)]
pub struct Proxy(Arc<Inner>);

/// The shared state of a [`Proxy`].
#[derive(Debug)]
pub struct Inner {
    settings: RwLock<Arc<Settings>>,
    limits: RwLock<Limits>,
    pub(crate) codex: Backends,
    pub(crate) catalog: Catalog,
    pub(crate) admission: Admission,
    running: RunningRequests,
    /// Snapshots of working folders.
    changes: ChangeStore,
    _pruning: AbortOnDropHandle<()>,
    approvals: Approvals,
    /// This computer's name, for clients.
    computer: Arc<str>,
    /// Memory for bodies being read and images being fetched.
    pub(crate) bodies: BodyBudget,
    pub(crate) images: ImageFetcher,
    /// Responses that can be retrieved and continued.
    pub(crate) responses: ResponseStore,
    pub(crate) conversations: Conversations,
    /// Responses that are not stored, for the WebSocket that they were made on. In memory.
    pub(crate) unstored: ResponseStore,
    /// What clients asked to keep, responses and conversations included.
    pub(crate) store: Layered,
    /// Held while a stored object is read, changed and written.
    pub(crate) editing: tokio::sync::Mutex<()>,
    /// Events of responses in the background, for clients that come back.
    pub(crate) event_logs: EventLogs,
    /// Responses in the background. Admission bounds them.
    pub(crate) background: TaskTracker,
    /// Counts tokens for answers with limits.
    pub(crate) tokenizer: Arc<Tokenizer>,
    pub(super) key_file: KeyFile,
    /// What keys have used.
    pub(crate) key_use: KeyUse,
    pub(super) configured_keys: Vec<KeyEntry>,
    /// The keys of the program itself, such as the window's, which see every folder.
    pub(super) owner_keys: Vec<KeyDigest>,
    pub(super) auth_throttle: AuthThrottle,
    pub(crate) request_log: Arc<dyn RequestLog>,
    pub(crate) metrics: Metrics,
    /// When the proxy was created, in Unix seconds.
    pub(crate) started: u64,
    /// Cancelled when shutdown begins: no further request is accepted.
    pub(crate) stopping: CancellationToken,
    /// Cancelled at the shutdown deadline: open streams end.
    pub(crate) cut_off: CancellationToken,
    /// As the desktop app knows it, which knows more than the proxy.
    known_health: RwLock<Option<Health>>,
}

impl std::ops::Deref for Proxy {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
    }
}

/// Maximum size of a body: a few large images.
pub(crate) const BODY_LIMIT: usize = 32 * 1024 * 1024;

/// Maximum total size of bodies being read: eight of the largest. A key has at most half.
const MAX_BODIES_SIZE: usize = 8 * BODY_LIMIT;

/// Minimum length of a key in API_KEYS where others can reach the proxy.
const MIN_KEY_LENGTH: usize = 20;

/// Why a proxy cannot be created.
#[derive(Debug, thiserror::Error)]
pub enum ProxyError {
    /// The working folder cannot be created.
    #[error("the working folder {} cannot be created: {error}", folder.display())]
    Workspace {
        /// The folder.
        folder: PathBuf,
        /// The system's error.
        error: std::io::Error,
    },
    /// A configured key is too short for an address that others can reach.
    #[error(
        "a key in API_KEYS is shorter than {MIN_KEY_LENGTH} characters and could be guessed by others who can reach {0}. Use a longer key, or listen on 127.0.0.1"
    )]
    ShortKey(IpAddr),
}

/// The parts of a proxy.
#[derive(Debug)]
pub struct ProxyParts {
    /// The settings.
    pub settings: Settings,
    /// The environment codex is searched for and started in.
    pub environment: Environment,
    /// This computer's name, which clients see while a question waits for its owner.
    pub computer: String,
    /// The limits of turns and connections.
    pub limits: Limits,
    /// Additional keys, such as the window's own.
    pub keys: Vec<KeyEntry>,
    /// Receives the events of every request; `Arc::new(())` for none.
    pub request_log: Arc<dyn RequestLog>,
    /// Where stored answers are kept beyond the memory; `None` for memory only.
    pub store: Option<Arc<dyn Store>>,
    /// Fetches images by address.
    pub images: ImageFetcher,
    /// Where codex reports the account's usage limits.
    pub usage_limits: SharedLimits,
}

/// Checks the keys, and creates the working folder.
fn prepare(settings: &Settings) -> Result<(), ProxyError> {
    let ip = settings.address().ip();
    if has_short_key(settings) && !ip.is_loopback() {
        return Err(ProxyError::ShortKey(ip));
    }
    let folder = settings.working_folder();
    std::fs::create_dir_all(&folder).map_err(|error| ProxyError::Workspace { folder, error })
}

fn has_short_key(settings: &Settings) -> bool {
    settings.api_keys.iter().any(|key| key.reveal().chars().count() < MIN_KEY_LENGTH)
}

impl Inner {
    /// The settings as of now. A request that needs several takes them once.
    pub(crate) fn settings(&self) -> Arc<Settings> {
        Arc::clone(&self.settings.read())
    }

    /// The limits as of now.
    pub(crate) fn limits(&self) -> Limits {
        *self.limits.read()
    }

    /// Shortens what answers have left when the proxy stops.
    pub fn shorten_drain(&self, timeout: Duration) {
        let mut limits = self.limits.write();
        limits.drain_timeout = limits.drain_timeout.min(timeout);
    }
}

impl Proxy {
    /// Codex is started on first use. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// See [`ProxyError`].
    pub fn new(parts: ProxyParts) -> Result<Self, ProxyError> {
        let ProxyParts {
            settings,
            environment,
            computer,
            limits,
            keys,
            request_log,
            store,
            images,
            usage_limits,
        } = parts;
        if has_short_key(&settings) {
            tracing::warn!(
                "a key in API_KEYS is shorter than {MIN_KEY_LENGTH} characters and could be guessed"
            );
        }
        prepare(&settings)?;
        let now = unix_now();
        let store = Layered::new(store);
        let changes = ChangeStore::new(&settings.data_dir, &environment);
        let path = settings.codex_path.as_deref();
        let codex = Backends::new(path, &environment, &settings.data_dir, usage_limits);
        codex.set_max_turns(limits.max_turns);
        let from_settings = settings
            .api_keys
            .iter()
            .enumerate()
            .map(|(index, key)| KeyEntry::new(&format!("API_KEYS #{}", index + 1), key, now));
        let owner_keys = keys.iter().map(|key| key.sha256).collect();
        let configured_keys: Vec<_> = from_settings.chain(keys).collect();
        Ok(Self(Arc::new(Inner {
            key_file: KeyFile::in_folder(&settings.data_dir),
            key_use: KeyUse::in_folder(&settings.data_dir),
            catalog: Catalog::default(),
            admission: Admission::new(&limits),
            running: RunningRequests::default(),
            _pruning: changes.prune(),
            changes,
            computer: crate::approvals::visible(&computer).into(),
            approvals: Approvals::new(&settings.data_dir, configured_keys.clone()),
            bodies: BodyBudget::new(MAX_BODIES_SIZE),
            images,
            responses: ResponseStore::new(store.clone()),
            unstored: ResponseStore::default(),
            conversations: Conversations::new(store.clone()),
            store,
            editing: tokio::sync::Mutex::default(),
            event_logs: EventLogs::default(),
            background: TaskTracker::new(),
            tokenizer: Arc::default(),
            metrics: Metrics::default(),
            started: now,
            stopping: CancellationToken::new(),
            cut_off: CancellationToken::new(),
            known_health: RwLock::default(),
            configured_keys,
            owner_keys,
            auth_throttle: AuthThrottle::default(),
            request_log,
            codex,
            limits: RwLock::new(limits),
            settings: RwLock::new(Arc::new(settings)),
        })))
    }

    /// Applies changed settings to requests from now on. Running turns, stored responses and cached threads stay. The
    /// data folder and the address are those of the start.
    ///
    /// # Errors
    /// See [`ProxyError`]; the previous settings then stay.
    pub fn apply(&self, settings: Settings) -> Result<(), ProxyError> {
        prepare(&settings)?;
        let limits = self.limits().with(&settings);
        self.0.codex.set_path(settings.codex_path.as_deref());
        *self.0.limits.write() = limits;
        self.0.admission.set_limits(&limits);
        self.0.codex.set_max_turns(limits.max_turns);
        *self.0.settings.write() = Arc::new(settings);
        Ok(())
    }

    /// Begins the exchange of a request that has just arrived.
    pub(super) fn exchange(&self, arrival: Arrival) -> Exchange {
        let desk = Desk::new(&self.0.approvals, &self.0.computer, &arrival);
        let recorder = Recorder::begin(&self.request_log, arrival).redacting(&self.settings().api_keys);
        Exchange::new(recorder, desk, &self.metrics, &self.limits(), &self.cut_off, &self.0.running)
    }

    /// Stops a request that runs or waits, by its id in the request log. Its turns are interrupted, and its client gets the error
    /// `cancelled_by_owner`. Returns whether it was there.
    #[must_use]
    pub fn stop_request(&self, id: &str) -> bool {
        self.0.running.cancel(id)
    }

    /// What answers changed, and its undoing.
    #[must_use]
    pub fn changes(&self) -> ChangeStore {
        self.0.changes.clone()
    }

    /// Deletes everything that clients asked to keep. Responses that are being generated stay.
    pub async fn forget_stored(&self) {
        self.0.store.clear();
        self.0.conversations.forget_all();
        self.0.store.flush().await;
    }

    /// How many objects that clients asked to keep are in memory.
    #[must_use]
    pub fn stored_in_memory(&self) -> usize {
        self.0.store.in_memory()
    }

    /// The questions that wait for the owner's answer.
    #[must_use]
    pub fn approvals(&self) -> &Approvals {
        &self.0.approvals
    }

    /// What keys have used.
    #[must_use]
    pub fn key_use(&self) -> &KeyUse {
        &self.0.key_use
    }

    /// codex's models as last listed; empty if never listed.
    #[must_use]
    pub fn cached_models(&self) -> Vec<codex_client::Model> {
        self.0.catalog.cached()
    }

    /// Watches the running turns and the queue.
    #[must_use]
    pub fn turns(&self) -> watch::Receiver<Occupancy> {
        self.0.admission.occupancy()
    }

    /// Records the health that `/health` reports from now on.
    pub fn set_health(&self, health: Health) {
        *self.0.known_health.write() = Some(health);
    }

    /// The health as recorded, or else as the proxy itself knows it.
    pub(crate) fn health(&self) -> Health {
        let known = self.0.known_health.read().clone();
        known.unwrap_or_else(|| {
            Health::of(Facts {
                proxy: ProxyState::Running { since: self.0.started },
                port: self.settings().port.get(),
                codex: CodexFacts::of(Some(&self.0.codex.status()), None),
                limit_reached: self.0.codex.usage_limits().reached(unix_now()),
                unreadable_file: None,
                asking: self.0.approvals.count(),
            })
        })
    }

    /// The codex processes, to show their state.
    #[must_use]
    pub fn codex(&self) -> &Backends {
        &self.0.codex
    }
}
