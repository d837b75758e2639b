//! What the window is shown and what it may ask, as plain data.
//!
//! `cargo test` writes these types to `ui/src/bindings` by ts-rs; the window imports them from there and from nowhere else. No
//! field holds a key's secret, but the one of [`NewKey`], which is shown once.

mod keys;
mod pairing;
mod requests;
mod settings;
mod status;

use serde::Serialize;
use ts_rs::TS;

pub use keys::{KeyLimitsForm, KeyRow, NewKey};
pub use pairing::{CheckStep, Recipe, RecipePiece, TestPromptEvent};
pub use requests::{ChartBar, ChartBy, ExchangeDetail, ExchangeQuery, ExchangeRow, ExchangeState, Step};
pub use settings::{Applied, CodexCheck, FieldError, Listen, ListenChoice, ModelChoice, SettingsView};
pub use status::{CodexState, CodexView, Fix, KeychainState, Overview, Problem, ProxyState};

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
