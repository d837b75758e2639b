//! Shows, checks, saves and applies settings.

use std::path::PathBuf;
use std::sync::atomic::Ordering;

use codex_client::{CodexError, ProbeResult, probe};
use proxy::health;
use serde_json::{Map, Value};

use super::App;
use super::status::SettingsView;
use crate::gateway::ProxyState;
use crate::pairing;
use crate::settings_file::{self, Context, DesktopSettings};
use crate::view::{CodexCheck, FieldError, ModelChoice, ViewError};

/// Bytes of drafts that are kept.
const MAX_DRAFTS: usize = 64 * 1024;

impl App {
    /// The settings, and what is needed to edit them.
    pub async fn settings_view(&self) -> SettingsView {
        let form = self.0.settings.current();
        let codex = self.0.codex.lock().as_ref().map(codex_check).unwrap_or_default();
        let drafts = self.0.setting_drafts.lock().clone();
        let variable = self.0.environment.path("CODEX_PATH").filter(|_| form.proxy.codex_path.is_none());
        SettingsView {
            form,
            defaults: DesktopSettings::default(),
            codex_variable: variable.map(|path| path.display().to_string()),
            drafts,
            codex,
            models: self.models().await,
            addresses: pairing::listen_choices(&self.docker()),
            notice: self.notice(),
        }
    }

    /// Changes one setting; see [`App::set_settings`].
    ///
    /// # Errors
    /// The same.
    pub async fn set_setting(&self, name: &str, value: Value) -> Result<(), ViewError> {
        self.set_settings(Map::from_iter([(name.to_owned(), value)])).await
    }

    /// Checks, applies and saves settings, all of them or none. A running proxy uses them for new requests.
    ///
    /// # Errors
    /// The invalid fields, or if the settings could not be written.
    pub async fn set_settings(&self, changes: Map<String, Value>) -> Result<(), ViewError> {
        let _one_at_a_time = self.0.saving.lock().await;
        let models = self.models().await;
        let app = self.clone();
        let checked = tokio::task::spawn_blocking(move || {
            let before = app.0.settings.current();
            let home = app.0.environment.home();
            let bridge = (app.0.bridge)().map(Into::into);
            let context =
                Context { current: &before, home: home.as_deref(), models: &models, docker_bridge: bridge };
            let after = settings_file::apply(&changes, &context).map_err(ViewError::invalid)?;
            Ok::<_, ViewError>((before, after))
        });
        let (before, after) =
            checked.await.map_err(|_| ViewError::new("Couldn't check the settings. Try again."))??;
        self.apply(&after).await?;
        let saved = after.clone();
        if let Err(error) = self.change_settings(|settings| *settings = saved).await {
            // Memory and disk must agree.
            let _ = self.apply(&before).await;
            return Err(error);
        }
        *self.0.notice.lock() = None;
        self.0.request_log.set_retention(after.keep_days.get(), after.keep_texts).await;
        if before.keep_texts != after.keep_texts {
            self.keep_answers(after.keep_texts).await;
        }
        if before.proxy.codex_path != after.proxy.codex_path {
            self.probe_codex().await;
        }
        self.refresh_overview().await;
        Ok(())
    }

    /// Makes a running proxy use these settings. On failure, it keeps the previous ones.
    async fn apply(&self, stored: &DesktopSettings) -> Result<(), ViewError> {
        let Some(running) = self.running() else { return Ok(()) };
        let (settings, addresses) = self.runtime_settings(stored);
        match self.0.gateway.move_to(addresses).await {
            ProxyState::PortTaken { port, free } => {
                let free = free.map(|free| format!(" Port {free} is free.")).unwrap_or_default();
                let message = format!("Another program uses port {port}.{free}");
                return Err(ViewError::invalid(vec![FieldError::new("port", message)]));
            }
            ProxyState::Failed { message } => {
                return Err(ViewError::invalid(vec![FieldError::new("port", message)]));
            }
            ProxyState::Running { .. } | ProxyState::Stopping | ProxyState::Stopped => {}
        }
        running
            .proxy
            .apply(settings)
            .map_err(|error| ViewError::new(format!("Couldn't apply the settings: {error}.")))
    }

    /// Keeps what was typed but not applied, so that closing the window does not lose it. In memory only.
    pub fn keep_setting_drafts(&self, drafts: String) {
        if drafts.len() <= MAX_DRAFTS {
            *self.0.setting_drafts.lock() = drafts;
        }
    }

    /// Hides what is said about the app's files, until there is something new.
    pub async fn dismiss_notice(&self) {
        *self.0.notice.lock() = None;
        self.refresh_overview().await;
    }

    /// Checks the keychain again, for example after a keyring was created or unlocked.
    pub async fn recheck_keychain(&self) {
        let state = self.0.keys.state().await;
        *self.0.keychain.lock() = state;
        self.refresh_overview().await;
    }

    /// Checks a codex binary before it is chosen; an empty path searches for one.
    pub async fn check_codex(&self, path: &str) -> CodexCheck {
        let path = Some(path.trim()).filter(|path| !path.is_empty()).map(PathBuf::from);
        codex_check(&probe(&self.codex_config_with(path)).await)
    }

    /// Accepts connections from Docker containers too.
    ///
    /// # Errors
    /// If there is no Docker bridge, or the settings cannot be saved.
    pub async fn listen_on_docker_bridge(&self) -> Result<(), ViewError> {
        if (self.0.bridge)().is_none() {
            return Err(ViewError::new("No Docker bridge found. Start Docker, then try again."));
        }
        let changes = [("listen", "dockerBridge".into()), ("keys_needed", true.into())];
        self.set_settings(changes.map(|(name, value)| (name.to_owned(), value)).into_iter().collect())
            .await?;
        self.start().await;
        Ok(())
    }

    /// Whether the app keeps running when the window is closed: always with a tray, otherwise as the user answered; `None` if
    /// not asked yet.
    #[must_use]
    pub fn runs_in_background(&self) -> Option<bool> {
        let has_tray = self.0.has_tray.load(Ordering::Relaxed);
        if has_tray { Some(true) } else { self.0.settings.current().asked_about_background }
    }

    /// Records whether the app starts at login, after the shell has changed it.
    pub async fn record_start_at_login(&self, on: bool) {
        if let Err(error) = self.change_settings(move |stored| stored.start_at_login = on).await {
            tracing::warn!(message = error.message, "failed to save start at login");
        }
        self.refresh_overview().await;
    }

    /// codex's models from the running proxy or the last probe; empty until one of them has listed them.
    pub(super) async fn models(&self) -> Vec<ModelChoice> {
        let mut known = self.running().map(|running| running.proxy.cached_models()).unwrap_or_default();
        if known.is_empty()
            && let Some(Ok(probed)) = &*self.0.codex.lock()
        {
            known.clone_from(&probed.models);
        }
        let choice = |model: &codex_client::Model| ModelChoice {
            id: model.id.clone(),
            name: if model.display_name.is_empty() { model.id.clone() } else { model.display_name.clone() },
            efforts: model.efforts.clone(),
        };
        known.iter().filter(|model| !model.hidden).map(choice).collect()
    }

    pub(super) async fn change_settings(
        &self,
        change: impl FnOnce(&mut DesktopSettings) + Send + 'static,
    ) -> Result<(), ViewError> {
        let app = self.clone();
        let saved = tokio::task::spawn_blocking(move || app.0.settings.change(change)).await;
        saved
            .map_err(|_| ViewError::new("Couldn't save the settings. Try again."))?
            .map_err(ViewError::from)?;
        self.0.refresh.notify_one();
        Ok(())
    }
}

fn codex_check(probed: &Result<ProbeResult, CodexError>) -> CodexCheck {
    match probed {
        Ok(ProbeResult { readiness, .. }) => CodexCheck {
            path: Some(readiness.path.display().to_string()),
            version: Some(readiness.version.clone()),
            error: None,
        },
        Err(error) => CodexCheck { path: None, version: None, error: Some(health::describe(error)) },
    }
}
