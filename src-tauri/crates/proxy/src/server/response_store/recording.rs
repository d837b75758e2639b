//! Moves a running response to the store when it ends.

use std::sync::Arc;

use super::{History, ResponseStore};
use crate::openai::responses::response::Status;
use crate::server::conversations::LockedConversation;
use crate::server::responses::running::RunningResponse;
use crate::store::{Batch, Item};
use crate::translate::responses::output_items;

/// Owns a running response and moves it to the store when it ends. If dropped earlier, its client disconnected or
/// received an error: the response ends as cancelled, and is stored only if its id has been sent.
#[derive(Debug)]
pub(crate) struct Recording {
    running: Arc<RunningResponse>,
    /// What happens at its end; `None` after that, and if nothing does.
    ending: Option<Ending>,
}

/// What happens to a response when it ends.
#[derive(Debug, Default)]
pub(crate) struct Ending {
    /// The conversation up to it.
    pub(crate) before: History,
    /// The items that its request adds.
    pub(crate) added: Vec<Item>,
    /// Where it is stored, unless it is ephemeral.
    pub(crate) store: Option<ResponseStore>,
    /// The conversation that it belongs to.
    pub(crate) conversation: Option<LockedConversation>,
}

impl Recording {
    /// A response of this key, which can be retrieved from now on unless it is ephemeral.
    pub(crate) fn new(running: impl Into<RunningResponse>, key: &str, ending: Ending) -> Self {
        let running = Arc::new(running.into());
        if let Some(store) = &ending.store {
            let id = running.writer().response().id.clone();
            store.begin(key, &id, &running);
        }
        let has_end = ending.store.is_some() || ending.conversation.is_some();
        Self { running, ending: has_end.then_some(ending) }
    }

    /// The running response.
    pub(crate) fn running(&self) -> &Arc<RunningResponse> {
        &self.running
    }

    /// Moves the ended response to the store, and its items to its conversation.
    pub(crate) fn store(&mut self) {
        let Some(Ending { before, added, store, conversation }) = self.ending.take() else { return };
        let (id, model, status, output) = {
            let writer = self.running.writer();
            let response = writer.response();
            (response.id.clone(), response.model.clone(), response.status, output_items(&response.output))
        };
        let batch = Batch { id: id.clone(), items: added.into_iter().chain(output).collect() };
        let batches = [before, vec![Arc::new(batch)]].concat();
        // What was broken off is no part of the conversation: its calls may be incomplete.
        if let Some(conversation) = conversation
            && matches!(status, Status::Completed | Status::Incomplete)
        {
            conversation.replace(&batches);
        }
        if let Some(store) = store {
            store.end(&id, model, self.running.body(), &batches);
        }
    }
}

impl Drop for Recording {
    fn drop(&mut self) {
        self.running.cancel();
        let id_is_sent = self.running.writer().is_id_sent();
        if id_is_sent {
            self.store();
        } else if let Some(Ending { store: Some(store), .. }) = self.ending.take() {
            let id = self.running.writer().response().id.clone();
            store.abandon(&id);
        }
    }
}
