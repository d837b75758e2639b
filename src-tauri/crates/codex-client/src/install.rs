//! Finds the codex binary on this machine.

mod locate;
mod login_shell;

pub use locate::{Found, FoundBy, Search};
