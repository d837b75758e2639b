//! The settings as the window shows them, and its errors.

mod settings;

use serde::Serialize;
use ts_rs::TS;

pub use settings::{Applied, CodexCheck, FieldError, Listen, ListenChoice, ModelChoice};

/// An error as the window gets it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct ViewError {
    /// Said to the user.
    pub message: String,
    /// The fields that are wrong, when a form was refused.
    pub fields: Vec<FieldError>,
}

/// What it says of itself, which must be a sentence for users.
impl<E: std::error::Error> From<E> for ViewError {
    fn from(error: E) -> Self {
        Self { message: error.to_string(), fields: Vec::new() }
    }
}
