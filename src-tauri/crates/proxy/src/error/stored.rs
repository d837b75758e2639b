//! Errors of stored objects and of lists.

use axum::http::StatusCode;

use super::{ApiError, shown};

impl ApiError {
    /// The chat completion is not stored, or belongs to another key.
    pub(crate) fn chat_not_found(id: &str) -> Self {
        let message = format!(
            "The chat completion {:?} does not exist. Only those created with store: true are kept, for a limited time.",
            shown(id)
        );
        Self::new(StatusCode::NOT_FOUND, "chat_completion_not_found", message).param("completion_id")
    }

    /// The conversation does not exist, or belongs to another key.
    pub(crate) fn conversation_not_found(id: &str) -> Self {
        let message = format!(
            "Conversation with id {:?} not found. Conversations are kept for a limited time.",
            shown(id)
        );
        Self::new(StatusCode::NOT_FOUND, "conversation_not_found", message).param("conversation")
    }

    /// The conversation has no such item.
    pub(crate) fn item_not_found(id: &str) -> Self {
        let message = format!("Item with id {:?} not found in the conversation.", shown(id));
        Self::new(StatusCode::NOT_FOUND, "item_not_found", message).param("item_id")
    }

    /// A response is being added to the conversation. These are OpenAI's words.
    pub(crate) fn conversation_locked() -> Self {
        let message =
            "Another process is currently operating on this conversation. Please retry in a few seconds.";
        Self::new(StatusCode::BAD_REQUEST, "conversation_locked", message).param("conversation").loggable()
    }

    /// A request continues both a response and a conversation.
    pub(crate) fn response_and_conversation() -> Self {
        let message =
            "Mutually exclusive parameters: previous_response_id and conversation. Send only one of them.";
        Self::new(StatusCode::BAD_REQUEST, "mutually_exclusive_parameters", message)
            .param("previous_response_id")
            .loggable()
    }

    /// The error with the name that a conversation's items have.
    pub(crate) fn of_conversations(mut self) -> Self {
        let rename = |param: String| match param.strip_prefix("input") {
            Some(rest) => format!("items{rest}"),
            None => param,
        };
        self.param = self.param.map(rename);
        if let Some(rest) = self.message.strip_prefix("input[") {
            self.message = format!("items[{rest}");
        }
        self
    }

    /// The entry after which a list should go on is not in it.
    pub(crate) fn no_such_entry(id: &str) -> Self {
        Self::invalid("after", format!("The list has no entry {:?}.", shown(id)))
    }
}
