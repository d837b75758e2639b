//! The Responses API: what a client sends, the response, and the events of its stream.

pub(crate) mod event;
pub(crate) mod item;
pub(crate) mod request;
pub(crate) mod response;
