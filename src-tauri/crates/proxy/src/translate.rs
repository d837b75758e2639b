//! Between OpenAI's wire types and codex's turns, both ways, as pure functions over values.
//!
//! No IO and no clock here: a test is a value in and a value out.

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
pub mod wanted;

#[cfg(test)]
mod hostile_tests;

/// A request that cannot be served as it is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// A field is missing or wrong.
    #[error("{message}")]
    Invalid {
        /// The field, as a path like `messages[2].content`.
        param: String,
        /// What is wrong, and what would be right.
        message: String,
    },
    /// A parameter asks for something that cannot be given.
    #[error("{message}")]
    Unsupported {
        /// The parameter.
        param: String,
        /// Why not, and what to do instead.
        message: String,
    },
}

impl Refusal {
    /// A field that is missing or wrong.
    #[must_use]
    pub fn invalid(param: &str, message: &str) -> Self {
        Self::Invalid { param: param.to_owned(), message: message.to_owned() }
    }
}

/// A client's word, short enough for an error message.
#[must_use]
pub fn shorten(word: &str) -> String {
    word.chars().take(40).collect()
}
