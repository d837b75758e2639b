//! The Responses API behind its routes: running responses, the events that are kept of them, and their background.

pub(super) mod background;
mod driver;
pub(super) mod engine;
pub(super) mod event_log;
pub(super) mod running;
pub(super) mod truncation;
