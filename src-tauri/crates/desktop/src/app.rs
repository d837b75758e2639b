//! The app behind one handle: settings, keys, the running proxy and the request log.
//!
//! The shell adds what needs a desktop: the window, the tray, the clipboard and start at login.

mod account;
mod answers;
mod approvals;
mod background;
mod changes;
mod diagnostics;
mod doctor;
mod first_start;
mod keys;
mod limits;
mod notices;
mod notifying;
mod options;
mod overview;
mod playground;
mod preferences;
mod recheck;
mod requests;
mod reviews;
mod sign_in;
mod status;
mod tray;
mod usage;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};

use codex_client::{
    CodexConfig, CodexError, Environment, KEY_VARIABLES, OwnAddresses, ProbeResult, SharedLimits, probe,
};
use parking_lot::Mutex;
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::{Notify, broadcast};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use notifying::LastCodex;

use crate::answer_store::AnswerStore;
use crate::gateway::{Gateway, Launch, ProxyState, Running};
use crate::keychain::{KeyRing, KeychainState};
use crate::request_log::{self, MAX_DATABASE_BYTES, Removed, RequestDatabase, RequestDatabaseOptions};
use crate::settings_file::{DesktopSettings, SettingsFile};
use crate::text::join_some;
use crate::view::{Listen, ViewError};
use proxy::Limits;
use proxy::health::FixAction;
use proxy::models::backends;
use proxy::settings::{LogLevel, Program, Settings};
use proxy::store::Store;
use proxy::{ImageFetcher, Proxy, ProxyError, ProxyParts, unix_now};
use proxy::{Key, KeyEntry, KeyLimits};

use crate::pairing::{self, Docker};
use first_start::Setup;
use recheck::CodexFiles;

pub use account::{AccountKind, AccountView};
pub use answers::StoredAnswers;
pub use changes::UndoCoverage;
pub use doctor::{CheckState, DoctorCheck};
pub use keys::RecipeText;
pub use notices::Notice;
pub use options::AppOptions;
pub use proxy::approvals::{ApprovalAnswer, ApprovalRule};
pub use sign_in::{AccountChoice, SignInChoice, SignInView};
pub use status::{CodexState, CodexView, Overview, SettingsView};
pub use usage::{LimitView, LimitsView};

use sign_in::SignIn;
pub use tray::{TrayAction, TrayItem, TrayItemKind, TrayMenu};

/// Changes buffered for the shell. A slower shell loses the oldest, which is safe: the next overview is complete, and the window
/// queries the rows when it opens.
const CHANGES_CAPACITY: usize = 512;

/// The name of the window's key in the request log.
const WINDOW_KEY_NAME: &str = "This window";

/// An update for the shell.
#[derive(Clone, Debug)]
pub enum Change {
    /// The state of everything.
    Overview(Box<Overview>),
    /// A change in the request log.
    Requests(request_log::Change),
    /// A key was created, first used or revoked.
    Keys,
    /// A system notification to show.
    Notice(Notice),
}

/// The app. Clones share it.
#[derive(Clone, Debug)]
pub struct App(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    data_dir: PathBuf,
    environment: Environment,
    /// This computer's name, for clients.
    computer: String,
    limits: Limits,
    bridge: fn() -> Option<Ipv4Addr>,
    lan: fn() -> Vec<Ipv4Addr>,
    has_tray: AtomicBool,
    settings: SettingsFile,
    /// Held while settings are checked, applied and saved.
    saving: tokio::sync::Mutex<()>,
    /// Shown until settings are saved: which file was damaged, and where it was moved.
    notice: Mutex<Option<String>>,
    /// What the window's settings contain that is not applied.
    setting_drafts: Mutex<String>,
    keys: KeyRing,
    /// Authenticates the window's requests. It is never written to disk.
    window_key: Key,
    request_log: RequestDatabase,
    /// Answers that apps asked to keep.
    answers: Arc<AnswerStore>,
    /// What of the log's removals has been removed from there, once its task has ended.
    answers_removed: Mutex<Removed>,
    gateway: Gateway,
    /// The result of the last probe.
    codex: Mutex<Option<Result<ProbeResult, CodexError>>>,
    /// The files that it depended on.
    checked_files: Mutex<CodexFiles>,
    /// The account's usage limits, which outlive the proxy and codex.
    usage_limits: SharedLimits,
    sign_in: Mutex<SignIn>,
    keychain: Mutex<KeychainState>,
    last_codex: Mutex<LastCodex>,
    overview: Mutex<Overview>,
    /// Held while the overview is rebuilt, so that none replaces a newer one.
    refreshing: tokio::sync::Mutex<()>,
    changes: broadcast::Sender<Change>,
    /// Wakes the task that refreshes the overview.
    refresh: Notify,
    /// The same, a moment later: many changes in a row become one.
    refresh_soon: Notify,
    /// Wakes the task that checks codex.
    look_again: Notify,
    playground: playground::Playground,
    reviews: reviews::Reviews,
    /// The card of the first start.
    setup: Mutex<Setup>,
    /// The window's offset from UTC in seconds; 0 until a window opens.
    utc_offset: AtomicI32,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl App {
    /// Opens the app: reads its files, creates the first key, and starts the proxy if the settings say so. Must be called within
    /// a tokio runtime.
    ///
    /// # Errors
    /// If the data folder cannot be used, as a sentence for the user.
    pub async fn open(options: AppOptions) -> Result<Self, String> {
        let AppOptions { data_dir, environment, computer, has_tray, secrets, limits, bridge, lan } = options;
        Program::App.set_current();
        std::fs::create_dir_all(&data_dir)
            .map_err(|error| format!("cannot use the data folder {}: {error}", data_dir.display()))?;
        let (settings, notice) = SettingsFile::load(&data_dir, unix_now());
        let stored = settings.current();
        let request_log = RequestDatabase::open(RequestDatabaseOptions {
            path: data_dir.join("requests.sqlite"),
            keep_days: stored.keep_days.get(),
            keep_texts: stored.keep_texts,
            max_bytes: MAX_DATABASE_BYTES,
            now_ms: Arc::new(unix_now_ms),
        });
        let answers = answers::open(&data_dir, stored.keep_texts, env_keys(&environment));
        let window_key = Key::generate().map_err(|error| format!("cannot generate random bytes: {error}"))?;
        let (changes, _) = broadcast::channel(CHANGES_CAPACITY);
        let app = Self(Arc::new(Inner {
            environment,
            computer,
            limits,
            bridge,
            lan,
            has_tray: AtomicBool::new(has_tray),
            notice: Mutex::new(notice),
            setting_drafts: Mutex::default(),
            saving: tokio::sync::Mutex::default(),
            keys: KeyRing::new(&data_dir, secrets),
            window_key,
            request_log: request_log.await,
            answers: answers.await,
            answers_removed: Mutex::default(),
            gateway: Gateway::spawn(),
            codex: Mutex::default(),
            checked_files: Mutex::default(),
            usage_limits: SharedLimits::default(),
            sign_in: Mutex::default(),
            keychain: Mutex::default(),
            last_codex: Mutex::default(),
            overview: Mutex::default(),
            refreshing: tokio::sync::Mutex::default(),
            changes,
            refresh: Notify::new(),
            refresh_soon: Notify::new(),
            look_again: Notify::new(),
            playground: playground::Playground::default(),
            reviews: reviews::Reviews::default(),
            setup: Mutex::default(),
            utc_offset: AtomicI32::default(),
            stop: CancellationToken::new(),
            tasks: TaskTracker::new(),
            settings,
            data_dir,
        }));
        // Before the proxy starts: it would reject every key while the damaged file exists.
        let set_aside = app.0.keys.set_aside_damaged(unix_now()).await;
        if let Some(notice) = set_aside.unwrap_or_else(|error| Some(error.to_string())) {
            app.add_notice(&notice);
        }
        app.forget_revoked_keys().await;
        app.open_setup().await;
        if stored.start_proxy {
            app.start().await;
        }
        app.refresh_overview().await;
        app.0.tasks.spawn(background::run(app.clone()));
        app.0.tasks.spawn(usage::run(app.clone()));
        app.0.tasks.spawn(answers::run(app.clone()));
        app.0.tasks.spawn(recheck::run(app.clone()));
        // In the background: both the keychain and codex may wait for the user.
        let startup = app.clone();
        app.0.tasks.spawn(async move { startup.0.stop.run_until_cancelled(startup.finish_startup()).await });
        Ok(app)
    }

    /// What is wrong with the app's files, in sentences.
    fn notice(&self) -> Option<String> {
        join_some([self.0.notice.lock().clone(), self.0.request_log.notice(), self.0.answers.notice()], " ")
    }

    fn add_notice(&self, notice: &str) {
        tracing::warn!("{notice}");
        let mut current = self.0.notice.lock();
        *current = join_some([current.take(), Some(notice.to_owned())], " ");
    }

    /// The state of everything.
    #[must_use]
    pub fn overview(&self) -> Overview {
        self.0.overview.lock().clone()
    }

    /// Subscribes to changes.
    #[must_use]
    pub fn changes(&self) -> broadcast::Receiver<Change> {
        self.0.changes.subscribe()
    }

    /// Starts the proxy with the current settings, unless it runs.
    pub async fn start(&self) {
        let launch = self.launch().map_err(|error| format!("Couldn't start the proxy: {error}."));
        let state = self.0.gateway.start(launch).await;
        tracing::info!(?state, "proxy started");
        self.refresh_overview().await;
    }

    /// Stops the proxy; open streams may finish until their deadline.
    pub async fn stop(&self) {
        self.0.gateway.stop().await;
        self.refresh_overview().await;
    }

    /// Switches to the free port found when the configured one was in use, and starts.
    ///
    /// # Errors
    /// If there is none, or the settings cannot be saved.
    pub async fn use_free_port(&self) -> Result<(), ViewError> {
        let ProxyState::PortTaken { free: Some(free), .. } = self.overview().proxy else {
            return Err(ViewError::new("No free port found nearby. Choose a port in Settings › Network."));
        };
        self.change_settings(move |stored| stored.proxy.port = free.into()).await?;
        self.start().await;
        Ok(())
    }

    /// Applies a fix. Whether it is done; `false` if it needs the window.
    ///
    /// # Errors
    /// If the fix failed.
    pub async fn apply_fix(&self, fix: FixAction) -> Result<bool, ViewError> {
        match fix {
            FixAction::StartProxy => self.start().await,
            FixAction::UseFreePort => self.use_free_port().await?,
            FixAction::RecheckCodex => self.recheck_codex().await,
            FixAction::InstallCodex
            | FixAction::ChooseCodex
            | FixAction::SignIn
            | FixAction::OpenNetworkSettings
            | FixAction::ShowLimits
            | FixAction::ShowFiles
            | FixAction::ShowApprovals => return Ok(false),
        }
        Ok(true)
    }

    /// Checks codex again, for example after it was installed or signed in.
    pub async fn recheck_codex(&self) {
        if let Some(running) = self.running() {
            // The overview shows the outcome.
            let _ = running.proxy.codex().ready().await;
        }
        self.probe_codex().await;
    }

    /// Starts codex again. Its turns in progress finish first.
    pub async fn restart_codex(&self) {
        if let Some(running) = self.running() {
            running.proxy.codex().restart();
        }
        self.recheck_codex().await;
    }

    /// Stops the proxy, whose streams get a few seconds to finish, and writes everything to disk.
    pub async fn shutdown(&self) {
        self.stop_prompt();
        self.0.gateway.stop().await;
        self.0.stop.cancel();
        self.0.tasks.close();
        self.0.tasks.wait().await;
        self.0.request_log.close().await;
        self.close_answers().await;
    }

    /// The request log.
    #[must_use]
    pub fn request_log(&self) -> &RequestDatabase {
        &self.0.request_log
    }

    /// The data folder.
    #[must_use]
    pub fn data_folder(&self) -> &Path {
        &self.0.data_dir
    }

    /// Records whether the desktop shows our tray icon, which may come and go.
    pub fn set_has_tray(&self, has_tray: bool) {
        if self.0.has_tray.swap(has_tray, Ordering::Relaxed) != has_tray {
            self.0.refresh.notify_one();
        }
    }

    /// The environment that codex and other programs are started in.
    #[must_use]
    pub fn environment(&self) -> &Environment {
        &self.0.environment
    }

    /// The folder with the log files.
    #[must_use]
    pub fn log_folder(&self) -> PathBuf {
        proxy::logging::files::folder(&self.0.data_dir)
    }

    /// Creates the first key and probes the keychain and codex.
    async fn finish_startup(&self) {
        let limits = KeyLimits::of_new_key(self.0.settings.current().listen != Listen::Loopback);
        match self.0.keys.ensure_first_key(limits, unix_now()).await {
            Ok(Some(_)) => self.notify(Change::Keys),
            Ok(None) => {}
            Err(error) => tracing::error!(%error, "failed to create the first key"),
        }
        let state = self.0.keys.state().await;
        *self.0.keychain.lock() = state;
        self.probe_codex().await;
    }

    async fn probe_codex(&self) {
        // Before the probe, so that a later change counts as one.
        let files = self.codex_files().await;
        *self.0.checked_files.lock() = files;
        let probed = probe(&self.codex_config()).await;
        *self.0.codex.lock() = Some(probed);
        self.refresh_overview().await;
    }

    /// The files that the last check of codex depended on.
    fn checked_files(&self) -> CodexFiles {
        self.0.checked_files.lock().clone()
    }

    fn launch(&self) -> Result<Launch, ProxyError> {
        let (settings, addresses) = self.runtime_settings(&self.0.settings.current());
        let proxy = Proxy::new(ProxyParts {
            limits: self.0.limits.with(&settings),
            settings,
            environment: self.0.environment.clone(),
            computer: self.0.computer.clone(),
            keys: vec![KeyEntry::new(WINDOW_KEY_NAME, &self.0.window_key, unix_now())],
            request_log: self.0.request_log.reports(),
            store: Some(Arc::clone(&self.0.answers) as Arc<dyn Store>),
            images: ImageFetcher::default(),
            usage_limits: self.0.usage_limits.clone(),
        })?;
        Ok(Launch { addresses, proxy })
    }

    /// The proxy's settings, and where it listens.
    fn runtime_settings(&self, stored: &DesktopSettings) -> (Settings, Vec<SocketAddr>) {
        let bridge = (self.0.bridge)().map(Into::into);
        let (mut settings, addresses) = stored.runtime_settings(&self.0.data_dir, bridge);
        settings.codex_path = settings.codex_path.or_else(|| self.0.environment.path("CODEX_PATH"));
        settings.api_keys = self.env_keys();
        (settings, addresses)
    }

    /// Docker at this moment.
    fn docker(&self) -> Docker {
        pairing::find(&self.0.environment, (self.0.bridge)())
    }

    /// Listens on Docker's bridge if it has come up since the proxy started.
    async fn listen_on_new_bridge(&self) {
        let stored = self.0.settings.current();
        let Some(running) = self.running().filter(|_| stored.listen == Listen::DockerBridge) else { return };
        let (_, addresses) = self.runtime_settings(&stored);
        let known = |address| running.addresses.contains(address) || running.missing.contains(address);
        // While settings are saved, these may be the previous ones.
        if !addresses.iter().all(known)
            && let Ok(_saving) = self.0.saving.try_lock()
        {
            self.0.gateway.move_to(addresses).await;
        }
    }

    /// Keys from the environment, for the demo and scripts.
    fn env_keys(&self) -> Vec<Key> {
        env_keys(&self.0.environment)
    }

    fn codex_config(&self) -> CodexConfig {
        self.codex_config_with(self.0.settings.current().proxy.codex_path)
    }

    fn codex_config_with(&self, path: Option<PathBuf>) -> CodexConfig {
        let setting = path.or_else(|| self.0.environment.path("CODEX_PATH"));
        let own_addresses = OwnAddresses::default();
        own_addresses.add(self.running().map(|running| running.addresses).unwrap_or_default());
        let config = backends::agent_config(setting.as_deref(), &self.0.environment, &self.0.data_dir);
        CodexConfig { own_addresses, limits: self.0.usage_limits.clone(), ..config }
    }

    fn running(&self) -> Option<Running> {
        self.0.gateway.state().borrow().running.clone()
    }

    fn notify(&self, change: Change) {
        // An error only means that there is no shell yet.
        let _ = self.0.changes.send(change);
    }
}

fn env_keys(environment: &Environment) -> Vec<Key> {
    let set = KEY_VARIABLES.iter().find_map(|name| environment.get(name));
    let keys = set.and_then(|keys| keys.to_str()).unwrap_or_default();
    keys.split(',').map(str::trim).filter(|key| !key.is_empty()).map(Key::new).collect()
}

/// The log level in the settings, for a log that starts before the app. Ignores a damaged file, which the app moves and reports
/// later.
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
