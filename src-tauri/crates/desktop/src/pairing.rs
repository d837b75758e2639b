//! What the Connect and Status views need to bring a client and the proxy together: recipes to copy, a check that makes the
//! requests of Open WebUI, and a test prompt.
//!
//! The recipes are text made of plain values. The check and the test prompt go through the real HTTP server, over a socket
//! and with a real key, since an answer that took a shorter way would prove nothing to a client.
//!
//! Deliberately not here: which address the proxy listens on and which key is used (the caller says), the key's way from the
//! keychain to the clipboard, and any look into a container. What only the container can see, such as its `--add-host`, is
//! said as a sentence and not tested.

mod chat;
mod check;
mod client;
mod code;
mod docker;
mod error;
mod input;
mod open_webui;
mod quote;
mod recipes;
mod test_prompt;
mod types;

pub use check::check;
pub use client::Target;
pub use docker::{BRIDGE_NAME, Docker, find, listen_choices};
pub use input::{CANNOT_REACH_LOCALHOST, Platform, RecipeInput, ShownKey};
pub use recipes::{piece_text, recipes};
pub use test_prompt::run as test_prompt;
pub use types::{CheckStep, Recipe, RecipePiece, TestPromptEvent};
