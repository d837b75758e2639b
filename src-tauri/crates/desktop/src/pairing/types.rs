//! Recipes, the connection check and the playground.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// A recipe of the connect view, with a masked key. Copying fills in the real one outside the window.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct Recipe {
    /// `openWebUi`, `openWebUiDocker`, `openWebUiDockerDesktop`, an app of the table, `curl`, `python`, `node`, `other`.
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
    /// Whether this is the likely place of an app with several recipes.
    pub suggested: bool,
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
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, TS)]
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

/// The check of pictures.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct PictureCheck {
    /// How it went.
    pub step: CheckStep,
    /// The picture, in base64.
    pub picture: Option<String>,
}

/// A conversation that awaits an answer.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct ChatRequest {
    /// The model.
    pub model: String,
    /// The messages, oldest first.
    pub messages: Vec<ChatMessage>,
}

/// A message of a conversation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct ChatMessage {
    /// Who wrote it.
    pub role: ChatRole,
    /// The text.
    pub content: String,
}

/// Who wrote a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub enum ChatRole {
    /// The system prompt.
    System,
    /// A prompt.
    User,
    /// An answer.
    Assistant,
}

/// What to write a request in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub enum CodeLanguage {
    /// A command for the system's shell.
    Curl,
    /// The OpenAI package for Python.
    Python,
    /// The OpenAI package for Node.
    Node,
}

/// Progress of an answer in the playground.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "kind")]
#[ts(export)]
pub enum PlaygroundEvent {
    /// Part of the reasoning summary.
    Reasoning {
        /// The text.
        text: String,
    },
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
        /// The usage; `None` if upstream did not report it.
        usage: Option<TokenCounts>,
    },
    /// It failed.
    Failed {
        /// Why, and what to do.
        message: String,
    },
}

/// The tokens of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct TokenCounts {
    /// Input tokens.
    pub input: u64,
    /// Output tokens, with those of reasoning.
    pub output: u64,
    /// Reasoning tokens.
    pub reasoning: u64,
}
