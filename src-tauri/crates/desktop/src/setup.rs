//! Installs codex for a first start: chooses a package manager, runs it, and explains a failure.
//!
//! npm comes first, since it works on every system and installs without administrator rights. Homebrew and winget follow; both
//! were tested with stand-ins only.

mod advice;
mod install;
mod method;
mod types;

pub use install::{Failure, install};
pub use method::{Method, Methods, find, managers};
pub use types::{FirstApp, InstallView, SetupStep, SetupView};
