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

    /// The entry after which a list should go on is not in it.
    pub(crate) fn no_such_entry(id: &str) -> Self {
        Self::invalid("after", format!("The list has no entry {:?}.", shown(id)))
    }
}
