//! Applies to one answer the reasoning format, limits, output format and required tools of its request.
//!
//! Turn events go in, answer events come out; nothing here waits. Validating a whole answer takes time, so the
//! exchange runs that between `finish` and `finish_checked`.

use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::sync::Arc;

use codex_client::{Citation, Content, Incomplete, Item, ToolCall, Usage};
use tokio_util::sync::CancellationToken;

use super::json::JsonExtractor;
use super::length::TokenLimit;
use super::places::Places;
use super::stop::StopFilter;
use super::tokens::Tokenizer;
use crate::error::Failure;
use crate::event::{AnswerEnd, AnswerEvent};
use crate::off_workers::block_in_place;
use crate::openai::completion::FinishReason;
use crate::settings::ReasoningFormat;
use crate::translate::answer_request::ToolChoice;
use crate::translate::schema::{ArgumentChecks, OutputCheck};
use crate::translate::tool_names::ToolNames;

/// What a request demands of its answers.
#[derive(Clone, Debug)]
pub(crate) struct PipelineConfig {
    /// How reasoning summaries are sent.
    pub(crate) reasoning: ReasoningFormat,
    /// Whether codex's actions appear in the reasoning.
    pub(crate) show_activity: bool,
    /// Whether web searches are items of the answer, instead of a line in the reasoning.
    pub(crate) search_items: bool,
    /// Maps tool names back to the client's.
    pub(crate) names: Arc<ToolNames>,
    /// Which tool calls are required.
    pub(crate) tool_choice: ToolChoice,
    /// Stop sequences.
    pub(crate) stop: Vec<String>,
    pub(crate) max_tokens: Option<u64>,
    /// Set when the answer may be truncated.
    pub(crate) counter: Option<TokenCounter>,
    /// Set when JSON must be extracted from surrounding text.
    pub(crate) json: Option<JsonExtractor>,
    /// Validates the complete answer.
    pub(crate) check: Option<Arc<OutputCheck>>,
    /// Validates calls.
    pub(crate) arguments: Arc<ArgumentChecks>,
    /// Whether the answer is one image, and ends with it.
    pub(crate) only_image: bool,
}

/// Counts the tokens of a truncated answer, for which upstream reports no usage.
#[derive(Clone, Debug)]
pub(crate) struct TokenCounter {
    pub(crate) tokenizer: Arc<Tokenizer>,
    /// The beginning of the conversation's text.
    pub(crate) prompt: Arc<str>,
    /// The length of the whole text, in bytes.
    pub(crate) prompt_len: usize,
}

impl TokenCounter {
    /// The usage of an answer.
    fn usage(&self, answer: &str) -> Usage {
        let vocabulary = self.tokenizer.load();
        block_in_place(self.prompt.len() + answer.len(), || {
            let prompt = vocabulary.count(&self.prompt) as u128;
            let extrapolated = prompt * self.prompt_len as u128 / self.prompt.len().max(1) as u128;
            Usage {
                input: u64::try_from(extrapolated).unwrap_or(u64::MAX),
                output: vocabulary.count(answer),
                ..Usage::default()
            }
        })
    }
}

/// What must be validated before an answer can end.
#[derive(Debug)]
pub(crate) enum Unchecked {
    /// The complete text.
    Text(Arc<OutputCheck>, String),
    /// Calls of strict tools, at least one.
    Calls(Vec<(Arc<OutputCheck>, ToolCall)>),
}

impl Unchecked {
    /// Validates it. This can take long.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        match self {
            Self::Text(check, text) => check.check(text).map_err(Failure::BadForm),
            Self::Calls(calls) => calls
                .iter()
                .try_for_each(|(check, call)| check.check_arguments(&call.name, &call.arguments))
                .map_err(Failure::BadCall),
        }
    }

    /// Cancels the validation. The schemas of a request share it.
    pub(crate) fn stop(&self) -> CancellationToken {
        match self {
            Self::Text(check, _) => check.stop.clone(),
            Self::Calls(calls) => calls.first().map(|(check, _)| check.stop.clone()).unwrap_or_default(),
        }
    }
}

/// The filters of one answer.
#[derive(Clone, Debug)]
pub(crate) struct AnswerPipeline {
    config: PipelineConfig,
    json: Option<JsonExtractor>,
    stop: Option<StopFilter>,
    limit: Option<TokenLimit>,
    /// The complete text, if it will be validated or counted.
    sent: String,
    places: Places,
    /// Whether a `<think>` tag is open.
    in_think: bool,
    /// Whether the reasoning's last line is unfinished.
    in_line: bool,
    /// Calls so far, sent at the end.
    calls: Vec<ToolCall>,
    /// After a rejected call, the text is sent only if no call follows: the client may have seen it already.
    held_back: Option<String>,
}

impl AnswerPipeline {
    pub(crate) fn new(config: PipelineConfig) -> Self {
        let stop = (!config.stop.is_empty()).then(|| StopFilter::new(config.stop.clone()));
        let limit = config.max_tokens.zip(config.counter.as_ref());
        let limit = limit.map(|(max, counter)| TokenLimit::new(Arc::clone(&counter.tokenizer), max));
        Self {
            json: config.json.clone(),
            stop,
            limit,
            sent: String::new(),
            places: Places::default(),
            in_think: false,
            in_line: false,
            calls: Vec::new(),
            held_back: None,
            config,
        }
    }

    /// Handles a text delta. Breaks where the answer ends; the caller then interrupts the turn.
    pub(crate) fn push_text(&mut self, text: &str, out: &mut VecDeque<AnswerEvent>) -> ControlFlow<()> {
        if self.requires_call() {
            // With a required call, text is not part of the answer, and the turn may be retried.
            return ControlFlow::Continue(());
        }
        if let Some(held_back) = &mut self.held_back {
            held_back.push_str(text);
            return ControlFlow::Continue(());
        }
        self.places.read(text);
        let text = match &mut self.json {
            Some(json) => json.push(text),
            None => text.to_owned(),
        };
        let (text, stopped) = match &mut self.stop {
            Some(stop) => stop.push(&text),
            None => (text, false),
        };
        if self.push_limited(text, out) {
            self.push_end(FinishReason::Length, None, out);
            return ControlFlow::Break(());
        }
        if stopped {
            self.push_end(FinishReason::Stop, None, out);
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    }

    /// Handles the citations of a message, whose text has been pushed.
    pub(crate) fn push_citations(&mut self, citations: Vec<Citation>, out: &mut VecDeque<AnswerEvent>) {
        if !self.requires_call() {
            self.places.add(citations);
            self.send_citations(out);
        }
    }

    fn send_citations(&mut self, out: &mut VecDeque<AnswerEvent>) {
        let skipped = self.json.as_ref().map_or(0, |json| json.skipped);
        let citations = self.places.take_sent(skipped);
        if !citations.is_empty() {
            out.push_back(AnswerEvent::Citations(citations));
        }
    }

    /// Handles a delta of the reasoning summary.
    pub(crate) fn push_reasoning(&mut self, text: &str, out: &mut VecDeque<AnswerEvent>) {
        self.in_line = !text.ends_with('\n');
        match self.config.reasoning {
            ReasoningFormat::ReasoningContent => out.push_back(AnswerEvent::Reasoning(text.to_owned())),
            ReasoningFormat::Think => {
                let open = if std::mem::replace(&mut self.in_think, true) { "" } else { "<think>\n" };
                self.push_inserted(format!("{open}{text}"), out);
            }
            ReasoningFormat::None => {}
        }
    }

    /// Adds a line about what codex does to the reasoning.
    pub(crate) fn push_activity(&mut self, line: &str, out: &mut VecDeque<AnswerEvent>) {
        if self.config.show_activity {
            let before = if self.in_line { "\n" } else { "" };
            self.push_reasoning(&format!("{before}{line}\n"), out);
        }
    }

    /// Whether web searches are items of the answer.
    pub(crate) fn has_search_items(&self) -> bool {
        self.config.search_items
    }

    /// Adds a call of a client's tool.
    pub(crate) fn push_call(&mut self, mut call: ToolCall) {
        call.name = self.config.names.to_client(&call.name).to_owned();
        self.calls.push(call);
    }

    /// Whether a required call has not been made.
    pub(crate) fn lacks_required_call(&self) -> bool {
        match &self.config.tool_choice {
            ToolChoice::Auto | ToolChoice::None => false,
            ToolChoice::Required => self.calls.is_empty(),
            ToolChoice::Named(name) => !self.calls.iter().any(|call| call.name == *name),
        }
    }

    /// Handles the end of a successful turn. Returns the answer if it must be validated before it can end.
    pub(crate) fn finish(
        &mut self,
        usage: Option<Usage>,
        out: &mut VecDeque<AnswerEvent>,
    ) -> Result<Option<Unchecked>, Failure> {
        if self.lacks_required_call() {
            return Err(Failure::NoCall);
        }
        if let Some(text) = self.held_back.take()
            && self.calls.is_empty()
            && self.push_text(&text, out).is_break()
        {
            return Ok(None);
        }
        let held = self.stop.as_mut().map(StopFilter::finish).unwrap_or_default();
        if self.push_limited(held, out) {
            self.push_end(FinishReason::Length, usage, out);
            return Ok(None);
        }
        if !self.calls.is_empty() {
            let check =
                |call: &ToolCall| Some((self.config.arguments.get(&call.name)?.clone(), call.clone()));
            let strict: Vec<_> = self.calls.iter().filter_map(check).collect();
            if !strict.is_empty() {
                return Ok(Some(Unchecked::Calls(strict)));
            }
            self.finish_checked(usage, out);
            return Ok(None);
        }
        if self.json.as_ref().is_some_and(|json| !json.is_complete()) {
            return Err(Failure::BadForm("is not JSON".to_owned()));
        }
        if let Some(check) = &self.config.check {
            return Ok(Some(Unchecked::Text(Arc::clone(check), self.sent.clone())));
        }
        self.push_end(FinishReason::Stop, usage, out);
        Ok(None)
    }

    /// Ends an answer that passed validation.
    pub(crate) fn finish_checked(&mut self, usage: Option<Usage>, out: &mut VecDeque<AnswerEvent>) {
        if self.calls.is_empty() {
            return self.push_end(FinishReason::Stop, usage, out);
        }
        self.close_think(out);
        let names = Arc::clone(&self.config.names);
        out.extend(self.calls.drain(..).map(|call| AnswerEvent::Call(names.client_call(call))));
        self.push_end(FinishReason::ToolCalls, usage, out);
    }

    /// Takes the calls back, for the model to make them again. Returns the items that tell it so.
    pub(crate) fn reject_calls(&mut self, reason: &str) -> Vec<Item> {
        self.held_back = Some(String::new());
        self.places.next_turn();
        let text =
            format!("Not called: {reason}. Make all calls of this answer again, with valid arguments.");
        let calls = std::mem::take(&mut self.calls)
            .into_iter()
            .map(|call| ToolCall { name: self.config.names.to_codex(&call.name).into_owned(), ..call });
        let output = |call: &ToolCall| {
            let (call_id, output) = (call.call_id.clone(), vec![Content::Text(text.clone())]);
            Item::ToolOutput { call_id, output }
        };
        let (calls, outputs): (Vec<_>, Vec<_>) = calls
            .map(|call| (output(&call), Item::ToolCall(call)))
            .map(|(output, call)| (call, output))
            .unzip();
        calls.into_iter().chain(outputs).collect()
    }

    /// Ends an answer that upstream ended early.
    pub(crate) fn finish_incomplete(
        &mut self,
        incomplete: Incomplete,
        usage: Option<Usage>,
        out: &mut VecDeque<AnswerEvent>,
    ) {
        let held = self.stop.as_mut().map(StopFilter::finish).unwrap_or_default();
        let reason = match (self.push_limited(held, out), incomplete) {
            (false, Incomplete::ContentFilter) => FinishReason::ContentFilter,
            (true, _) | (_, Incomplete::MaxOutputTokens) => FinishReason::Length,
        };
        self.push_end(reason, usage, out);
    }

    /// Whether the answer must be a call; then text is no part of it.
    pub(crate) fn requires_call(&self) -> bool {
        matches!(self.config.tool_choice, ToolChoice::Required | ToolChoice::Named(_))
    }

    /// Sends text up to the token limit. Returns whether the limit was reached.
    fn push_limited(&mut self, text: String, out: &mut VecDeque<AnswerEvent>) -> bool {
        let (text, full) = match &mut self.limit {
            Some(limit) => limit.push(&text),
            None => (text, false),
        };
        if !text.is_empty() {
            self.close_think(out);
            if self.config.check.is_some() || self.config.counter.is_some() {
                self.sent.push_str(&text);
            }
            self.places.sent(&text);
            out.push_back(AnswerEvent::Text(text));
            self.send_citations(out);
        }
        full
    }

    fn close_think(&mut self, out: &mut VecDeque<AnswerEvent>) {
        if std::mem::replace(&mut self.in_think, false) {
            self.push_inserted("\n</think>\n\n".to_owned(), out);
        }
    }

    /// Sends a text that is not the model's answer.
    fn push_inserted(&mut self, text: String, out: &mut VecDeque<AnswerEvent>) {
        self.places.inserted(&text);
        out.push_back(AnswerEvent::Text(text));
    }

    fn push_end(&mut self, reason: FinishReason, usage: Option<Usage>, out: &mut VecDeque<AnswerEvent>) {
        self.close_think(out);
        let counted = || self.config.counter.as_ref().map(|counter| counter.usage(&self.sent));
        out.push_back(AnswerEvent::Ended(Ok(AnswerEnd {
            reason,
            usage: usage.or_else(counted),
            files_changed: None,
        })));
    }
}

#[cfg(test)]
#[path = "pipeline_tests.rs"]
mod tests;
