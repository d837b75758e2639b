//! Translates between OpenAI's wire types and codex's turns, in both directions.
//!
//! Pure functions over values, without IO or clock.

pub(crate) mod answer_request;
pub(crate) mod chunks;
pub(crate) mod completions;
mod contents;
pub(crate) mod image_request;
pub(crate) mod images;
pub(crate) mod limits;
pub(crate) mod metadata;
mod offered_tools;
mod open_calls;
pub(crate) mod parameters;
pub(crate) mod request;
pub(crate) mod response_events;
pub(crate) mod responses;
pub(crate) mod schema;
pub(crate) mod stored_chat;
pub(crate) mod tasks;
pub(crate) mod tool_names;
pub(crate) mod tools;

#[cfg(test)]
mod hostile_tests;

/// Whether an error is `invalid_request` rather than `unsupported_parameter`, and the parameter it names.
#[cfg(test)]
fn refused<T: std::fmt::Debug>(result: Result<T, crate::error::ApiError>) -> (bool, String) {
    let error = result.unwrap_err();
    (error.code() == "invalid_request", error.body().error.param.unwrap())
}

/// The bytes of a stream of these events.
#[cfg(test)]
fn wire(events: Vec<axum::response::sse::Event>) -> Vec<u8> {
    use axum::response::IntoResponse;
    use futures_util::{FutureExt, StreamExt};
    use http_body_util::BodyExt;
    let events = futures_util::stream::iter(events).map(Ok::<_, std::convert::Infallible>);
    let body = axum::response::sse::Sse::new(events).into_response().into_body();
    body.collect().now_or_never().unwrap().unwrap().to_bytes().to_vec()
}

/// Maximum length of one delta of a tool call's arguments, in bytes: some clients read lines of limited length.
pub(crate) const MAX_ARGUMENTS_DELTA: usize = 4 * 1024;

/// Splits a tool call's arguments, which arrive complete, into deltas of at most [`MAX_ARGUMENTS_DELTA`].
pub(crate) fn argument_deltas(mut arguments: &str) -> impl Iterator<Item = &str> {
    std::iter::from_fn(move || {
        let (delta, rest) = arguments.split_at(arguments.floor_char_boundary(MAX_ARGUMENTS_DELTA));
        arguments = rest;
        Some(delta).filter(|delta| !delta.is_empty())
    })
}

/// Shortens client text for an error message.
pub(crate) fn shorten(word: &str) -> String {
    word.chars().take(40).collect()
}
