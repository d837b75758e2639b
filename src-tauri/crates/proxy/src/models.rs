//! Which models there are, which of them is small, and the codex behind each kind.

pub mod backends;
pub mod catalog;
pub mod smallest;
