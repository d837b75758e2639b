//! What the window and `codex-proxyd approvals` show and answer.

use std::collections::BTreeMap;

use codex_client::{FormField, InputQuestion};
use serde::{Deserialize, Serialize};

use crate::changes::FileAction;

/// A question of codex that waits for its owner. Every text is visible as it is: what cannot be seen is escaped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "bindings", derive(ts_rs::TS), ts(export))]
#[serde(rename_all = "camelCase")]
pub struct Approval {
    /// Its id, to answer it by.
    pub id: String,
    /// The id of the request in the request log.
    pub request: String,
    /// The name of the API key.
    pub key: String,
    /// The app, as its `User-Agent` says.
    pub client: String,
    /// The requested model.
    pub model: String,
    /// The folder codex works in.
    pub folder: String,
    /// Why, as the model says.
    pub reason: Option<String>,
    /// When codex asked, in Unix milliseconds.
    pub asked_at: u64,
    /// When it is denied without an answer, in Unix milliseconds.
    pub expires_at: u64,
    /// Whether it can be allowed from now on.
    pub can_remember: bool,
    /// What codex asks.
    pub question: ApprovalQuestion,
}

/// What codex asks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "bindings", derive(ts_rs::TS), ts(export))]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum ApprovalQuestion {
    /// To run a command.
    Command {
        /// The command line that would run.
        command: String,
        /// Whether it would run outside the sandbox, with all rights of the user.
        outside_sandbox: bool,
        /// What it would be allowed beyond that, a line each.
        also: Vec<String>,
    },
    /// To change files.
    FileChange {
        /// The changes.
        files: Vec<FileToChange>,
        /// The folder that codex could change from then on.
        folder_granted: Option<String>,
    },
    /// For more permissions.
    Permissions {
        /// What for, a line each.
        wants: Vec<String>,
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
        /// What it is about.
        message: String,
        /// The fields.
        fields: Vec<FormField>,
    },
    /// To open an address of an MCP server.
    Url {
        /// The server.
        server: String,
        /// What it is about.
        message: String,
        /// The address.
        url: String,
    },
}

/// A file that codex wants to change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "bindings", derive(ts_rs::TS), ts(export))]
#[serde(rename_all = "camelCase")]
pub struct FileToChange {
    /// Its path; of a renamed one, both with an arrow between them.
    pub path: String,
    /// How it would change.
    pub what: FileAction,
    /// The change as a unified diff, or the text of a new or deleted file.
    pub diff: String,
}

/// The owner's answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "bindings", derive(ts_rs::TS), ts(export))]
#[serde(tag = "answer", rename_all = "camelCase")]
pub enum ApprovalAnswer {
    /// Allows it this once.
    AllowOnce,
    /// Allows it, and remembers that for the same command, folder and key.
    AllowFromNowOn,
    /// Denies it. codex goes on without.
    Deny,
    /// Denies it and ends the answer.
    DenyAndStop,
    /// Answers questions or fills in a form.
    Values {
        /// The values by question id or field name.
        values: BTreeMap<String, Vec<String>>,
    },
}

/// A command that runs without asking, for one key in one folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "bindings", derive(ts_rs::TS), ts(export))]
#[serde(rename_all = "camelCase")]
pub struct ApprovalRule {
    /// Its id, to remove it by.
    pub id: String,
    /// The command line, with what cannot be seen escaped.
    pub command: String,
    /// The folder it runs in.
    pub folder: String,
    /// The name of the API key.
    pub key: String,
    /// When it was allowed, in Unix seconds.
    pub created: u64,
}
