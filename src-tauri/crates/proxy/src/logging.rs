//! What both programs need to log and to end: log files, log lines, signals.

pub mod files;
pub mod line;
pub mod signals;
