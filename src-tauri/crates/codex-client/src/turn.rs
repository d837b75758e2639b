//! One run of the model.

pub(crate) mod event_queue;
pub(crate) mod handle;
pub(crate) mod reader;
pub(crate) mod registry;
pub(crate) mod tool_calls;
