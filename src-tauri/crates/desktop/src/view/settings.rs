//! The settings view.

pub use proxy::settings::FieldError;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// Who can reach the proxy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub enum Listen {
    /// Programs on this machine.
    #[default]
    Loopback,
    /// And containers of Docker on it.
    DockerBridge,
    /// And everybody in the same network.
    Everywhere,
}

/// A choice of who can reach the proxy, with its addresses.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct ListenChoice {
    /// The choice.
    pub listen: Listen,
    /// Its addresses.
    pub addresses: Vec<String>,
    /// Whether it can be chosen on this machine; Docker may not be there.
    pub available: bool,
}

/// A model to choose.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct ModelChoice {
    /// Its id.
    pub id: String,
    /// The name that people read.
    pub name: String,
    /// The efforts that it knows.
    pub efforts: Vec<String>,
}

/// A codex binary that was looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct CodexCheck {
    /// Where it is; `None` when there is none.
    pub path: Option<String>,
    /// Its version.
    pub version: Option<String>,
    /// What is wrong, in a sentence.
    pub error: Option<String>,
}

/// What came of a change of settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub enum Applied {
    /// It counts already.
    AtOnce,
    /// The running proxy was started again for it; answers that are being written finish first.
    Restarted,
    /// The proxy does not run, and has it when it is started.
    AtNextStart,
}
