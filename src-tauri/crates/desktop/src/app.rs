//! The desktop app without its window: settings, keys, the running proxy and the request log, behind one handle that a shell
//! shows.
//!
//! Every rule of the app is here or further inside, so a test drives it with no desktop around it. What a shell alone can do
//! (the window, the tray, the clipboard, the start at login) is deliberately not here.

mod background;
mod diagnostics;
mod keys;
mod limits;
mod overview;
mod preferences;
mod requests;
mod status;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicI32;

use codex_client::{CodexConfig, CodexError, Environment, Home, ProbeResult, probe};
use parking_lot::Mutex;
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::{Notify, broadcast};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::gateway::{Gateway, Launch, ProxyState, Running};
use crate::keychain::{KeyRing, KeychainState, OsKeychain, SecretStore};
use crate::request_log::{self, MAX_DATABASE_BYTES, RequestDatabase, RequestDatabaseOptions};
use crate::settings_file::SettingsFile;
use crate::text::joined;
use crate::view::{FieldError, ViewError};
use proxy::Limits;
use proxy::models::backends;
use proxy::settings::{LogLevel, Program};
use proxy::{Key, KeyEntry};
use proxy::{Proxy, ProxyError, ProxyParts, unix_now};

use crate::pairing;

pub use status::{CodexState, CodexView, Fix, Overview, Problem, SettingsView};

/// Changes that the shell may be behind. When it is further behind it loses the oldest; the next overview holds all that they
/// said, and the window asks for rows anew when it is opened.
const CHANGES: usize = 512;

/// The name of the key that the window's own requests use, as the request log shows it.
const OWN_KEY: &str = "This window";

/// What an app is opened with.
pub struct AppOptions {
    /// The folder of its data.
    pub data_dir: PathBuf,
    /// The environment that codex is looked for and started with. `CODEX_PATH` in it is used while the settings name none.
    pub environment: Environment,
    /// Whether there is a tray.
    pub has_tray: bool,
    /// Where secrets are kept.
    pub secrets: Arc<dyn SecretStore>,
    /// The limits of connections; those of turns are settings.
    pub limits: Limits,
}

impl AppOptions {
    /// The options of the real app.
    #[must_use]
    pub fn new(data_dir: PathBuf, environment: Environment, has_tray: bool) -> Self {
        Self { data_dir, environment, has_tray, secrets: Arc::new(OsKeychain), limits: Limits::default() }
    }

    /// The same with secrets kept in `store`.
    #[must_use]
    pub fn with_secrets(mut self, store: impl SecretStore) -> Self {
        self.secrets = Arc::new(store);
        self
    }
}

/// Something that the shell shows.
#[derive(Clone, Debug)]
pub enum Change {
    /// How everything is.
    Overview(Box<Overview>),
    /// The request log.
    Requests(request_log::Change),
    /// A key was made, used for the first time, or revoked.
    Keys,
}

/// The app. Clones share it.
#[derive(Clone, Debug)]
pub struct App(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    data_dir: PathBuf,
    environment: Environment,
    limits: Limits,
    has_tray: bool,
    settings: SettingsFile,
    /// Said until settings are saved: that a file was damaged, and where it was put.
    notice: Mutex<Option<String>>,
    keys: KeyRing,
    /// Opens the proxy for the window's own requests; it is nowhere on disk and ends with the app.
    own_key: Key,
    request_log: RequestDatabase,
    gateway: Gateway,
    /// What codex was like when it was last looked at.
    codex: Mutex<Option<Result<ProbeResult, CodexError>>>,
    keychain: Mutex<KeychainState>,
    overview: Mutex<Overview>,
    changes: broadcast::Sender<Change>,
    /// Wakes the task that renews the overview.
    renew: Notify,
    test_prompt: Mutex<CancellationToken>,
    /// By how many seconds the window's clock is ahead of UTC; 0 until a window was open.
    utc_offset: AtomicI32,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl App {
    /// Opens the app: reads its files, makes the first key, and starts the proxy if the settings say so. Must be called within a
    /// tokio runtime.
    ///
    /// # Errors
    /// A sentence for the user, when the data folder cannot be used at all.
    pub async fn open(options: AppOptions) -> Result<Self, String> {
        let AppOptions { data_dir, environment, has_tray, secrets, limits } = options;
        Program::App.set_current();
        std::fs::create_dir_all(&data_dir)
            .map_err(|error| format!("{} cannot be used: {error}", data_dir.display()))?;
        let (settings, notice) = SettingsFile::load(&data_dir, unix_now());
        let stored = settings.current();
        let request_log = RequestDatabase::open(RequestDatabaseOptions {
            path: data_dir.join("requests.sqlite"),
            keep_days: stored.keep_days.get(),
            keep_texts: stored.keep_texts,
            max_bytes: MAX_DATABASE_BYTES,
            now_ms: Arc::new(unix_now_ms),
        });
        let own_key =
            Key::generate().map_err(|error| format!("this system gives no random bytes: {error}"))?;
        let (changes, _) = broadcast::channel(CHANGES);
        let app = Self(Arc::new(Inner {
            environment,
            limits,
            has_tray,
            notice: Mutex::new(notice),
            keys: KeyRing::new(&data_dir, secrets),
            own_key,
            request_log: request_log.await,
            gateway: Gateway::spawn(),
            codex: Mutex::default(),
            keychain: Mutex::default(),
            overview: Mutex::default(),
            changes,
            renew: Notify::new(),
            test_prompt: Mutex::default(),
            utc_offset: AtomicI32::default(),
            stop: CancellationToken::new(),
            tasks: TaskTracker::new(),
            settings,
            data_dir,
        }));
        // Before the proxy starts, which would refuse every key for as long as the file is there.
        let set_aside = app.0.keys.set_aside_damaged(unix_now()).await;
        if let Some(notice) = set_aside.unwrap_or_else(|error| Some(error.to_string())) {
            app.add_notice(&notice);
        }
        if stored.start_proxy {
            app.start().await;
        }
        app.renew_overview().await;
        app.0.tasks.spawn(background::tend(app.clone()));
        // Neither the keychain nor codex may hold up the start: both can wait for a person.
        let later = app.clone();
        app.0.tasks.spawn(async move { later.0.stop.run_until_cancelled(later.look_around()).await });
        Ok(app)
    }

    /// What is wrong with the app's own files, in sentences.
    fn notice(&self) -> Option<String> {
        joined([self.0.notice.lock().clone(), self.0.request_log.notice()], " ")
    }

    fn add_notice(&self, notice: &str) {
        tracing::warn!("{notice}");
        let mut said = self.0.notice.lock();
        *said = joined([said.take(), Some(notice.to_owned())], " ");
    }

    /// How everything is.
    #[must_use]
    pub fn overview(&self) -> Overview {
        self.0.overview.lock().clone()
    }

    /// Everything that changes from now on, until the app has ended.
    #[must_use]
    pub fn changes(&self) -> broadcast::Receiver<Change> {
        self.0.changes.subscribe()
    }

    /// Starts the proxy with the settings as they are, in the place of one that runs.
    pub async fn start(&self) {
        let state = match self.launch() {
            Ok(launch) => self.0.gateway.start(launch).await,
            Err(error) => {
                tracing::error!(%error, "the proxy cannot be made");
                return;
            }
        };
        tracing::info!(?state, "the proxy was started");
        self.renew_overview().await;
    }

    /// Stops the proxy; open streams finish first, up to their deadline.
    pub async fn stop(&self) {
        self.0.gateway.stop().await;
        self.renew_overview().await;
    }

    /// Takes the free port that was found when the chosen one was taken, and starts.
    ///
    /// # Errors
    /// When there is none, or the settings cannot be saved.
    pub async fn use_free_port(&self) -> Result<(), ViewError> {
        let ProxyState::PortTaken { free: Some(free), .. } = self.overview().proxy else {
            return Err(said("There is no free port near. Choose another one in the settings."));
        };
        self.change_settings(move |stored| stored.proxy.port = free.into()).await?;
        self.start().await;
        Ok(())
    }

    /// Looks at codex once more, as after it was installed or signed in.
    pub async fn look_again(&self) {
        if let Some(running) = self.running() {
            // A codex that runs may hold an old sign-in; starting anew is the only way it learns of a new one.
            if running.proxy.codex().ready().await.is_err() {
                self.start().await;
            }
        }
        self.probe_codex().await;
    }

    /// Ends the app: the proxy lets its streams finish for a while, and everything is written down.
    pub async fn shutdown(&self) {
        self.stop_test_prompt();
        self.0.gateway.stop().await;
        self.0.stop.cancel();
        self.0.tasks.close();
        self.0.tasks.wait().await;
        self.0.request_log.close().await;
    }

    /// The request log.
    #[must_use]
    pub fn request_log(&self) -> &RequestDatabase {
        &self.0.request_log
    }

    /// The folder of the app's data.
    #[must_use]
    pub fn data_folder(&self) -> &Path {
        &self.0.data_dir
    }

    /// The folder of the log files.
    #[must_use]
    pub fn log_folder(&self) -> PathBuf {
        proxy::logging::files::folder(&self.0.data_dir)
    }

    /// Makes the first key, and finds out how the keychain and codex are.
    async fn look_around(&self) {
        match self.0.keys.ensure_first(unix_now()).await {
            Ok(Some(_)) => self.tell(Change::Keys),
            Ok(None) => {}
            Err(error) => tracing::error!(%error, "the first key could not be made"),
        }
        let state = self.0.keys.state().await;
        *self.0.keychain.lock() = state;
        self.probe_codex().await;
    }

    async fn probe_codex(&self) {
        let seen = probe(&self.codex_config()).await;
        *self.0.codex.lock() = Some(seen);
        self.renew_overview().await;
    }

    fn launch(&self) -> Result<Launch, ProxyError> {
        let stored = self.0.settings.current();
        let bridge = pairing::find(&self.0.environment).bridge.map(Into::into);
        let (mut settings, addresses) = stored.runtime_settings(&self.0.data_dir, bridge);
        settings.codex_path = settings.codex_path.or_else(|| self.0.environment.path("CODEX_PATH"));
        settings.api_keys = self.brought_keys();
        let proxy = Proxy::new(ProxyParts {
            limits: self.0.limits.with(&settings),
            settings,
            environment: self.0.environment.clone(),
            keys: vec![KeyEntry::new(OWN_KEY, &self.0.own_key, unix_now())],
            request_log: self.0.request_log.reports(),
        })?;
        Ok(Launch { addresses, proxy })
    }

    /// The demo, and whoever starts the app from a script, brings its own keys.
    fn brought_keys(&self) -> Vec<Key> {
        let brought = self.0.environment.get("API_KEYS").and_then(|keys| keys.to_str()).unwrap_or_default();
        brought.split(',').map(str::trim).filter(|key| !key.is_empty()).map(Key::new).collect()
    }

    fn codex_config(&self) -> CodexConfig {
        self.codex_config_with(self.0.settings.current().proxy.codex_path)
    }

    fn codex_config_with(&self, path: Option<PathBuf>) -> CodexConfig {
        let setting = path.or_else(|| self.0.environment.path("CODEX_PATH"));
        backends::config(setting.as_deref(), &self.0.environment, &self.0.data_dir, Home::Users)
    }

    fn running(&self) -> Option<Running> {
        self.0.gateway.state().borrow().running.clone()
    }

    fn tell(&self, change: Change) {
        // Nobody listens while there is no shell; that is fine.
        let _ = self.0.changes.send(change);
    }
}

/// The log level of the settings in `data_dir`, for a log that is started before the app is. It only looks: a damaged file is
/// set aside, and said, by the app.
#[must_use]
pub fn log_level(data_dir: &Path) -> &'static str {
    let text = std::fs::read(data_dir.join("settings.json")).unwrap_or_default();
    let settings: Value = serde_json::from_slice(&text).unwrap_or_default();
    LogLevel::deserialize(&settings["log_level"]).unwrap_or_default().name()
}

fn unix_now_ms() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(now.as_millis()).unwrap_or(u64::MAX)
}

/// An error that is a sentence.
fn said(message: impl Into<String>) -> ViewError {
    ViewError { message: message.into(), fields: Vec::new() }
}

/// An error that is about fields of a form.
fn refused(fields: Vec<FieldError>) -> ViewError {
    ViewError { message: "Some settings need another look.".to_owned(), fields }
}
