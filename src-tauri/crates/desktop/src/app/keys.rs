//! Keys, and what is filled in with them: the recipes, the check and the test prompt.

use tokio_util::sync::CancellationToken;

use super::{App, Change, said};
use crate::gateway::Running;
use crate::keychain::{KeyLimitsForm, KeyRow, NewKey};
use crate::pairing::{self, CheckStep, Platform, Recipe, RecipeInput, ShownKey, Target, TestPromptEvent};
use crate::request_log::ExchangeQuery;
use crate::view::{Listen, ViewError};
use proxy::Key;
use proxy::unix_now;

/// The model that examples and the test prompt name: it is always there.
const EXAMPLE_MODEL: &str = proxy::models::CODEX_LOCAL;

impl App {
    /// The keys, in the order in which they were made.
    ///
    /// # Errors
    /// When the file of keys cannot be used.
    pub async fn keys(&self) -> Result<Vec<KeyRow>, ViewError> {
        let mut rows = self.0.keys.rows().await?;
        for row in &mut rows {
            let key = Some(row.name.clone());
            let query = ExchangeQuery { key, limit: Some(1), ..ExchangeQuery::default() };
            if let Some(used) = self.0.request_log.query(query).await.first() {
                row.used(used.at / 1000);
            }
        }
        Ok(rows)
    }

    /// Makes a key, which may do less than the settings allow. Its secret is in the answer, this once.
    ///
    /// # Errors
    /// When the name or the limits will not do, or the file of keys cannot be written.
    pub async fn create_key(&self, name: &str, limits: KeyLimitsForm) -> Result<NewKey, ViewError> {
        let limits = self.checked_limits(limits).await?;
        let made = self.0.keys.create(name, limits, unix_now()).await?;
        self.keys_changed().await;
        Ok(made)
    }

    /// The secret of a key, out of the keychain.
    ///
    /// # Errors
    /// When the keychain does not give it.
    pub async fn key_secret(&self, id: &str) -> Result<Key, ViewError> {
        let secret = self.0.keys.secret(id).await;
        self.keys_changed().await;
        Ok(secret?)
    }

    /// Shows the key that was made at the first start, if no keychain has it and nobody has seen it.
    ///
    /// # Errors
    /// When it was seen already.
    pub async fn show_key(&self, id: &str) -> Result<NewKey, ViewError> {
        let shown = self.0.keys.show(id).await?;
        self.tell(Change::Keys);
        Ok(shown)
    }

    /// Takes a key away, from the next request on. The answer is a sentence for the user when its secret, now worthless, is
    /// still in the keychain.
    ///
    /// # Errors
    /// When there is no such key, or the file of keys cannot be written.
    pub async fn revoke_key(&self, id: &str) -> Result<Option<String>, ViewError> {
        let revoked = self.0.keys.revoke(id).await?;
        self.keys_changed().await;
        Ok(revoked)
    }

    /// The recipes, with the key's place where the key goes.
    ///
    /// # Errors
    /// When the file of keys cannot be used.
    pub async fn recipes(&self, key_id: Option<&str>) -> Result<Vec<Recipe>, ViewError> {
        let (input, _) = self.recipe_input(key_id).await?;
        Ok(pairing::recipes(&input))
    }

    /// One piece of a recipe with the real key, for the clipboard.
    ///
    /// # Errors
    /// When the keychain does not give the key.
    pub async fn recipe_text(
        &self,
        recipe: &str,
        index: usize,
        key_id: Option<&str>,
    ) -> Result<String, ViewError> {
        let (input, id) = self.recipe_input(key_id).await?;
        let recipes = pairing::recipes(&input);
        let piece =
            recipes.iter().find(|known| known.id == recipe).and_then(|recipe| recipe.pieces.get(index));
        let piece = piece.ok_or_else(|| said("There is nothing to copy here."))?;
        // The keychain is only asked when the key is in the text.
        let secret = match (&input.key, id) {
            (ShownKey::Masked(shown), Some(id)) if piece.text.contains(shown) => {
                Some(self.key_secret(&id).await?)
            }
            _ => None,
        };
        pairing::piece_text(recipe, index, &input, secret.as_ref())
            .ok_or_else(|| said("Make a key first, in the Keys view."))
    }

    /// Makes the requests that Open WebUI makes, and says what came of each.
    ///
    /// # Errors
    /// When the proxy does not run.
    pub async fn check_connection(&self) -> Result<Vec<CheckStep>, ViewError> {
        let (running, target) = self.target()?;
        let bridge = match self.0.settings.current().listen {
            Listen::DockerBridge => running.addresses.get(1).or_else(|| running.missing.first()).copied(),
            Listen::Loopback | Listen::Everywhere => None,
        };
        Ok(pairing::check(&target, bridge, None).await)
    }

    /// Sends a prompt through the real server with a real key, and tells what comes. Returns when it is over.
    pub async fn test_prompt(&self, prompt: &str, mut tell: impl FnMut(TestPromptEvent)) {
        let target = match self.target() {
            Ok((_, target)) => target,
            Err(error) => return tell(TestPromptEvent::Failed { message: error.message }),
        };
        let stop = CancellationToken::new();
        // One at a time: a further one ends the one before.
        std::mem::replace(&mut *self.0.test_prompt.lock(), stop.clone()).cancel();
        stop.run_until_cancelled(pairing::test_prompt(&target, EXAMPLE_MODEL, prompt, tell)).await;
    }

    /// Ends a test prompt that runs.
    pub fn stop_test_prompt(&self) {
        self.0.test_prompt.lock().cancel();
    }

    /// What runs, and where the window's own requests go.
    fn target(&self) -> Result<(Running, Target), ViewError> {
        let running = self.running().filter(|running| !running.addresses.is_empty());
        let running = running.ok_or_else(|| said("The proxy is stopped. Start it first."))?;
        let mut address = running.addresses[0];
        if address.ip().is_unspecified() {
            address.set_ip(std::net::Ipv4Addr::LOCALHOST.into());
        }
        let target = Target { address, key: Some(self.0.own_key.clone()) };
        Ok((running, target))
    }

    async fn recipe_input(&self, key_id: Option<&str>) -> Result<(RecipeInput, Option<String>), ViewError> {
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
            // Docker was started after the proxy, or is not there: starting the proxy anew is the way out.
            Some(running) if !running.missing.is_empty() => Listen::Loopback,
            _ => stored.listen,
        };
        let input = RecipeInput {
            port: stored.proxy.port.get(),
            listen,
            docker: pairing::find(&self.0.environment),
            key: shown,
            platform: Platform::current(),
            model: EXAMPLE_MODEL.to_owned(),
            models: self.models().await.into_iter().map(|model| model.id).collect(),
        };
        Ok((input, key.map(|row| row.id.clone())))
    }

    pub(super) async fn keys_changed(&self) {
        let state = self.0.keys.state().await;
        *self.0.keychain.lock() = state;
        self.tell(Change::Keys);
        self.0.renew.notify_one();
    }
}
