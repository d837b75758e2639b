//! Which models there are, which of them is small, and the codex behind each kind.

pub mod backends;
pub(crate) mod catalog;
pub(crate) mod smallest;

pub use crate::settings::CODEX_LOCAL;
