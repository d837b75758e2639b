//! The available models, the smallest of them, and the codex process for each kind.

pub mod backends;
pub(crate) mod catalog;
pub(crate) mod efforts;
pub(crate) mod entries;
pub(crate) mod ids;
mod named_folder;
pub(crate) mod place;
pub(crate) mod smallest;

pub use crate::settings::CODEX_LOCAL;
pub use catalog::is_agent;
