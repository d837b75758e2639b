//! A turn as data: its handle, its events and its phase. The task behind it is in `session`.

mod citations;
mod event_queue;
mod questions;
mod reader;
mod registry;
mod tool_calls;

pub use event_queue::Turn;
pub(crate) use event_queue::{Activity, Sender, event_queue};
pub(crate) use questions::Questions;
pub(crate) use reader::TurnReader;
#[cfg(test)]
pub(crate) use registry::STALLED_RESPONSE_TIMEOUT;
pub(crate) use registry::{AnswerOutcome, Phase, TurnRegistry, TurnSlot};
pub(crate) use tool_calls::ToolCalls;
