//! Keeps an answer whole where upstream breaks off and codex asks again.
//!
//! Unless the answer is streamed, events are held until codex reports that they stay, and dropped when it asks again. A
//! stream has sent them already: what the next attempt repeats is dropped, and where it differs the answer is cut.

use std::collections::VecDeque;
use std::ops::ControlFlow;

use codex_client::{Citation, Incomplete, Item, ItemEvent, ToolCall, Usage};

use super::activity;
use super::pipeline::{AnswerPipeline, PipelineConfig, Unchecked};
use crate::error::Failure;
use crate::event::AnswerEvent;

/// The delta that separates two parts of the reasoning.
const BETWEEN_PARTS: &str = "\n\n";

/// The pipeline of one answer, and what its current attempt has added.
#[derive(Debug)]
pub(crate) struct Attempts {
    pipeline: AnswerPipeline,
    /// The pipeline at the last checkpoint.
    before: AnswerPipeline,
    attempt: Attempt,
}

/// What was added since the last checkpoint.
#[derive(Debug)]
enum Attempt {
    Held(VecDeque<AnswerEvent>),
    Streamed {
        text: Sent,
        reasoning: Sent,
        /// Whether the client has got any of it.
        begun: bool,
    },
}

/// Text that the client has, and how much of it the current attempt has repeated: all, unless codex has asked again.
#[derive(Debug, Default)]
struct Sent {
    sent: String,
    repeated: usize,
}

impl Sent {
    /// The new part of a delta; `None` where it differs from what was sent.
    fn push<'a>(&mut self, delta: &'a str) -> Option<&'a str> {
        let rest = self.sent.get(self.repeated..).unwrap_or_default();
        if rest.starts_with(delta) {
            self.repeated += delta.len();
            return Some("");
        }
        let new = delta.strip_prefix(rest)?;
        self.sent.push_str(new);
        self.repeated = self.sent.len();
        Some(new)
    }

    fn is_repeating(&self) -> bool {
        self.repeated < self.sent.len()
    }
}

impl Attempts {
    pub(crate) fn new(config: PipelineConfig, streamed: bool) -> Self {
        let pipeline = AnswerPipeline::new(config);
        Self { before: pipeline.clone(), pipeline, attempt: Attempt::new(streamed) }
    }

    /// Handles a text delta. Breaks where the answer ends; the caller then interrupts the turn.
    pub(crate) fn push_text(&mut self, delta: &str, out: &mut VecDeque<AnswerEvent>) -> ControlFlow<()> {
        let length = out.len();
        let flow = match &mut self.attempt {
            Attempt::Held(held) => {
                let flow = self.pipeline.push_text(delta, held);
                if flow.is_break() {
                    out.append(held);
                }
                return flow;
            }
            // Such text is not sent.
            Attempt::Streamed { .. } if self.pipeline.requires_call() => ControlFlow::Continue(()),
            Attempt::Streamed { text, .. } => match text.push(delta) {
                Some("") => ControlFlow::Continue(()),
                Some(new) => self.pipeline.push_text(new, out),
                None => {
                    out.push_back(AnswerEvent::Ended(Err(Failure::Cut)));
                    ControlFlow::Break(())
                }
            },
        };
        self.attempt.has_begun(out.len() > length);
        flow
    }

    /// Handles a delta of the reasoning summary. Another attempt may reason differently.
    pub(crate) fn push_reasoning(&mut self, delta: &str, out: &mut VecDeque<AnswerEvent>) {
        let length = out.len();
        match &mut self.attempt {
            Attempt::Held(held) => self.pipeline.push_reasoning(delta, held),
            // It would be sent in the middle of the text.
            Attempt::Streamed { text, reasoning, .. } if text.is_repeating() => {
                *reasoning = Sent::default();
            }
            Attempt::Streamed { reasoning, .. } => match reasoning.push(delta) {
                Some("") => {}
                Some(new) => self.pipeline.push_reasoning(new, out),
                None => {
                    reasoning.sent.truncate(reasoning.repeated);
                    reasoning.sent.push_str(delta);
                    reasoning.repeated = reasoning.sent.len();
                    self.pipeline.push_reasoning(BETWEEN_PARTS, out);
                    self.pipeline.push_reasoning(&reasoning.sent, out);
                }
            },
        }
        self.attempt.has_begun(out.len() > length);
    }

    /// Handles the citations of a message, whose text has been pushed.
    pub(crate) fn push_citations(&mut self, citations: Vec<Citation>, out: &mut VecDeque<AnswerEvent>) {
        match &mut self.attempt {
            Attempt::Held(held) => self.pipeline.push_citations(citations, held),
            Attempt::Streamed { .. } => self.pipeline.push_citations(citations, out),
        }
    }

    /// Adds an action codex took to the reasoning; a web search to the answer, if the request wants it there.
    pub(crate) fn push_item(&mut self, item: &ItemEvent, out: &mut VecDeque<AnswerEvent>) {
        match item {
            ItemEvent::WebSearch(call) if self.pipeline.has_search_items() => match &mut self.attempt {
                Attempt::Held(held) => held.push_back(AnswerEvent::Searched(call.clone())),
                Attempt::Streamed { begun, .. } => {
                    *begun = true;
                    out.push_back(AnswerEvent::Searched(call.clone()));
                }
            },
            ItemEvent::WebSearch(call) if !call.ended => {}
            _ => self.push_activity(&activity::reasoning_line(item), out),
        }
    }

    /// Adds a line about what codex does, or waits for, to the reasoning.
    pub(crate) fn push_activity(&mut self, line: &str, out: &mut VecDeque<AnswerEvent>) {
        let length = out.len();
        match &mut self.attempt {
            Attempt::Held(held) => self.pipeline.push_activity(line, held),
            Attempt::Streamed { text, .. } if text.is_repeating() => {}
            Attempt::Streamed { .. } => self.pipeline.push_activity(line, out),
        }
        self.attempt.has_begun(out.len() > length);
    }

    /// Adds a picture, which codex does not generate again.
    pub(crate) fn push_picture(&mut self, event: AnswerEvent, out: &mut VecDeque<AnswerEvent>) {
        match &mut self.attempt {
            Attempt::Held(held) => held.push_back(event),
            Attempt::Streamed { .. } => out.push_back(event),
        }
        self.attempt.has_begun(true);
    }

    /// Adds a call of a client's tool.
    pub(crate) fn push_call(&mut self, call: ToolCall) {
        self.pipeline.push_call(call);
    }

    /// Takes the calls back, for the model to make them again in another turn. Returns the items that tell it so.
    pub(crate) fn reject_calls(&mut self, reason: &str) -> Vec<Item> {
        let items = self.pipeline.reject_calls(reason);
        self.before = self.pipeline.clone();
        self.attempt = Attempt::new(matches!(self.attempt, Attempt::Streamed { .. }));
        items
    }

    /// Whether a required call has not been made.
    pub(crate) fn lacks_required_call(&self) -> bool {
        self.pipeline.lacks_required_call()
    }

    /// Everything so far stays. Breaks where the answer is cut.
    pub(crate) fn checkpoint(&mut self, out: &mut VecDeque<AnswerEvent>) -> ControlFlow<()> {
        match &mut self.attempt {
            Attempt::Held(held) => out.append(held),
            Attempt::Streamed { text, .. } if text.is_repeating() => {
                out.push_back(AnswerEvent::Ended(Err(Failure::Cut)));
                return ControlFlow::Break(());
            }
            attempt @ Attempt::Streamed { .. } => *attempt = Attempt::new(true),
        }
        self.before = self.pipeline.clone();
        ControlFlow::Continue(())
    }

    /// codex asks again: what came since the last checkpoint does not count.
    pub(crate) fn retry(&mut self) {
        match &mut self.attempt {
            Attempt::Streamed { text, reasoning, begun: true } => {
                (text.repeated, reasoning.repeated) = (0, 0);
                return;
            }
            attempt @ Attempt::Streamed { .. } => *attempt = Attempt::new(true),
            Attempt::Held(held) => held.clear(),
        }
        self.pipeline = self.before.clone();
    }

    /// Handles the end of a successful turn. Returns the answer if it must be validated before it can end.
    pub(crate) fn finish(
        &mut self,
        usage: Option<Usage>,
        out: &mut VecDeque<AnswerEvent>,
    ) -> Result<Option<Unchecked>, Failure> {
        match &mut self.attempt {
            Attempt::Held(held) => out.append(held),
            Attempt::Streamed { text, .. } if text.is_repeating() => return Err(Failure::Cut),
            Attempt::Streamed { .. } => {}
        }
        self.pipeline.finish(usage, out)
    }

    /// Ends an answer that upstream ended early. It is not validated.
    pub(crate) fn finish_incomplete(
        &mut self,
        incomplete: Incomplete,
        usage: Option<Usage>,
        out: &mut VecDeque<AnswerEvent>,
    ) {
        if let Attempt::Held(held) = &mut self.attempt {
            out.append(held);
        }
        self.pipeline.finish_incomplete(incomplete, usage, out);
    }

    /// Ends an answer that passed validation.
    pub(crate) fn finish_checked(&mut self, usage: Option<Usage>, out: &mut VecDeque<AnswerEvent>) {
        self.pipeline.finish_checked(usage, out);
    }
}

impl Attempt {
    fn new(streamed: bool) -> Self {
        if streamed {
            Self::Streamed { text: Sent::default(), reasoning: Sent::default(), begun: false }
        } else {
            Self::Held(VecDeque::new())
        }
    }

    fn has_begun(&mut self, sent: bool) {
        if let Self::Streamed { begun, .. } = self {
            *begun |= sent;
        }
    }
}

#[cfg(test)]
#[path = "attempts_tests.rs"]
mod tests;
