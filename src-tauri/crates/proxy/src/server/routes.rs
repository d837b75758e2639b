//! The routes, one file each.

pub(super) mod chat;
mod common;
pub(super) mod compact;
pub(super) mod completions;
pub(super) mod conversations;
pub(super) mod docs;
pub(super) mod health;
pub(super) mod images;
pub(super) mod input_items;
pub(super) mod input_tokens;
mod key_rules;
pub(super) mod metrics;
pub(super) mod models;
pub(super) mod responses;
pub(super) mod stored_chats;
pub(super) mod task_model;
pub(super) mod turns;
pub(super) mod usage;
