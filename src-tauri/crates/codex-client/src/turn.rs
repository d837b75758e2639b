//! One run of the model, as data: its handle, its events, and how far it is. The task behind it is in `session`.

mod event_queue;
mod handle;
mod reader;
mod registry;
mod tool_calls;

#[cfg(test)]
pub(crate) use event_queue::Receiver;
pub(crate) use event_queue::{Sender, Sent, event_queue};
pub use handle::Turn;
pub(crate) use registry::{Answered, Phase, TurnRegistry, TurnSlot};
pub(crate) use tool_calls::ToolCalls;
