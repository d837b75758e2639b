//! OpenAI's wire types: lenient in, exact out.
//!
//! Plain data without behaviour: no IO, no clock, nothing of codex. What a request means is decided in `translate`.

pub(crate) mod chat;
pub(crate) mod chunk;
pub(crate) mod completion;
pub(crate) mod conversation;
pub(crate) mod error;
pub(crate) mod images;
mod lenient;
pub(crate) mod list;
pub(crate) mod model;
pub(crate) mod responses;
pub(crate) mod stored_chat;
pub(crate) mod text_completion;
pub(crate) mod text_or;
pub(crate) mod usage;
