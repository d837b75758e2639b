//! The playground: sends conversations, copies them as code, and holds the last ones while the window is closed.

use std::fmt;

use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

use super::{App, RecipeText};
use crate::pairing::{self, ChatRequest, CodeLanguage, PlaygroundEvent, ShownKey};
use crate::view::ViewError;

/// Bytes held of the conversations. The window drops the oldest before it comes near.
const MAX_CONVERSATIONS_BYTES: usize = 8 * 1024 * 1024;

/// What the playground holds in memory, and nowhere else.
#[derive(Default)]
pub(super) struct Playground {
    /// Cancels the running prompt.
    stop: Mutex<CancellationToken>,
    /// The window's conversations, as it serialized them.
    conversations: Mutex<String>,
}

/// Without the conversations.
impl fmt::Debug for Playground {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Playground").finish_non_exhaustive()
    }
}

impl App {
    /// Sends a conversation through the real server with a real key, and passes on the answer as it arrives. Cancels the previous
    /// one.
    pub async fn send_prompt(&self, request: &ChatRequest, mut send: impl FnMut(PlaygroundEvent)) {
        let target = match self.target() {
            Ok((_, target)) => target,
            Err(error) => return send(PlaygroundEvent::Failed { message: error.message }),
        };
        let stop = CancellationToken::new();
        std::mem::replace(&mut *self.0.playground.stop.lock(), stop.clone()).cancel();
        stop.run_until_cancelled(pairing::playground(&target, request, send)).await;
    }

    /// Cancels the running prompt.
    pub fn stop_prompt(&self) {
        self.0.playground.stop.lock().cancel();
    }

    /// A conversation as code, for the clipboard. It has the first key, or a placeholder if that is not in the keychain.
    ///
    /// # Errors
    /// If the key file cannot be used, or the keychain does not return the key.
    pub async fn conversation_code(
        &self,
        language: CodeLanguage,
        request: &ChatRequest,
    ) -> Result<RecipeText, ViewError> {
        let (input, key_id) = self.recipe_input(None, None).await?;
        let keys = self.0.keys.rows().await?;
        let can_copy = keys.iter().any(|row| Some(&row.id) == key_id.as_ref() && row.can_copy);
        let secret = match key_id {
            Some(id) if can_copy && matches!(input.key, ShownKey::Masked(_)) => {
                Some(self.key_secret(&id).await?)
            }
            _ => None,
        };
        let text = pairing::conversation_code(language, request, &input, secret.as_ref());
        Ok(if secret.is_some() { RecipeText::Secret(text) } else { RecipeText::Plain(text) })
    }

    /// The window's conversations as it last left them; empty if it left none.
    #[must_use]
    pub fn conversations(&self) -> String {
        self.0.playground.conversations.lock().clone()
    }

    /// Holds the window's conversations until the app quits. More than a limit are not held.
    pub fn keep_conversations(&self, conversations: String) {
        if conversations.len() <= MAX_CONVERSATIONS_BYTES {
            *self.0.playground.conversations.lock() = conversations;
        }
    }
}
