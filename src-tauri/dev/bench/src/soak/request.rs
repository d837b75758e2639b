//! Request bodies for the three routes, with prompts that script the sample model (see its README).
//!
//! Every prompt and its answer contain a unique name, so that an answer sent to the wrong client is noticed.

use fastrand::Rng;
use serde_json::{Value, json};

use crate::answer::{Call, Route};

/// The model id of codex itself.
pub(super) const AGENT: &str = "codex-local";

pub(super) const TOOL: &str = "lookup";

/// A scripted answer.
#[derive(Clone, Debug)]
pub(super) struct Script {
    name: String,
    words: u64,
    /// Milliseconds between words.
    every: u64,
}

impl Script {
    /// Most answers are short, a few are long.
    pub(super) fn random(name: &str, rng: &mut Rng) -> Self {
        let words = if rng.u8(..25) == 0 { rng.u64(500..=2_000) } else { rng.u64(1..=60) };
        let every = if words > 100 || rng.u8(..3) == 0 { 0 } else { rng.u64(1..=20) };
        Self { name: name.to_owned(), words, every }
    }

    /// The expected text.
    pub(super) fn answer(&self) -> String {
        let numbers = (1..=self.words).map(|number| format!(" {number}"));
        std::iter::once(self.name.clone()).chain(numbers).collect()
    }

    /// A prompt whose stream breaks off after some words. The next attempt says the same, or else [`Script::other_answer`].
    pub(super) fn breaking_prompt(&self, rng: &mut Rng, differs: bool) -> String {
        let after = rng.u64(1..=self.words + 2);
        let again = if differs { format!(" again=\"{}\"", self.other_answer()) } else { String::new() };
        format!("[[say=\"{}\" every={} break={after} times=1{again}]]", self.answer(), self.every)
    }

    pub(super) fn other_answer(&self) -> String {
        format!("other than {}", self.answer())
    }

    pub(super) fn prompt(&self) -> String {
        format!("[[say=\"{}\" every={}]]", self.answer(), self.every)
    }
}

/// A prompt that makes the model call the tool this many times.
pub(super) fn calls_prompt(name: &str, calls: usize) -> String {
    let calls: Vec<String> =
        (0..calls).map(|call| format!("tool={TOOL}:{}", arguments(name, call))).collect();
    format!("{name} [[{}]]", calls.join(" "))
}

pub(super) fn arguments(name: &str, call: usize) -> String {
    format!("{{\"q\":\"{name}-{call}\"}}")
}

pub(super) fn output(name: &str, call: usize) -> String {
    format!("found {name}-{call}")
}

/// The model's answer to the tool outputs.
pub(super) fn after_outputs(name: &str, calls: usize) -> String {
    let outputs: Vec<String> = (0..calls).map(|call| output(name, call)).collect();
    format!("Tool results: {}", outputs.join("; "))
}

/// The first request of a conversation.
pub(super) fn opening(route: Route, model: &str, prompt: &str, streamed: bool, n: u64) -> Value {
    match route {
        Route::CHAT => json!({
            "model": model, "stream": streamed, "n": n,
            "messages": [{ "role": "system", "content": "Be short." }, { "role": "user", "content": prompt }],
        }),
        Route::RESPONSES => json!({ "model": model, "stream": streamed, "input": prompt }),
        // This route's default limit is sixteen tokens.
        _ => {
            json!({ "model": model, "stream": streamed, "n": n, "prompt": prompt, "max_tokens": 100_000 })
        }
    }
}

pub(super) fn tools(route: Route) -> Value {
    let parameters = json!({ "type": "object", "properties": { "q": { "type": "string" } } });
    let function = json!({ "type": "function", "name": TOOL, "description": "", "parameters": parameters });
    if route == Route::RESPONSES {
        json!([function])
    } else {
        json!([{ "type": "function", "function": function }])
    }
}

/// The next request after a text answer: `body` is the previous request, `id` its answer's.
pub(super) fn next_text(route: Route, body: &Value, id: &str, answer: &str, prompt: &str) -> Value {
    if route == Route::RESPONSES {
        return next_response(body, id, prompt.into());
    }
    let message = |role, content| json!({ "role": role, "content": content });
    next_messages(body, [message("assistant", answer), message("user", prompt)])
}

/// The next request after tool calls.
pub(super) fn next_outputs(route: Route, body: &Value, id: &str, outputs: &[(&Call, String)]) -> Value {
    if route == Route::RESPONSES {
        let item = |(call, output): &(&Call, String)| json!({ "type": "function_call_output", "call_id": call.id, "output": output });
        return next_response(body, id, outputs.iter().map(item).collect());
    }
    let call = |(call, _): &(&Call, String)| {
        let function = json!({ "name": call.name, "arguments": call.arguments });
        json!({ "id": call.id, "type": "function", "function": function })
    };
    let output = |(call, output): &(&Call, String)| json!({ "role": "tool", "tool_call_id": call.id, "content": output });
    let calls: Value = outputs.iter().map(call).collect();
    let calls = json!({ "role": "assistant", "content": null, "tool_calls": calls });
    next_messages(body, std::iter::once(calls).chain(outputs.iter().map(output)))
}

fn next_response(body: &Value, id: &str, input: Value) -> Value {
    let mut next = body.clone();
    next["previous_response_id"] = id.into();
    next["input"] = input;
    next
}

fn next_messages(body: &Value, more: impl IntoIterator<Item = Value>) -> Value {
    let mut next = body.clone();
    if let Some(messages) = next["messages"].as_array_mut() {
        messages.extend(more);
    }
    next
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prompt_scripts_exactly_the_expected_answer() {
        let script = Script { name: "m1-2".into(), words: 3, every: 5 };
        assert_eq!(script.prompt(), "[[say=\"m1-2 1 2 3\" every=5]]");
        let breaking = script.breaking_prompt(&mut Rng::with_seed(0), true);
        assert!(breaking.ends_with(" times=1 again=\"other than m1-2 1 2 3\"]]"), "{breaking}");
        assert_eq!(
            calls_prompt("m1-2", 2),
            r#"m1-2 [[tool=lookup:{"q":"m1-2-0"} tool=lookup:{"q":"m1-2-1"}]]"#
        );
        assert_eq!(after_outputs("m", 2), "Tool results: found m-0; found m-1");
    }

    #[test]
    fn a_conversation_continues_with_its_history() {
        let first = opening(Route::CHAT, "m", "hi", false, 1);
        let next = next_text(Route::CHAT, &first, "id", "hello", "more");
        let roles: Vec<_> = next["messages"].as_array().unwrap().iter().map(|m| m["role"].clone()).collect();
        assert_eq!(roles, ["system", "user", "assistant", "user"]);
        let body = opening(Route::RESPONSES, "m", "hi", true, 1);
        let call = Call { id: "c".into(), name: "lookup".into(), arguments: "{}".into() };
        let next = next_outputs(Route::RESPONSES, &body, "r", &[(&call, output("n", 1))]);
        assert_eq!(next["previous_response_id"], "r");
        assert_eq!(next["input"][0]["output"], "found n-1");
        let next = next_outputs(Route::CHAT, &first, "r", &[(&call, output("n", 1))]);
        assert_eq!(next["messages"][2]["tool_calls"][0]["id"], "c");
        assert_eq!(next["messages"][3], json!({"role": "tool", "tool_call_id": "c", "content": "found n-1"}));
    }
}
