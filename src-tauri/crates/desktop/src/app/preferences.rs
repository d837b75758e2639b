//! The settings view: what is shown, what may be saved, and what saving does.

use std::path::PathBuf;

use codex_client::{CodexError, ProbeResult, probe};
use serde_json::{Map, Value};

use super::status::SettingsView;
use super::{App, refused, said};
use crate::gateway::ProxyState;
use crate::pairing;
use crate::settings_file::{Context, DesktopSettings, change};
use crate::view::{Applied, CodexCheck, Listen, ModelChoice, ViewError};

impl App {
    /// The settings, and what is needed to choose them.
    pub async fn settings_view(&self) -> SettingsView {
        let form = self.0.settings.current();
        let codex = self.0.codex.lock().as_ref().map(looked_at).unwrap_or_default();
        SettingsView {
            restarts: form.restarts(),
            form,
            codex,
            models: self.models().await,
            addresses: pairing::listen_choices(&pairing::find(&self.0.environment)),
            notice: self.notice(),
        }
    }

    /// Changes one setting; see [`App::set_settings`].
    ///
    /// # Errors
    /// As there.
    pub async fn set_setting(&self, name: &str, value: Value) -> Result<Applied, ViewError> {
        self.set_settings(Map::from_iter([(name.to_owned(), value)])).await
    }

    /// Checks and saves some settings, all of them or none. A proxy that runs is started again if it has to be, open streams
    /// finishing first.
    ///
    /// # Errors
    /// The fields that are wrong, or that the settings could not be written.
    pub async fn set_settings(&self, changes: Map<String, Value>) -> Result<Applied, ViewError> {
        let models = self.models().await;
        let app = self.clone();
        let changed = tokio::task::spawn_blocking(move || {
            let before = app.0.settings.current();
            let home = app.0.environment.home();
            let bridge = pairing::find(&app.0.environment).bridge.map(Into::into);
            let context =
                Context { current: &before, home: home.as_deref(), models: &models, docker_bridge: bridge };
            let after = change(&changes, &context).map_err(refused)?;
            let saved = app.0.settings.change(|settings| *settings = after.clone());
            saved.map(|()| (before, after)).map_err(|error| said(error.to_string()))
        });
        let (before, after) =
            changed.await.map_err(|_| said("The settings could not be saved. Try again."))??;
        *self.0.notice.lock() = None;
        self.0.request_log.keep(after.keep_days.get(), after.keep_texts).await;
        let applied = match (after.need_restart(&before), self.overview().proxy) {
            (false, _) => Applied::AtOnce,
            (true, ProxyState::Stopped) => Applied::AtNextStart,
            (true, _) => {
                self.start().await;
                Applied::Restarted
            }
        };
        if before.proxy.codex_path != after.proxy.codex_path {
            let seen = probe(&self.codex_config()).await;
            *self.0.codex.lock() = Some(seen);
        }
        self.renew_overview().await;
        Ok(applied)
    }

    /// Looks at a codex binary before it is chosen; an empty path looks for one.
    pub async fn check_codex(&self, path: &str) -> CodexCheck {
        let path = Some(path.trim()).filter(|path| !path.is_empty()).map(PathBuf::from);
        looked_at(&probe(&self.codex_config_with(path)).await)
    }

    /// Lets containers on this machine reach the proxy too.
    ///
    /// # Errors
    /// When there is no bridge, or the settings cannot be saved.
    pub async fn listen_on_docker_bridge(&self) -> Result<(), ViewError> {
        if pairing::find(&self.0.environment).bridge.is_none() {
            return Err(said("Docker's bridge is not there. Start Docker, then try again."));
        }
        self.change_settings(|stored| {
            (stored.listen, stored.proxy.keys_needed) = (Listen::DockerBridge, true);
        })
        .await?;
        self.start().await;
        Ok(())
    }

    /// What the user answered when asked whether closing the window leaves the proxy running; `None` if never asked. With a
    /// tray it always does.
    #[must_use]
    pub fn goes_on_in_background(&self) -> Option<bool> {
        if self.0.has_tray { Some(true) } else { self.0.settings.current().asked_about_background }
    }

    /// Remembers whether the app starts with the session, which the shell has switched.
    pub async fn remember_start_at_login(&self, on: bool) {
        if let Err(error) = self.change_settings(move |stored| stored.start_at_login = on).await {
            tracing::warn!(message = error.message, "the start at login was not written down");
        }
        self.renew_overview().await;
    }

    /// codex's models, as the running proxy last heard them, or as they were when codex was looked at; empty while neither has
    /// been.
    pub(super) async fn models(&self) -> Vec<ModelChoice> {
        let mut known = self.running().map(|running| running.proxy.cached_models()).unwrap_or_default();
        if known.is_empty()
            && let Some(Ok(seen)) = &*self.0.codex.lock()
        {
            known.clone_from(&seen.models);
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
            .map_err(|_| said("The settings could not be saved. Try again."))?
            .map_err(|error| said(error.to_string()))?;
        self.0.renew.notify_one();
        Ok(())
    }
}

fn looked_at(seen: &Result<ProbeResult, CodexError>) -> CodexCheck {
    match seen {
        Ok(ProbeResult { readiness, .. }) => CodexCheck {
            path: Some(readiness.path.display().to_string()),
            version: Some(readiness.version.clone()),
            error: None,
        },
        Err(error) => CodexCheck { path: None, version: None, error: Some(format!("{error}.")) },
    }
}
