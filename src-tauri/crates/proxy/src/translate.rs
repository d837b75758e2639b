//! Between OpenAI's wire types and codex's turns, both ways, as pure functions over values.
//!
//! No IO and no clock here: a test is a value in and a value out.

pub(crate) mod answer_request;
pub(crate) mod chunks;
pub(crate) mod completions;
pub(crate) mod images;
pub(crate) mod limits;
pub(crate) mod parameters;
pub(crate) mod request;
pub(crate) mod response_events;
pub(crate) mod responses;
pub(crate) mod schema;
pub(crate) mod tasks;
pub(crate) mod tool_names;
pub(crate) mod tools;

#[cfg(test)]
mod hostile_tests;

/// A client's word, short enough for an error message.
pub(crate) fn shorten(word: &str) -> String {
    word.chars().take(40).collect()
}
