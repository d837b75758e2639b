//! An answer of a proxy as it came, whole or piece by piece, by any route.
//!
//! Pure. An answer counts only when it is one from end to end: its end has come, and where a stream says something twice it
//! says the same twice. What was expected is not known here.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use thiserror::Error;

/// A route that answers, by its path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Route(pub(crate) &'static str);

/// A call of a tool.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Call {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) arguments: String,
}

/// What came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) id: String,
    /// A text for each choice.
    pub(crate) texts: BTreeMap<u64, String>,
    /// Of the first choice.
    pub(crate) calls: BTreeMap<u64, Call>,
    /// Why the choices have ended that have.
    pub(crate) finish_reasons: Vec<String>,
    /// Whether it said what it cost.
    pub(crate) usage: bool,
    /// Whether the stream's own end has come.
    done: bool,
}

/// The proxy's own error, in the body of a refusal or in a stream.
#[derive(Debug, Error)]
#[error("the answer is an error, {code}: {body:.300}")]
pub(crate) struct ApiError {
    code: String,
    body: String,
}

impl Route {
    pub(crate) const CHAT: Self = Self("/v1/chat/completions");
    pub(crate) const RESPONSES: Self = Self("/v1/responses");
    pub(crate) const COMPLETIONS: Self = Self("/v1/completions");
}

impl Answer {
    /// Reads an answer that came in one piece.
    pub(crate) fn whole(route: Route, body: &Value) -> Result<Self> {
        let mut answer = Self { done: true, ..Self::default() };
        match route {
            Route::RESPONSES => answer.read_response(body),
            _ => answer.read_choices(body, "message"),
        }
        answer.checked()
    }

    /// Reads the data of the next event of a stream.
    pub(crate) fn read_event(&mut self, route: Route, data: &str) -> Result<()> {
        ensure!(!self.done, "something comes after the end: {data:.80}");
        if data == "[DONE]" {
            self.done = true;
            return Ok(());
        }
        let event: Value = serde_json::from_str(data).context("an event that is no JSON")?;
        match (route, text(&event["type"])) {
            _ if error_code(&event).is_some() => return Err(ApiError::of(&event).into()),
            (Route::CHAT | Route::COMPLETIONS, _) => self.read_choices(&event, "delta"),
            (_, "response.output_text.delta") => self.text(0).push_str(text(&event["delta"])),
            (_, "response.failed") => return Err(ApiError::of(&event["response"]).into()),
            (_, "response.completed") => {
                let mut end = Self { done: true, ..Self::default() };
                end.read_response(&event["response"]);
                ensure!(self.text(0) == end.text(0), "the deltas are not the text of the end");
                *self = end;
            }
            _ => {}
        }
        Ok(())
    }

    /// The answer, if all of it has come.
    pub(crate) fn checked(self) -> Result<Self> {
        let (choices, ended, done) = (self.texts.len(), self.finish_reasons.len(), self.done);
        let whole = done && !self.id.is_empty() && ended > 0 && ended == choices;
        ensure!(whole, "not whole: {ended} of {choices} choices ended, done: {done}");
        Ok(self)
    }

    /// The text of a choice.
    pub(crate) fn text(&mut self, choice: u64) -> &mut String {
        self.texts.entry(choice).or_default()
    }

    fn read_response(&mut self, response: &Value) {
        self.id = text(&response["id"]).to_owned();
        self.text(0);
        self.finish_reasons.extend((response["status"] == "completed").then(|| "stop".to_owned()));
        for (place, item) in (0..).zip(list(&response["output"])) {
            for part in list(&item["content"]) {
                self.text(0).push_str(text(&part["text"]));
            }
            if item["type"] == "function_call" {
                let [id, name, arguments] =
                    ["call_id", "name", "arguments"].map(|field| text(&item[field]).to_owned());
                self.calls.insert(place, Call { id, name, arguments });
            }
        }
    }

    /// The choices of a completion or of a chunk; those of a chat hold what they say in `within`.
    fn read_choices(&mut self, body: &Value, within: &str) {
        self.id = text(&body["id"]).to_owned();
        self.usage |= body["usage"].is_object();
        for choice in list(&body["choices"]) {
            let content = &choice[within];
            let known = self.text(choice["index"].as_u64().unwrap_or_default());
            known.push_str(text(&content["content"]));
            known.push_str(text(&choice["text"]));
            self.finish_reasons.extend(choice["finish_reason"].as_str().map(str::to_owned));
            for (place, piece) in (0..).zip(list(&content["tool_calls"])) {
                let call = self.calls.entry(piece["index"].as_u64().unwrap_or(place)).or_default();
                call.id.push_str(text(&piece["id"]));
                call.name.push_str(text(&piece["function"]["name"]));
                call.arguments.push_str(text(&piece["function"]["arguments"]));
            }
        }
    }
}

impl ApiError {
    pub(crate) fn of(body: &Value) -> Self {
        Self { code: error_code(body).unwrap_or_default(), body: body.to_string() }
    }
}

/// The code of the proxy's error, if that is what an error is.
pub(crate) fn code_of(error: &anyhow::Error) -> &str {
    error.downcast_ref().map_or("", |error: &ApiError| &error.code)
}

/// The code of an error, in the body of a refusal or in a stream.
fn error_code(body: &Value) -> Option<String> {
    let error =
        if body["type"] == "error" { body } else { body.get("error").filter(|error| !error.is_null())? };
    Some(error["code"].as_str().unwrap_or("none").to_owned())
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn streamed(route: Route, events: &[Value]) -> Result<Answer> {
        let mut answer = Answer::default();
        for event in events {
            answer.read_event(route, &event.to_string())?;
        }
        if route != Route::RESPONSES {
            answer.read_event(route, "[DONE]")?;
        }
        answer.checked()
    }

    #[test]
    fn a_chat_is_the_same_whole_and_in_pieces() {
        let call = json!({"id":"c","type":"function","function":{"name":"f","arguments":"{}"}});
        let body = json!({"id":"x","choices":[{"index":0,"finish_reason":"tool_calls",
            "message":{"content":"ab","tool_calls":[call]}}]});
        let whole = Answer::whole(Route::CHAT, &body).unwrap();
        let piece = |delta: Value, end: Value| json!({"id":"x","choices":[{"index":0,"delta":delta,"finish_reason":end}]});
        let events = [
            piece(json!({"role":"assistant","content":"a"}), Value::Null),
            piece(json!({"content":"b"}), Value::Null),
            piece(
                json!({"tool_calls":[{"index":0,"id":"c","function":{"name":"f","arguments":""}}]}),
                Value::Null,
            ),
            piece(json!({"tool_calls":[{"index":0,"function":{"arguments":"{}"}}]}), json!("tool_calls")),
        ];
        assert_eq!(streamed(Route::CHAT, &events).unwrap(), whole);
        assert_eq!((whole.texts[&0].as_str(), whole.calls[&0].arguments.as_str()), ("ab", "{}"));
    }

    #[test]
    fn an_answer_without_its_end_is_not_whole() {
        let events = [json!({"id":"x","choices":[{"index":0,"text":"a","finish_reason":null}]})];
        assert_eq!(code_of(&streamed(Route::COMPLETIONS, &events).unwrap_err()), "");
        assert!(Answer::whole(Route::CHAT, &json!({})).is_err());
    }

    #[test]
    fn deltas_that_differ_from_the_text_in_the_end_are_noticed() {
        let delta = |text: &str| json!({"type":"response.output_text.delta","delta":text});
        let end = json!({"type":"response.completed","response":{"id":"r","status":"completed",
            "output":[{"type":"message","content":[{"type":"output_text","text":"ab"}]}]}});
        let whole = streamed(Route::RESPONSES, &[delta("a"), delta("b"), end.clone()]).unwrap();
        assert_eq!((whole.id.as_str(), whole.texts[&0].as_str()), ("r", "ab"));
        assert_eq!(code_of(&streamed(Route::RESPONSES, &[delta("a"), end]).unwrap_err()), "");
    }

    #[test]
    fn an_error_is_known_by_its_code_wherever_it_stands() {
        for event in [
            json!({"error":{"message":"gone","code":"gone"}}),
            json!({"type":"error","code":"gone"}),
            json!({"type":"response.failed","response":{"error":{"code":"gone"}}}),
        ] {
            assert_eq!(code_of(&streamed(Route::RESPONSES, &[event]).unwrap_err()), "gone");
        }
    }
}
