//! Keys, and what uses them: the recipes and the connection check.

use std::net::Ipv4Addr;

use super::overview::base_url;
use super::{App, Change};
use crate::gateway::Running;
use crate::keychain::{KeyLimitsForm, KeyRow, NewKey};
use crate::pairing::{
    self, CheckStep, Containers, PictureCheck, Platform, Recipe, RecipeInput, ShownKey, Target,
};
use crate::request_log::ExchangeQuery;
use crate::view::{Listen, ViewError};
use proxy::Key;
use proxy::settings::FolderModel;
use proxy::unix_now;

/// The model in examples, because it always exists.
const EXAMPLE_MODEL: &str = proxy::models::CODEX_LOCAL;

/// A piece of a recipe, for the clipboard. No `Debug`, because it may contain a real key.
pub enum RecipeText {
    /// Contains a key.
    Secret(String),
    /// Contains none.
    Plain(String),
}

impl App {
    /// The keys, oldest first.
    ///
    /// # Errors
    /// If the key file cannot be used.
    pub async fn keys(&self) -> Result<Vec<KeyRow>, ViewError> {
        let mut rows = self.0.keys.rows().await?;
        for row in &mut rows {
            let key = Some(row.name.clone());
            let query = ExchangeQuery { key, limit: Some(1), ..ExchangeQuery::default() };
            if let Some(used) = self.0.request_log.query(query).await.first() {
                row.used(used.at / 1000);
            }
        }
        self.add_use(&mut rows);
        Ok(rows)
    }

    /// Creates a key, which may be stricter than the settings, and returns its secret, this once.
    ///
    /// # Errors
    /// If the name or the limits are invalid, or the key file cannot be written.
    pub async fn create_key(&self, name: &str, limits: KeyLimitsForm) -> Result<NewKey, ViewError> {
        let limits = self.checked_limits(limits, &KeyLimitsForm::default()).await?;
        let key = self.0.keys.create(name, limits, unix_now()).await?;
        self.keys_changed().await;
        Ok(key)
    }

    /// Renames a key, from the next request on. Earlier requests keep the earlier name.
    ///
    /// # Errors
    /// If the name is invalid, there is no such key, or the key file cannot be written.
    pub async fn rename_key(&self, id: &str, name: &str) -> Result<(), ViewError> {
        let last_used = self.keys().await?.into_iter().find(|row| row.id == id).and_then(|row| row.last_used);
        self.0.keys.rename(id, name, last_used, unix_now()).await?;
        self.keys_changed().await;
        Ok(())
    }

    /// A key's secret from the keychain.
    ///
    /// # Errors
    /// If the keychain does not return it.
    pub async fn key_secret(&self, id: &str) -> Result<Key, ViewError> {
        let secret = self.0.keys.secret(id).await;
        self.keys_changed().await;
        Ok(secret?)
    }

    /// Shows the automatically created key once, if it is not in a keychain.
    ///
    /// # Errors
    /// If it was shown before.
    pub async fn show_key(&self, id: &str) -> Result<NewKey, ViewError> {
        let shown = self.0.keys.show(id).await?;
        self.notify(Change::Keys);
        Ok(shown)
    }

    /// Revokes a key, from the next request on. Returns a sentence for the user if the secret, now useless, is still in the
    /// keychain.
    ///
    /// # Errors
    /// If there is no such key, or the key file cannot be written.
    pub async fn revoke_key(&self, id: &str) -> Result<Option<String>, ViewError> {
        let revoked = self.0.keys.revoke(id).await?;
        self.forget_revoked_keys().await;
        self.keys_changed().await;
        Ok(revoked)
    }

    /// The recipes, with the key masked.
    ///
    /// # Errors
    /// If the key file cannot be used.
    pub async fn recipes(&self, key_id: Option<&str>, url: Option<&str>) -> Result<Vec<Recipe>, ViewError> {
        let (input, _) = self.recipe_input(key_id, url).await?;
        Ok(pairing::recipes(&input))
    }

    /// One piece of a recipe with the real key, for the clipboard.
    ///
    /// # Errors
    /// If the keychain does not return the key.
    pub async fn recipe_text(
        &self,
        recipe: &str,
        index: usize,
        key_id: Option<&str>,
        url: Option<&str>,
    ) -> Result<RecipeText, ViewError> {
        let (input, id) = self.recipe_input(key_id, url).await?;
        let recipes = pairing::recipes(&input);
        let piece =
            recipes.iter().find(|known| known.id == recipe).and_then(|recipe| recipe.pieces.get(index));
        let piece =
            piece.ok_or_else(|| ViewError::new("Nothing to copy here. Open Connect again and retry."))?;
        // Avoids a keychain prompt for text without the key.
        let secret = match (&input.key, id) {
            (ShownKey::Masked(shown), Some(id)) if piece.text.contains(shown) => {
                Some(self.key_secret(&id).await?)
            }
            _ => None,
        };
        let text = pairing::piece_text(recipe, index, &input, secret.as_ref())
            .ok_or_else(|| ViewError::new("Create a key under Keys first."))?;
        Ok(if secret.is_some() { RecipeText::Secret(text) } else { RecipeText::Plain(text) })
    }

    /// The base URL and the key of a recipe in one, for the clipboard; without a recipe, the usual ones.
    ///
    /// # Errors
    /// If the keychain does not return the key.
    pub async fn both_text(
        &self,
        recipe: Option<&str>,
        key_id: Option<&str>,
        url: Option<&str>,
    ) -> Result<RecipeText, ViewError> {
        let (input, id) = self.recipe_input(key_id, url).await?;
        let secret = match (&input.key, id) {
            (ShownKey::Masked(_), Some(id)) => Some(self.key_secret(&id).await?),
            _ => None,
        };
        let text = pairing::both_text(recipe, &input, secret.as_ref())
            .ok_or_else(|| ViewError::new("Create a key under Keys first."))?;
        Ok(if secret.is_some() { RecipeText::Secret(text) } else { RecipeText::Plain(text) })
    }

    /// The ids of the recipes whose apps are on this computer.
    pub async fn installed_apps(&self) -> Vec<String> {
        let environment = self.0.environment.clone();
        // A folder may be on a slow network drive.
        let found = tokio::task::spawn_blocking(move || pairing::installed(&environment)).await;
        found.unwrap_or_default()
    }

    /// Makes the same requests as Open WebUI, with a key and for the place of a recipe, and reports each result.
    ///
    /// # Errors
    /// If the proxy is stopped, or the keychain does not return the key.
    pub async fn check_connection(
        &self,
        recipe: &str,
        key_id: Option<&str>,
        mut report: impl FnMut(CheckStep),
    ) -> Result<(), ViewError> {
        let (running, mut target) = self.target()?;
        let (input, id) = self.recipe_input(key_id, None).await?;
        let keys = self.0.keys.rows().await?;
        let key = keys.iter().find(|row| Some(&row.id) == id.as_ref());
        match key {
            _ if input.key == ShownKey::NotNeeded => target.key = None,
            Some(row) if row.can_copy => target.key = Some(self.key_secret(&row.id).await?),
            Some(row) => report(CheckStep {
                what: format!("Key {} exists", row.name),
                ok: true,
                detail: "It isn't in the keychain, so the window's own key is used.".to_owned(),
                ms: 0,
            }),
            None => {}
        }
        let containers = match (pairing::unreachable_by_containers(recipe, &input), running.bridge()) {
            (Some(why), _) => Containers::Unreachable(why),
            (None, Some(bridge)) if recipe == "openWebUiDocker" => Containers::At(bridge),
            (None, _) => Containers::NotNeeded,
        };
        pairing::check(&target, containers, None, report).await;
        Ok(())
    }

    /// Makes the request of Open WebUI's page for images, with a key. It costs a picture of the account's limit.
    ///
    /// # Errors
    /// If the proxy is stopped, or the keychain does not return the key.
    pub async fn check_picture(&self, key_id: Option<&str>) -> Result<PictureCheck, ViewError> {
        let (_, mut target) = self.target()?;
        let (input, id) = self.recipe_input(key_id, None).await?;
        let keys = self.0.keys.rows().await?;
        match keys.iter().find(|row| Some(&row.id) == id.as_ref()) {
            _ if input.key == ShownKey::NotNeeded => target.key = None,
            Some(row) if row.can_copy => target.key = Some(self.key_secret(&row.id).await?),
            // The window's own.
            _ => {}
        }
        Ok(pairing::check_picture(&target).await)
    }

    /// The addresses that apps may use: those for other devices first, if they can connect, then the one on this computer.
    pub(super) fn hosts(&self) -> Vec<Ipv4Addr> {
        let everywhere = self.0.settings.current().listen == Listen::Everywhere;
        let lan = if everywhere { (self.0.lan)() } else { Vec::new() };
        lan.into_iter().chain([Ipv4Addr::LOCALHOST]).collect()
    }

    /// The running proxy, and where the window sends its requests.
    pub(super) fn target(&self) -> Result<(Running, Target), ViewError> {
        let running = self.running().filter(|running| !running.addresses.is_empty());
        let running =
            running.ok_or_else(|| ViewError::new("The proxy is stopped. Start it at the bottom left."))?;
        let mut address = running.addresses[0];
        if address.ip().is_unspecified() {
            address.set_ip(std::net::Ipv4Addr::LOCALHOST.into());
        }
        let target = Target { address, key: Some(self.0.window_key.clone()) };
        Ok((running, target))
    }

    pub(super) async fn recipe_input(
        &self,
        key_id: Option<&str>,
        url: Option<&str>,
    ) -> Result<(RecipeInput, Option<String>), ViewError> {
        let stored = self.0.settings.current();
        let keys = self.0.keys.rows().await?;
        let key = match key_id {
            Some(id) => keys.iter().find(|row| row.id == id),
            None => keys.first(),
        };
        let shown = match key {
            _ if !self.overview().keys_needed => ShownKey::NotNeeded,
            Some(row) => ShownKey::masked(&row.last_four),
            None => ShownKey::Missing,
        };
        let listen = match self.running() {
            // The bridge is there, but its port is taken.
            Some(running) if running.bridge().is_some_and(|bridge| running.missing.contains(&bridge)) => {
                Listen::Loopback
            }
            _ => stored.listen,
        };
        let limits = key.map(|row| row.limits.clone()).unwrap_or_default();
        let known = self.models().await.into_iter().map(|model| model.id);
        let mut models: Vec<String> = known.filter(|id| limits.allows_model(id)).collect();
        let plain = limits.plain_models_only || !limits.allows_model(EXAMPLE_MODEL);
        let model = models.first().filter(|_| plain).map_or(EXAMPLE_MODEL, String::as_str).to_owned();
        let key_id = key.map(|row| row.id.as_str()).unwrap_or_default();
        let folders = stored.proxy.folders.iter().filter(|folder| folder.is_seen_by(key_id));
        let folders = folders.map(FolderModel::id).filter(|id| limits.allows_model(id));
        models.extend(folders.filter(|_| !limits.plain_models_only));
        let port = stored.proxy.port.get();
        let hosts = self.hosts();
        let chosen = hosts.iter().find(|host| url == Some(base_url(**host, port).as_str()));
        let input = RecipeInput {
            host: chosen.or(hosts.first()).copied().unwrap_or(Ipv4Addr::LOCALHOST),
            port,
            listen,
            docker: self.docker(),
            key: shown,
            platform: Platform::current(),
            model,
            models,
        };
        Ok((input, key.map(|row| row.id.clone())))
    }

    pub(super) async fn keys_changed(&self) {
        let state = self.0.keys.state().await;
        *self.0.keychain.lock() = state;
        self.notify(Change::Keys);
        self.0.refresh.notify_one();
    }
}
