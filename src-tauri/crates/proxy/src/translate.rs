//! Between OpenAI's wire types and codex's turns, both ways, as pure functions over values.
//!
//! No IO and no clock here: a test is a value in and a value out.

pub mod answer_request;
pub mod chunks;
pub mod completions;
pub mod images;
pub mod limits;
pub mod parameters;
pub mod request;
pub mod response_events;
pub mod responses;
pub mod schema;
pub mod tasks;
pub mod tool_names;
pub mod tools;

#[cfg(test)]
mod hostile_tests;

/// A client's word, short enough for an error message.
#[must_use]
pub fn shorten(word: &str) -> String {
    word.chars().take(40).collect()
}
