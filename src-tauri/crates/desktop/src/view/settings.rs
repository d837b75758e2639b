//! The settings view.

pub use proxy::settings::FieldError;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// Who can reach the proxy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub enum Listen {
    /// Apps on this computer.
    #[default]
    Loopback,
    /// Docker containers on this computer too.
    DockerBridge,
    /// Anyone on the network too.
    Everywhere,
}

/// A choice for [`Listen`], with its addresses.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct ListenChoice {
    /// The choice.
    pub listen: Listen,
    /// The addresses to listen on.
    pub addresses: Vec<String>,
    /// Whether it can be chosen; Docker may not be running.
    pub available: bool,
}

/// A model to choose.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct ModelChoice {
    /// The id.
    pub id: String,
    /// The display name.
    pub name: String,
    /// The supported effort levels.
    pub efforts: Vec<String>,
}

/// The result of checking a codex binary.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct CodexCheck {
    /// The path; `None` if there is none.
    pub path: Option<String>,
    /// The version.
    pub version: Option<String>,
    /// What is wrong, in a sentence.
    pub error: Option<String>,
}
