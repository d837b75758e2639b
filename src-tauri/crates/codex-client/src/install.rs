//! Finds the codex binary on this machine.

pub(crate) mod locate;
pub(crate) mod login_shell;
