//! Filters on a streaming answer: stop sequences, the token limit, JSON extraction and the reasoning format.
//!
//! Each filter takes deltas and returns what can be sent now, without IO, clock or knowledge of codex. The pipeline
//! orders them.

pub(crate) mod activity;
pub(crate) mod attempts;
pub(crate) mod json;
pub(crate) mod length;
pub(crate) mod pipeline;
pub(crate) mod places;
pub(crate) mod stop;
pub(crate) mod tokens;
