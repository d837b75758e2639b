//! What codex asks, in full and unshortened. Its texts come from the model: they must be shown with hidden characters made visible.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// A question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Question {
    /// May this command run?
    Command {
        /// Exactly what codex would run.
        command: String,
        /// Its words; empty when `command` cannot be split without ambiguity.
        argv: Vec<String>,
        /// Where it would run.
        folder: PathBuf,
        /// Whether it would run outside the sandbox, with the user's own rights.
        escalates: bool,
        /// What it may do in addition to the sandbox, one line each.
        extra_permissions: Option<String>,
        /// The host it would reach.
        network: Option<String>,
    },
    /// May these files be changed?
    FileChange {
        /// The changes.
        changes: Vec<FileDiff>,
        /// The folder that codex may write to from then on, if it asks for one.
        grant_root: Option<PathBuf>,
    },
    /// May commands of this turn do more than the sandbox allows?
    Permissions {
        /// What they may do, one line each.
        wants: Vec<String>,
        /// The working folder.
        folder: PathBuf,
    },
    /// Questions of the model.
    Input {
        /// The questions.
        questions: Vec<InputQuestion>,
    },
    /// A form of an MCP server.
    Form {
        /// The server.
        server: String,
        /// What it says.
        message: String,
        /// Its fields.
        fields: Vec<FormField>,
    },
    /// A page that an MCP server asks to open.
    Url {
        /// The server.
        server: String,
        /// What it says.
        message: String,
        /// The page.
        url: String,
    },
}

/// One file's change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileDiff {
    /// The file.
    pub path: String,
    /// What happens to it.
    pub kind: FileDiffKind,
    /// The change: a unified diff, or the content of a file that is added or deleted.
    pub diff: String,
}

/// What happens to a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileDiffKind {
    /// It is created.
    Add,
    /// It is deleted.
    Delete,
    /// Its content changes.
    Update,
    /// It is renamed, and its content may change.
    Rename {
        /// The new name.
        to: String,
    },
}

/// A question of the model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "bindings", derive(ts_rs::TS), ts(export))]
#[serde(rename_all = "camelCase")]
pub struct InputQuestion {
    /// Identifies its answer.
    pub id: String,
    /// A few words.
    pub header: String,
    /// The question.
    pub question: String,
    /// Answers to choose from; without any, the answer is a text.
    pub options: Vec<InputOption>,
    /// Whether another answer than the options may be given.
    pub is_other: bool,
    /// Whether the answer must not be shown while it is typed.
    pub is_secret: bool,
}

/// An answer to choose.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "bindings", derive(ts_rs::TS), ts(export))]
#[serde(rename_all = "camelCase")]
pub struct InputOption {
    /// The answer.
    pub label: String,
    /// What it means; may be empty.
    pub description: String,
}

/// A field of a form.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "bindings", derive(ts_rs::TS), ts(export))]
#[serde(rename_all = "camelCase")]
pub struct FormField {
    /// Identifies its value.
    pub name: String,
    /// Its label.
    pub title: String,
    /// What it is for; may be empty.
    pub description: String,
    /// Whether it must be filled in.
    pub required: bool,
    /// What it takes.
    pub input: FormInput,
    /// The values it starts with.
    pub initial: Vec<String>,
}

/// What a field of a form takes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "bindings", derive(ts_rs::TS), ts(export))]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum FormInput {
    /// A text.
    Text,
    /// A number.
    Number,
    /// A whole number.
    Integer,
    /// `true` or `false`.
    Boolean,
    /// One of some options.
    Choice {
        /// The options.
        options: Vec<InputOption>,
    },
    /// Several of some options.
    Choices {
        /// The options.
        options: Vec<InputOption>,
    },
}

impl Question {
    /// About the size of its text in bytes.
    pub(crate) fn text_bytes(&self) -> usize {
        match self {
            Self::Command { command, .. } => command.len(),
            Self::FileChange { changes, .. } => {
                changes.iter().map(|change| change.path.len() + change.diff.len()).sum()
            }
            Self::Permissions { wants, .. } => wants.iter().map(String::len).sum(),
            Self::Input { questions } => questions.iter().map(|question| question.question.len()).sum(),
            Self::Form { message, .. } | Self::Url { message, .. } => message.len(),
        }
    }
}
