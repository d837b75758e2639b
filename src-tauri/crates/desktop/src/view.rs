//! The settings and errors as the window shows them.

mod link;
mod settings;

use serde::Serialize;
use ts_rs::TS;

pub use link::openable;
pub use settings::{CodexCheck, FieldError, Listen, ListenChoice, ModelChoice};

/// An error as the window receives it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct ViewError {
    /// A sentence for the user.
    pub message: String,
    /// The invalid fields, if a form was rejected.
    pub fields: Vec<FieldError>,
}

impl ViewError {
    /// An error with a message for the user.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), fields: Vec::new() }
    }

    /// Invalid fields of a form.
    pub(crate) fn invalid(fields: Vec<FieldError>) -> Self {
        let message = match fields.len() {
            1 => "1 setting needs fixing.".to_owned(),
            count => format!("{count} settings need fixing."),
        };
        Self { message, fields }
    }
}

/// The error's text must be a sentence for users.
impl<E: std::error::Error> From<E> for ViewError {
    fn from(error: E) -> Self {
        Self::new(error.to_string())
    }
}
