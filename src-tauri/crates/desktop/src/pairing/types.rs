//! Recipes, the connection check and the test prompt.

use serde::Serialize;
use ts_rs::TS;

/// A recipe of the connect view, with a masked key. Copying fills in the real one outside the window.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct Recipe {
    /// `openWebUi`, `openWebUiDocker`, `openWebUiDockerDesktop`, `curl`, `python`, `node`, `other`.
    pub id: String,
    /// The heading.
    pub title: String,
    /// The text above the pieces.
    pub intro: String,
    /// What to copy.
    pub pieces: Vec<RecipePiece>,
    /// A warning, such as that containers cannot connect yet.
    pub warning: Option<String>,
    /// Whether `listen_on_docker_bridge` resolves the warning.
    pub can_open_docker: bool,
}

/// One part of a recipe, with a copy button.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct RecipePiece {
    /// The label, such as `Base URL` or `Key`.
    pub label: String,
    /// The text, with the key as `sk-…abcd`.
    pub text: String,
    /// Whether it is code with line breaks.
    pub code: bool,
}

/// One step of the connection check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct CheckStep {
    /// What was checked.
    pub what: String,
    /// Whether it passed.
    pub ok: bool,
    /// The result, or why it failed and what to do.
    pub detail: String,
    /// How long it took, in milliseconds.
    pub ms: u64,
}

/// Progress of the test prompt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "kind")]
#[ts(export)]
pub enum TestPromptEvent {
    /// Part of the answer.
    Text {
        /// The text.
        text: String,
        /// The time to the first token, in milliseconds.
        first_ms: u64,
    },
    /// The answer is complete.
    Done {
        /// The time to the first token, in milliseconds.
        first_ms: u64,
        /// How long it took, in milliseconds.
        total_ms: u64,
        /// The model that answered.
        model: String,
    },
    /// It failed.
    Failed {
        /// Why, and what to do.
        message: String,
    },
}
