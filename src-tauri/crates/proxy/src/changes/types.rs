//! What the window shows of an answer's changes.

use serde::{Deserialize, Serialize};

/// What changed in the working folder while an answer was generated.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "bindings", derive(ts_rs::TS), ts(export))]
#[serde(rename_all = "camelCase")]
pub struct Changes {
    /// The working folder.
    pub folder: String,
    /// The files, sorted by path; at most 1,000.
    pub files: Vec<ChangedFile>,
    /// The number of all changed files.
    pub count: u32,
    /// The changes as a git patch, at most 1 MiB long. Whole files are left out at the end.
    pub diff: String,
    /// Whether files were left out of `diff`.
    pub diff_cut: bool,
    /// Whether they can be undone.
    pub undo: UndoState,
}

/// Files listed of one answer.
pub(super) const MAX_FILES: usize = 1000;

/// Maximum length of the patch of one answer.
pub(super) const MAX_DIFF_BYTES: usize = 1024 * 1024;

/// A changed file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "bindings", derive(ts_rs::TS), ts(export))]
#[serde(rename_all = "camelCase")]
pub struct ChangedFile {
    /// Its path in the working folder, with `/` between the parts.
    pub path: String,
    /// What happened to it.
    pub what: FileAction,
    /// Its former path, if it was renamed.
    pub from: Option<String>,
    /// Lines added; 0 in a binary file.
    pub added: u32,
    /// Lines removed; 0 in a binary file.
    pub removed: u32,
    /// Whether it is not text.
    pub binary: bool,
    /// Whether it is a symbolic link.
    pub link: bool,
}

/// What happened to a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "bindings", derive(ts_rs::TS), ts(export))]
#[serde(rename_all = "camelCase")]
pub enum FileAction {
    /// It is new.
    Added,
    /// It is gone.
    Deleted,
    /// Its content or its mode changed.
    Changed,
    /// It has another path, and perhaps other content.
    Renamed,
}

/// Whether changes can be undone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "bindings", derive(ts_rs::TS), ts(export))]
#[serde(tag = "state", rename_all = "camelCase")]
pub enum UndoState {
    /// They can be undone.
    Possible,
    /// They have been undone, which can be undone too.
    Undone,
    /// They cannot.
    Not {
        /// The reason, a sentence.
        why: String,
    },
}

/// What undoing has done.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "bindings", derive(ts_rs::TS), ts(export))]
#[serde(rename_all = "camelCase")]
pub struct UndoReport {
    /// The paths that are as they were before.
    pub restored: Vec<String>,
    /// The files that were left as they are.
    pub refused: Vec<RefusedFile>,
}

/// A file that was left as it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "bindings", derive(ts_rs::TS), ts(export))]
#[serde(rename_all = "camelCase")]
pub struct RefusedFile {
    /// Its path in the working folder.
    pub path: String,
    /// The reason, a sentence.
    pub why: String,
}

/// Whether changes in a folder can be undone, as known before a turn.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "bindings", derive(ts_rs::TS), ts(export))]
#[serde(rename_all = "camelCase")]
pub struct Coverage {
    /// Whether they can.
    pub covered: bool,
    /// Why not, a sentence.
    pub why: Option<String>,
    /// What is left out even so, a sentence each, such as ignored files.
    pub left_out: Vec<String>,
}

/// Why changes cannot be undone.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UndoError {
    /// There is no snapshot.
    #[error("The snapshot of this answer is no longer there.")]
    Gone,
    /// They have been undone already, or not yet.
    #[error("This has been done already.")]
    AlreadyDone,
    /// A turn runs in the folder.
    #[error("Codex is working in this folder. Try again when it has finished.")]
    Busy,
    /// git is missing.
    #[error("git isn't installed, and changes can't be undone without it.")]
    NoGit,
    /// git or the file system failed.
    #[error("{0}")]
    Failed(String),
}
