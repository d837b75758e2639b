//! What an answer changed in the working folder, and its undoing.
//!
//! Before a turn that may write, and after it, the folder is recorded in a git repository of ours in the data folder. The
//! difference is what changed; undoing puts the first state back, file by file. The user's own repository is never touched.

mod active;
mod blobs;
mod compare;
mod folder;
mod git;
mod links;
mod patch;
mod prune;
mod record;
mod restore;
mod snapshot;
mod store;
mod types;
mod undo;
mod window;

pub(crate) use git::has_git;
pub use store::ChangeStore;
pub use types::{ChangedFile, Changes, Coverage, FileAction, RefusedFile, UndoError, UndoReport, UndoState};
pub(crate) use window::{Window, from_patch};

#[cfg(test)]
mod tests;
