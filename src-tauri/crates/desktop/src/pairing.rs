//! Connects apps to the proxy: recipes to copy, a check that makes Open WebUI's requests, and the playground.
//!
//! The check and the playground use the real HTTP server over a socket with a real key, like any app. What only a container can
//! see, such as its `--add-host`, is explained but not tested.

mod apps;
mod chat;
mod check;
mod client;
mod code;
mod docker;
mod error;
mod input;
mod installed;
mod network;
mod open_webui;
mod playground;
mod recipes;
mod types;

pub use crate::shell::Platform;
pub use check::{Containers, check, check_picture};
pub use client::Target;
pub use docker::{BRIDGE_NAME, Docker, bridge, find, listen_choices};
pub use input::{CANNOT_REACH_LOCALHOST, RecipeInput, ShownKey};
pub use installed::installed;
pub use network::lan_addresses;
pub use playground::run as playground;
pub use recipes::{both_text, conversation_code, piece_text, recipes, unreachable_by_containers};
pub use types::{
    ChatMessage, ChatRequest, ChatRole, CheckStep, CodeLanguage, PictureCheck, PlaygroundEvent, Recipe,
    RecipePiece, TokenCounts,
};
