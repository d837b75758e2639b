//! What a client asks for: a prompt that says what the answer must be, as a body of one of the three routes.
//!
//! The words of the scripts are those of the sample model's README. Every prompt has a name of its own in it and in its
//! answer, so that an answer that went to somebody else is noticed. Deliberately not here: how it is sent.

use serde_json::{Value, json};

use super::answer::Call;
use super::dice::Dice;

/// Codex itself, as a model.
pub(super) const AGENT: &str = "codex-local";

/// A route that answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Route {
    Chat,
    Responses,
    Completions,
}

impl Route {
    pub(super) const ALL: [Self; 3] = [Self::Chat, Self::Responses, Self::Completions];

    pub(super) fn path(self) -> &'static str {
        match self {
            Self::Chat => "/v1/chat/completions",
            Self::Responses => "/v1/responses",
            Self::Completions => "/v1/completions",
        }
    }
}

/// One answer that is wanted: its words and their pace.
#[derive(Clone, Debug)]
pub(super) struct Wish {
    /// Nobody else's.
    pub(super) name: String,
    words: u64,
    /// Milliseconds between two words.
    every: u64,
}

impl Wish {
    /// Most answers are short, as most are in life; a few are long.
    pub(super) fn draw(name: String, dice: &mut Dice) -> Self {
        let words = if dice.one_in(25) { dice.between(500, 2_000) } else { dice.between(1, 60) };
        let every = if words > 100 || dice.one_in(3) { 0 } else { dice.between(1, 20) };
        Self { name, words, every }
    }

    /// What the model says.
    pub(super) fn answer(&self) -> String {
        let numbers = (1..=self.words).map(|number| format!(" {number}"));
        std::iter::once(self.name.clone()).chain(numbers).collect()
    }

    pub(super) fn prompt(&self) -> String {
        format!("[[say=\"{}\" every={}]]", self.answer(), self.every)
    }
}

/// The names of the calls that a prompt makes the model ask for.
pub(super) fn calls_prompt(name: &str, calls: usize) -> String {
    let calls: Vec<String> =
        (0..calls).map(|call| format!("tool=lookup:{}", arguments(name, call))).collect();
    format!("{name} [[{}]]", calls.join(" "))
}

/// What the model calls the tool with.
pub(super) fn arguments(name: &str, call: usize) -> String {
    format!("{{\"q\":\"{name}-{call}\"}}")
}

/// What the tool's output is.
pub(super) fn output(name: &str, call: usize) -> String {
    format!("found {name}-{call}")
}

/// What the model says once it has the outputs.
pub(super) fn after_outputs(name: &str, calls: usize) -> String {
    let outputs: Vec<String> = (0..calls).map(|call| output(name, call)).collect();
    format!("Tool results: {}", outputs.join("; "))
}

/// The body of a request that begins a conversation.
pub(super) fn opening(route: Route, model: &str, prompt: &str, streamed: bool, n: u64) -> Value {
    match route {
        Route::Chat => json!({
            "model": model, "stream": streamed, "n": n,
            "messages": [{ "role": "system", "content": "Be short." }, { "role": "user", "content": prompt }],
        }),
        Route::Responses => json!({ "model": model, "stream": streamed, "input": prompt }),
        // The limit that this route has by itself is sixteen tokens.
        Route::Completions => {
            json!({ "model": model, "stream": streamed, "n": n, "prompt": prompt, "max_tokens": 100_000 })
        }
    }
}

/// Adds the tool that may be called.
pub(super) fn with_tool(route: Route, body: &mut Value) {
    let parameters = json!({ "type": "object", "properties": { "q": { "type": "string" } } });
    let function = json!({ "name": "lookup", "description": "Looks it up.", "parameters": parameters });
    body["tools"] = match route {
        Route::Responses => {
            let mut tool = function;
            tool["type"] = "function".into();
            json!([tool])
        }
        Route::Chat | Route::Completions => json!([{ "type": "function", "function": function }]),
    };
}

/// The request that goes on after a text: `body` is the one before, `id` that of its answer.
pub(super) fn next_text(route: Route, body: &Value, id: &str, answer: &str, prompt: &str) -> Value {
    let mut next = body.clone();
    match route {
        Route::Responses => {
            next["previous_response_id"] = id.into();
            next["input"] = prompt.into();
        }
        Route::Chat | Route::Completions => extend(
            &mut next,
            [json!({ "role": "assistant", "content": answer }), json!({ "role": "user", "content": prompt })],
        ),
    }
    next
}

/// The request that brings the outputs of calls, before which so many others were made.
pub(super) fn next_outputs(
    route: Route,
    body: &Value,
    id: &str,
    name: &str,
    before: usize,
    calls: &[Call],
) -> Value {
    let mut next = body.clone();
    let outputs = calls.iter().enumerate().map(|(index, call)| (call, output(name, before + index)));
    match route {
        Route::Responses => {
            next["previous_response_id"] = id.into();
            next["input"] = outputs
                .map(|(call, output)| {
                    json!({ "type": "function_call_output", "call_id": call.id, "output": output })
                })
                .collect();
        }
        Route::Chat | Route::Completions => {
            let made: Value = calls
                .iter()
                .map(|call| {
                    let function = json!({ "name": call.name, "arguments": call.arguments });
                    json!({ "id": call.id, "type": "function", "function": function })
                })
                .collect();
            let made = json!({ "role": "assistant", "content": null, "tool_calls": made });
            let outputs = outputs
                .map(|(call, output)| json!({ "role": "tool", "tool_call_id": call.id, "content": output }));
            extend(&mut next, std::iter::once(made).chain(outputs));
        }
    }
    next
}

fn extend(body: &mut Value, more: impl IntoIterator<Item = Value>) {
    if let Some(messages) = body["messages"].as_array_mut() {
        messages.extend(more);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prompt_asks_for_exactly_the_answer_that_is_expected() {
        let wish = Wish { name: "m1-2".into(), words: 3, every: 5 };
        assert_eq!(wish.prompt(), "[[say=\"m1-2 1 2 3\" every=5]]");
        assert_eq!(
            calls_prompt("m1-2", 2),
            r#"m1-2 [[tool=lookup:{"q":"m1-2-0"} tool=lookup:{"q":"m1-2-1"}]]"#
        );
        assert_eq!(after_outputs("m", 2), "Tool results: found m-0; found m-1");
    }

    #[test]
    fn a_conversation_goes_on_where_it_was() {
        let first = opening(Route::Chat, "m", "hi", false, 1);
        let next = next_text(Route::Chat, &first, "id", "hello", "more");
        let roles: Vec<_> = next["messages"].as_array().unwrap().iter().map(|m| m["role"].clone()).collect();
        assert_eq!(roles, ["system", "user", "assistant", "user"]);
        let call = Call { id: "c".into(), name: "lookup".into(), arguments: "{}".into() };
        let next = next_outputs(
            Route::Responses,
            &opening(Route::Responses, "m", "hi", true, 1),
            "r",
            "n",
            1,
            &[call],
        );
        assert_eq!(next["previous_response_id"], "r");
        assert_eq!(next["input"][0]["output"], "found n-1");
    }
}
