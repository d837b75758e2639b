//! The Responses API: what a client sends, the response, and the events of its stream.

pub mod event;
pub mod item;
pub mod request;
pub mod response;
