//! What an answer changed in the working folder, and its undoing.
//!
//! Before a turn that may write, and after it, the folder is recorded in a git repository of ours in the data folder. The
//! difference is what changed; undoing puts the first state back, file by file. The user's own repository is never touched.

mod store;
mod types;

pub use store::ChangeStore;
pub use types::{ChangedFile, Changes, Coverage, FileAction, RefusedFile, UndoError, UndoReport, UndoState};
