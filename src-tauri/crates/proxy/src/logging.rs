//! Log files, log lines and termination signals, for both programs.

pub mod files;
pub mod line;
pub mod signals;
