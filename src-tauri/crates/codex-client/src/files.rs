//! Files on disk: tell one version of a file from another, and replace a file whole.

mod replace;
mod stamp;

pub use replace::replace_file;
pub(crate) use replace::replace_file_unsynced;
pub use stamp::FileStamp;
