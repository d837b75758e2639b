//! Connects apps to the proxy: recipes to copy, a check that makes Open WebUI's requests, and a test prompt.
//!
//! The check and the test prompt use the real HTTP server over a socket with a real key, like any app. What only a container can
//! see, such as its `--add-host`, is explained but not tested.

mod chat;
mod check;
mod client;
mod code;
mod docker;
mod error;
mod input;
mod open_webui;
mod recipes;
mod test_prompt;
mod types;

pub use crate::shell::Platform;
pub use check::check;
pub use client::Target;
pub use docker::{BRIDGE_NAME, Docker, bridge, find, listen_choices};
pub use input::{CANNOT_REACH_LOCALHOST, RecipeInput, ShownKey};
pub use recipes::{piece_text, recipes};
pub use test_prompt::run as test_prompt;
pub use types::{CheckStep, Recipe, RecipePiece, TestPromptEvent};
