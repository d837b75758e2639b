//! What serves a codex before 0.140.

pub(crate) mod exec;
pub(crate) mod exec_args;
pub(crate) mod exec_events;
pub(crate) mod session_file;
pub(crate) mod transcript;
