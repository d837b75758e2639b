//! OpenAI's wire types: lenient in, exact out.
//!
//! Plain data without behaviour: no IO, no clock, nothing of codex. What a request means is decided in `translate`.

pub mod chat;
pub mod chunk;
pub mod completion;
pub mod error;
pub mod model;
pub mod responses;
pub mod text_completion;
pub mod text_or;
