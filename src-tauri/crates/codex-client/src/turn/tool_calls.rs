//! The client's tools within one turn: which calls the model has made, and which of them the client has been told of.
//!
//! codex tells of a call twice: as the model's own item, with its exact arguments and in the model's order, and as a request
//! that waits for the tool's output. A response's calls are whole once the response is over and each of them waits. Before some
//! version after 0.155 codex lets a call wait only once the one before has its output, and before 0.155 it does not say that a
//! response is over: then the client is told of what waits once nothing more comes. A call
//! whose arguments are no JSON is told to the model by codex, and never waits; neither does one of an unknown tool.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::item::ToolCall;
use crate::turn::handle::Tool;

/// The calls of a turn.
#[derive(Debug, Default)]
pub(crate) struct Calls {
    names: HashSet<String>,
    one_at_a_time: bool,
    response_is_over: bool,
    /// The calls of this response that nobody has been told of, in the model's order.
    made: VecDeque<ToolCall>,
    /// The calls that wait for their output, by their id, with the id of codex's request.
    waiting: HashMap<String, Value>,
}

/// The fields of a raw item that calls are read from.
#[derive(Deserialize)]
struct RawItem {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    arguments: String,
    #[serde(default)]
    call_id: String,
}

impl Calls {
    pub(crate) fn new(tools: &Arc<[Tool]>, one_at_a_time: bool) -> Self {
        let names = tools.iter().map(|tool| tool.name.clone()).collect();
        Self { names, one_at_a_time, ..Self::default() }
    }

    /// How many calls an answer may hold from now on.
    pub(crate) fn one_at_a_time(&mut self, one: bool) {
        self.one_at_a_time = one;
    }

    /// The model has written an item.
    pub(crate) fn item(&mut self, item: &RawValue) {
        if self.names.is_empty() {
            return;
        }
        let Ok(item) = serde_json::from_str::<RawItem>(item.get()) else { return };
        match item.kind.as_str() {
            "function_call" if self.names.contains(&item.name) => {
                self.response_is_over = false;
                if serde_json::from_str::<serde::de::IgnoredAny>(&item.arguments).is_ok() {
                    let RawItem { name, arguments, call_id, .. } = item;
                    self.made.push_back(ToolCall { call_id, name, arguments });
                }
            }
            // codex has answered by itself, so the client need not.
            "function_call_output" => self.made.retain(|call| call.call_id != item.call_id),
            _ => {}
        }
    }

    /// The model's response is over: no further call belongs to it.
    pub(crate) fn response_is_over(&mut self) {
        self.response_is_over = true;
    }

    /// Whether it is.
    pub(crate) fn is_response_over(&self) -> bool {
        self.response_is_over
    }

    /// codex waits for the output of a call of `tool`. Gives the request back when it is no tool of the client's.
    pub(crate) fn wait(&mut self, tool: &str, call_id: &str, request: Value) -> Result<(), Value> {
        if !self.names.contains(tool) {
            return Err(request);
        }
        self.waiting.insert(call_id.to_owned(), request);
        Ok(())
    }

    /// The calls that the client is told of now; none while the response is not whole.
    pub(crate) fn take(&mut self) -> Vec<ToolCall> {
        let whole =
            self.response_is_over && self.made.iter().all(|call| self.waiting.contains_key(&call.call_id));
        match whole {
            true if self.one_at_a_time => self.made.pop_front().into_iter().collect(),
            true => self.made.drain(..).collect(),
            false => Vec::new(),
        }
    }

    /// Whether a call waits that the client has not been told of.
    pub(crate) fn some_wait(&self) -> bool {
        self.made.iter().any(|call| self.waiting.contains_key(&call.call_id))
    }

    /// The calls that the client is told of when no further one is awaited: those that wait, in the model's order.
    pub(crate) fn take_waiting(&mut self) -> Vec<ToolCall> {
        let mut told = Vec::new();
        for call in std::mem::take(&mut self.made) {
            let room = told.is_empty() || !self.one_at_a_time;
            if room && self.waiting.contains_key(&call.call_id) {
                told.push(call);
            } else {
                self.made.push_back(call);
            }
        }
        told
    }

    /// The request of codex that the output of a call answers.
    pub(crate) fn answer(&mut self, call_id: &str) -> Option<Value> {
        self.waiting.remove(call_id)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn calls(one_at_a_time: bool) -> Calls {
        let tool =
            |name: &str| Tool { name: name.to_owned(), description: String::new(), schema: "{}".to_owned() };
        Calls::new(&[tool("a"), tool("b")].into(), one_at_a_time)
    }

    fn item(calls: &mut Calls, name: &str, id: &str, arguments: &str) {
        let item = json!({"type":"function_call","name":name,"call_id":id,"arguments":arguments}).to_string();
        calls.item(&RawValue::from_string(item).unwrap());
    }

    fn ids(calls: &[ToolCall]) -> Vec<&str> {
        calls.iter().map(|call| call.call_id.as_str()).collect()
    }

    #[test]
    fn a_response_is_told_whole_and_in_the_models_order_whatever_comes_first() {
        let mut calls = calls(false);
        item(&mut calls, "a", "1", "{ }");
        item(&mut calls, "b", "2", "{}");
        calls.wait("b", "2", json!(7)).unwrap();
        calls.response_is_over();
        assert!(calls.take().is_empty(), "the first one does not wait yet");
        calls.wait("a", "1", json!(8)).unwrap();
        let told = calls.take();
        assert_eq!(ids(&told), ["1", "2"]);
        assert_eq!(told[0].arguments, "{ }");
        assert!(calls.take().is_empty());
        assert_eq!(calls.answer("2"), Some(json!(7)));
    }

    #[test]
    fn a_call_that_codex_answers_by_itself_is_not_told() {
        let mut calls = calls(false);
        item(&mut calls, "a", "1", "{no json");
        item(&mut calls, "shell", "2", "{}");
        item(&mut calls, "b", "3", "{}");
        item(&mut calls, "a", "4", "{}");
        let output = json!({"type":"function_call_output","call_id":"4","output":"x"}).to_string();
        calls.item(&RawValue::from_string(output).unwrap());
        calls.wait("b", "3", json!(1)).unwrap();
        calls.response_is_over();
        assert_eq!(ids(&calls.take()), ["3"]);
        assert_eq!(calls.wait("shell", "2", json!(2)), Err(json!(2)));
    }

    #[test]
    fn of_calls_that_come_one_after_the_other_those_that_wait_can_be_told() {
        let mut calls = calls(false);
        item(&mut calls, "a", "1", "{}");
        item(&mut calls, "b", "2", "{}");
        assert!(!calls.some_wait() && calls.take_waiting().is_empty());
        calls.wait("b", "2", json!(7)).unwrap();
        assert!(calls.some_wait() && calls.take().is_empty());
        assert_eq!(ids(&calls.take_waiting()), ["2"]);
        assert!(!calls.some_wait());
        assert_eq!(calls.answer("2"), Some(json!(7)));
        calls.wait("a", "1", json!(8)).unwrap();
        assert_eq!(ids(&calls.take_waiting()), ["1"]);
    }

    #[test]
    fn a_client_that_takes_one_call_at_a_time_gets_them_one_by_one() {
        let mut calls = calls(true);
        for id in ["1", "2"] {
            item(&mut calls, "a", id, "{}");
            calls.wait("a", id, json!(0)).unwrap();
        }
        calls.response_is_over();
        assert_eq!(ids(&calls.take()), ["1"]);
        assert_eq!(ids(&calls.take()), ["2"]);
        assert!(calls.take().is_empty());
    }
}
