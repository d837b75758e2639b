//! The model's calls to the client's tools in one turn, and which of them have been reported to the client.
//!
//! codex announces a call twice: as the model's item, with its exact arguments and in the model's order, and as a request
//! for the tool's output. A response's calls are complete once the response is, and each of them awaits its output. Before
//! some version after 0.155, codex requests the output of one call at a time, and before 0.155 it does not report the end
//! of a response: then the client gets the calls that await their output after a short silence. codex itself answers a
//! call with invalid JSON arguments or to an unknown tool, so its output is never requested.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::item::ToolCall;
use crate::request::Tool;

/// The calls of a turn.
#[derive(Debug, Default)]
pub(crate) struct ToolCalls {
    names: HashSet<String>,
    /// Whether an answer may contain at most one call.
    pub(crate) one_at_a_time: bool,
    pub(crate) response_completed: bool,
    /// The calls of this response not yet reported to the client, in the model's order.
    announced: VecDeque<ToolCall>,
    /// The ids of codex's requests for an output, by call id.
    awaiting_output: HashMap<String, Value>,
}

/// The fields of a raw item that describe a call.
#[derive(Default, Deserialize)]
#[serde(default)]
struct RawItem {
    #[serde(rename = "type")]
    kind: String,
    name: String,
    arguments: String,
    call_id: String,
}

impl ToolCalls {
    pub(crate) fn new(tools: &Arc<[Tool]>, one_at_a_time: bool) -> Self {
        let names = tools.iter().map(|tool| tool.name.clone()).collect();
        Self { names, one_at_a_time, ..Self::default() }
    }

    /// Reads an item that the model has written.
    pub(crate) fn item(&mut self, item: &RawValue) {
        if self.names.is_empty() {
            return;
        }
        let Ok(item) = serde_json::from_str::<RawItem>(item.get()) else { return };
        match item.kind.as_str() {
            "function_call" if self.names.contains(&item.name) => {
                self.response_completed = false;
                if serde_json::from_str::<serde::de::IgnoredAny>(&item.arguments).is_ok() {
                    let RawItem { name, arguments, call_id, .. } = item;
                    self.announced.push_back(ToolCall { call_id, name, arguments });
                }
            }
            // codex has answered it itself.
            "function_call_output" => self.announced.retain(|call| call.call_id != item.call_id),
            _ => {}
        }
    }

    /// Forgets the calls of a response that broke off, which codex repeats, unless they already await their outputs.
    pub(crate) fn retry(&mut self) {
        let Self { announced, awaiting_output, .. } = self;
        announced.retain(|call| awaiting_output.contains_key(&call.call_id));
    }

    /// Records that codex awaits the output of a call; `false` when `tool` is not one of the client's.
    pub(crate) fn await_output(&mut self, tool: &str, call_id: &str, request: &Value) -> bool {
        let known = self.names.contains(tool);
        if known {
            self.awaiting_output.insert(call_id.to_owned(), request.clone());
        }
        known
    }

    /// Takes the calls to report now; none while the response is incomplete.
    pub(crate) fn take_complete(&mut self) -> Vec<ToolCall> {
        let complete = self.response_completed && self.announced.iter().all(|call| self.awaits(call));
        match complete {
            true if self.one_at_a_time => self.announced.pop_front().into_iter().collect(),
            true => self.announced.drain(..).collect(),
            false => Vec::new(),
        }
    }

    /// Whether an unreported call awaits its output.
    pub(crate) fn any_awaiting_output(&self) -> bool {
        self.announced.iter().any(|call| self.awaits(call))
    }

    /// Takes the unreported calls that await their output, in the model's order.
    pub(crate) fn take_awaiting_output(&mut self) -> Vec<ToolCall> {
        let mut taken = Vec::new();
        for call in std::mem::take(&mut self.announced) {
            let allowed = taken.is_empty() || !self.one_at_a_time;
            if allowed && self.awaits(&call) {
                taken.push(call);
            } else {
                self.announced.push_back(call);
            }
        }
        taken
    }

    /// Takes the id of codex's request for the output of a call.
    pub(crate) fn take_request(&mut self, call_id: &str) -> Option<Value> {
        self.awaiting_output.remove(call_id)
    }

    fn awaits(&self, call: &ToolCall) -> bool {
        self.awaiting_output.contains_key(&call.call_id)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn calls(one_at_a_time: bool) -> ToolCalls {
        let tool =
            |name: &str| Tool { name: name.to_owned(), description: String::new(), schema: "{}".to_owned() };
        ToolCalls::new(&[tool("a"), tool("b")].into(), one_at_a_time)
    }

    fn item(calls: &mut ToolCalls, name: &str, id: &str, arguments: &str) {
        let item = json!({"type":"function_call","name":name,"call_id":id,"arguments":arguments}).to_string();
        calls.item(&RawValue::from_string(item).unwrap());
    }

    fn ids(calls: &[ToolCall]) -> Vec<&str> {
        calls.iter().map(|call| call.call_id.as_str()).collect()
    }

    #[test]
    fn calls_of_a_response_are_reported_together_in_the_models_order() {
        let mut calls = calls(false);
        item(&mut calls, "a", "1", "{ }");
        item(&mut calls, "b", "2", "{}");
        assert!(calls.await_output("b", "2", &json!(7)));
        calls.response_completed = true;
        assert!(calls.take_complete().is_empty(), "the first call does not await its output yet");
        assert!(calls.await_output("a", "1", &json!(8)));
        let taken = calls.take_complete();
        assert_eq!(ids(&taken), ["1", "2"]);
        assert_eq!(taken[0].arguments, "{ }");
        assert!(calls.take_complete().is_empty());
        assert_eq!(calls.take_request("2"), Some(json!(7)));
    }

    #[test]
    fn call_that_codex_answers_itself_is_not_reported() {
        let mut calls = calls(false);
        item(&mut calls, "a", "1", "{no json");
        item(&mut calls, "shell", "2", "{}");
        item(&mut calls, "b", "3", "{}");
        item(&mut calls, "a", "4", "{}");
        let output = json!({"type":"function_call_output","call_id":"4","output":"x"}).to_string();
        calls.item(&RawValue::from_string(output).unwrap());
        assert!(calls.await_output("b", "3", &json!(1)));
        calls.response_completed = true;
        assert_eq!(ids(&calls.take_complete()), ["3"]);
        assert!(!calls.await_output("shell", "2", &json!(2)));
    }

    #[test]
    fn calls_of_a_response_that_broke_off_are_forgotten_unless_they_await_output() {
        let mut calls = calls(false);
        item(&mut calls, "a", "1", "{}");
        item(&mut calls, "b", "2", "{}");
        assert!(calls.await_output("b", "2", &json!(7)));
        calls.retry();
        item(&mut calls, "a", "3", "{}");
        assert!(calls.await_output("a", "3", &json!(8)));
        calls.response_completed = true;
        assert_eq!(ids(&calls.take_complete()), ["2", "3"]);
    }

    #[test]
    fn calls_made_one_after_another_are_reported_as_they_await_output() {
        let mut calls = calls(false);
        item(&mut calls, "a", "1", "{}");
        item(&mut calls, "b", "2", "{}");
        assert!(!calls.any_awaiting_output() && calls.take_awaiting_output().is_empty());
        assert!(calls.await_output("b", "2", &json!(7)));
        assert!(calls.any_awaiting_output() && calls.take_complete().is_empty());
        assert_eq!(ids(&calls.take_awaiting_output()), ["2"]);
        assert!(!calls.any_awaiting_output());
        assert_eq!(calls.take_request("2"), Some(json!(7)));
        assert!(calls.await_output("a", "1", &json!(8)));
        assert_eq!(ids(&calls.take_awaiting_output()), ["1"]);
    }

    #[test]
    fn calls_are_reported_one_by_one_if_the_client_asks_for_that() {
        let mut calls = calls(true);
        for id in ["1", "2"] {
            item(&mut calls, "a", id, "{}");
            assert!(calls.await_output("a", id, &json!(0)));
        }
        calls.response_completed = true;
        assert_eq!(ids(&calls.take_complete()), ["1"]);
        assert_eq!(ids(&calls.take_complete()), ["2"]);
        assert!(calls.take_complete().is_empty());
    }
}
