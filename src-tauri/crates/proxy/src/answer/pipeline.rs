//! What is done to one answer on its way to the client: its reasoning, its limits, its form, the tools that it must call.
//!
//! Events of the turn go in, pieces for the client come out; nothing here waits. The cutters themselves are in `shape`. The check of
//! a whole answer takes time, so the exchange runs it, between `over` and `checked`.

use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::sync::Arc;

use codex_client::{ItemEvent, ToolCall, Usage};

use super::activity;
use super::json::JsonCut;
use super::length::TokenLimit;
use super::stop::StopCutter;
use super::tokens::Tokenizer;
use crate::error::Failure;
use crate::event::{Finish, Piece};
use crate::openai::completion::FinishReason;
use crate::settings::ReasoningFormat;
use crate::translate::answer_request::ToolChoice;
use crate::translate::schema::OutputCheck;
use crate::translate::tool_names::ToolNames;

/// What an answer must be like; the answers of one request share it.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// How summaries of the reasoning are sent.
    pub(crate) reasoning: ReasoningFormat,
    /// Whether lines about what codex does go in among them.
    pub(crate) show_activity: bool,
    /// The client's names of its tools.
    pub(crate) names: Arc<ToolNames>,
    /// Which tools must be called.
    pub(crate) must_call: ToolChoice,
    /// Texts before which it ends.
    pub(crate) stop: Vec<String>,
    /// The most tokens that it may have.
    pub(crate) max_tokens: Option<u64>,
    /// What tokens are counted with, where an answer may have to be cut.
    pub(crate) counting: Option<Counting>,
    /// Cuts JSON out of what the model says around it.
    pub(crate) json: Option<JsonCut>,
    /// What the whole answer is checked with.
    pub(crate) check: Option<Arc<OutputCheck>>,
}

/// What tokens are counted with: of an answer that is cut nobody reports the usage.
#[derive(Clone, Debug)]
pub(crate) struct Counting {
    pub(crate) tokenizer: Arc<Tokenizer>,
    /// The conversation's texts.
    pub(crate) prompt: Arc<str>,
}

/// What a whole answer must be checked with, and the answer.
pub(crate) type Unchecked = (Arc<OutputCheck>, String);

/// One answer in the making.
#[derive(Debug)]
pub(crate) struct Shaping {
    plan: Plan,
    json: Option<JsonCut>,
    stop: Option<StopCutter>,
    limit: Option<TokenLimit>,
    /// The whole text, where it is looked at in the end.
    said: String,
    /// Whether a `<think>` is open.
    thinking: bool,
    /// Whether the last line of the reasoning is still open.
    in_line: bool,
    /// Text that waits for the call that must come with it.
    calls: Vec<ToolCall>,
}

impl Shaping {
    pub(crate) fn new(plan: Plan) -> Self {
        let stop = (!plan.stop.is_empty()).then(|| StopCutter::new(plan.stop.clone()));
        let limit = plan.max_tokens.zip(plan.counting.as_ref());
        let limit = limit.map(|(most, counting)| TokenLimit::new(Arc::clone(&counting.tokenizer), most));
        Self {
            json: plan.json.clone(),
            stop,
            limit,
            said: String::new(),
            thinking: false,
            in_line: false,
            calls: Vec::new(),
            plan,
        }
    }

    /// A piece of the model's text. It breaks where the answer ends, whatever the model goes on to say: the turn is to be interrupted.
    pub(crate) fn text(&mut self, text: &str, out: &mut VecDeque<Piece>) -> ControlFlow<()> {
        if self.must_call() {
            // Whoever asks for a call wants no words, and the answer may have to be begun anew.
            return ControlFlow::Continue(());
        }
        let text = match &mut self.json {
            Some(json) => json.push(text),
            None => text.to_owned(),
        };
        let (text, stopped) = match &mut self.stop {
            Some(stop) => stop.push(&text),
            None => (text, false),
        };
        if self.limited(text, out) {
            self.ended(FinishReason::Length, None, out);
            return ControlFlow::Break(());
        }
        if stopped {
            self.ended(FinishReason::Stop, None, out);
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    }

    /// A piece of the reasoning's summary.
    pub(crate) fn reasoning(&mut self, text: &str, out: &mut VecDeque<Piece>) {
        self.in_line = !text.ends_with('\n');
        match self.plan.reasoning {
            ReasoningFormat::ReasoningContent => out.push_back(Piece::Reasoning(text.to_owned())),
            ReasoningFormat::Think => {
                let open = if std::mem::replace(&mut self.thinking, true) { "" } else { "<think>\n" };
                out.push_back(Piece::Text(format!("{open}{text}")));
            }
            ReasoningFormat::None => {}
        }
    }

    /// Something that codex did.
    pub(crate) fn item(&mut self, item: &ItemEvent, out: &mut VecDeque<Piece>) {
        if self.plan.show_activity {
            let before = if self.in_line { "\n" } else { "" };
            self.reasoning(&format!("{before}{}\n", activity::line(item)), out);
        }
    }

    /// A call of one of the client's tools.
    pub(crate) fn call(&mut self, mut call: ToolCall) {
        call.name = self.plan.names.to_client(&call.name).to_owned();
        self.calls.push(call);
    }

    /// Whether the turn has ended without the call that was asked for.
    pub(crate) fn misses_its_call(&self) -> bool {
        match &self.plan.must_call {
            ToolChoice::Auto | ToolChoice::None => false,
            ToolChoice::Required => self.calls.is_empty(),
            ToolChoice::Named(name) => !self.calls.iter().any(|call| call.name == *name),
        }
    }

    /// The turn has ended well. Gives back what is left to do before the answer's end is said.
    pub(crate) fn over(
        &mut self,
        usage: Option<Usage>,
        out: &mut VecDeque<Piece>,
    ) -> Result<Option<Unchecked>, Failure> {
        if self.misses_its_call() {
            return Err(Failure::NoCall);
        }
        let held = self.stop.as_mut().map(StopCutter::finish).unwrap_or_default();
        if self.limited(held, out) {
            self.ended(FinishReason::Length, usage, out);
            return Ok(None);
        }
        if !self.calls.is_empty() {
            self.close_think(out);
            out.extend(self.calls.drain(..).map(Piece::Call));
            self.ended(FinishReason::ToolCalls, usage, out);
            return Ok(None);
        }
        if self.json.as_ref().is_some_and(|json| !json.is_whole()) {
            return Err(Failure::BadForm("is not JSON".to_owned()));
        }
        if let Some(check) = &self.plan.check {
            return Ok(Some((Arc::clone(check), self.said.clone())));
        }
        self.ended(FinishReason::Stop, usage, out);
        Ok(None)
    }

    /// The whole answer has been checked, and is what it must be.
    pub(crate) fn checked(&mut self, usage: Option<Usage>, out: &mut VecDeque<Piece>) {
        self.ended(FinishReason::Stop, usage, out);
    }

    fn must_call(&self) -> bool {
        matches!(self.plan.must_call, ToolChoice::Required | ToolChoice::Named(_))
    }

    /// Passes text on as far as it may be long, and says whether it was too long.
    fn limited(&mut self, text: String, out: &mut VecDeque<Piece>) -> bool {
        let (text, full) = match &mut self.limit {
            Some(limit) => limit.push(&text),
            None => (text, false),
        };
        if !text.is_empty() {
            self.close_think(out);
            if self.plan.check.is_some() || self.plan.counting.is_some() {
                self.said.push_str(&text);
            }
            out.push_back(Piece::Text(text));
        }
        full
    }

    fn close_think(&mut self, out: &mut VecDeque<Piece>) {
        if std::mem::replace(&mut self.thinking, false) {
            out.push_back(Piece::Text("\n</think>\n\n".to_owned()));
        }
    }

    fn ended(&mut self, reason: FinishReason, usage: Option<Usage>, out: &mut VecDeque<Piece>) {
        self.close_think(out);
        let counted = || {
            self.plan.counting.as_ref().map(|Counting { tokenizer, prompt }| {
                let tokens = tokenizer.get();
                Usage { input: tokens.count(prompt), output: tokens.count(&self.said), ..Usage::default() }
            })
        };
        out.push_back(Piece::Ended(Ok(Finish { reason, usage: usage.or_else(counted) })));
    }
}

#[cfg(test)]
#[path = "pipeline_tests.rs"]
mod tests;
