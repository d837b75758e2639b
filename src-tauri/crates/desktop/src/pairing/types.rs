//! Recipes, the connection check and the test prompt.

use serde::Serialize;
use ts_rs::TS;

/// A recipe of the connect view. Its text holds the key's place and not the key; copying fills it in outside of the window.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct Recipe {
    /// `openWebUi`, `openWebUiDocker`, `openWebUiDockerDesktop`, `curl`, `python`, `node`, `other`.
    pub id: String,
    /// Its heading.
    pub title: String,
    /// One sentence before the text.
    pub intro: String,
    /// What is to be copied, in pieces, each with a label of its own.
    pub pieces: Vec<RecipePiece>,
    /// A sentence that must be seen, such as that the address cannot be reached yet.
    pub warning: Option<String>,
    /// The setting that makes the warning go away (`listen_on_docker_bridge`).
    pub can_open_docker: bool,
}

/// One piece of a recipe, with a copy button of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct RecipePiece {
    /// What it is: `Base URL`, `Key`, `Command`.
    pub label: String,
    /// The text, with the key as `sk-…abcd`.
    pub text: String,
    /// Whether it is code and keeps its line breaks.
    pub code: bool,
}

/// One step of the connection check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct CheckStep {
    /// What was tried.
    pub what: String,
    /// Whether it worked.
    pub ok: bool,
    /// What came of it, or why it failed and what to do.
    pub detail: String,
    /// How long it took, in milliseconds.
    pub ms: u64,
}

/// What the test prompt tells while it is answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "kind")]
#[ts(export)]
pub enum TestPromptEvent {
    /// A piece of the answer.
    Text {
        /// The piece.
        text: String,
        /// When the first piece came, in milliseconds.
        first_ms: u64,
    },
    /// It is answered.
    Done {
        /// When the first piece came, in milliseconds.
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
