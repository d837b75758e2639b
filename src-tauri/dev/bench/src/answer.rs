//! Parses the proxy's answers on any route, streamed or not.
//!
//! An answer is valid only if it is complete and consistent: a stream that repeats something must repeat it exactly.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use thiserror::Error;

/// A route, by its path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Route(pub(crate) &'static str);

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Call {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) arguments: String,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) id: String,
    /// By choice.
    pub(crate) texts: BTreeMap<u64, String>,
    /// Of the first choice.
    pub(crate) calls: BTreeMap<u64, Call>,
    /// Of the choices that have ended.
    pub(crate) finish_reasons: Vec<String>,
    /// Whether usage was reported.
    pub(crate) usage: bool,
    /// Whether the stream's final event has arrived.
    done: bool,
}

/// An error from the proxy, as a response body or in a stream.
#[derive(Debug, Error)]
#[error("API error {code}: {body:.300}")]
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
    /// Parses an answer that was not streamed.
    pub(crate) fn parse(route: Route, body: &Value) -> Result<Self> {
        let mut answer = Self { done: true, ..Self::default() };
        match route {
            Route::RESPONSES => answer.read_response(body),
            _ => answer.read_choices(body, "message"),
        }
        answer.validated()
    }

    /// Adds the data of a stream's next event.
    pub(crate) fn read_event(&mut self, route: Route, data: &str) -> Result<()> {
        ensure!(!self.done, "event after the end of the stream: {data:.80}");
        if data == "[DONE]" {
            self.done = true;
            return Ok(());
        }
        let event: Value = serde_json::from_str(data).context("invalid JSON event")?;
        match (route, text(&event["type"])) {
            _ if error_code(&event).is_some() => return Err(ApiError::of(&event).into()),
            (Route::CHAT | Route::COMPLETIONS, _) => self.read_choices(&event, "delta"),
            (_, "response.output_text.delta") => self.text(0).push_str(text(&event["delta"])),
            (_, "response.failed") => return Err(ApiError::of(&event["response"]).into()),
            (_, "response.completed") => {
                let mut end = Self { done: true, ..Self::default() };
                end.read_response(&event["response"]);
                ensure!(self.text(0) == end.text(0), "the deltas differ from the final text");
                *self = end;
            }
            _ => {}
        }
        Ok(())
    }

    /// Fails if the answer is incomplete.
    pub(crate) fn validated(self) -> Result<Self> {
        let (choices, ended, done) = (self.texts.len(), self.finish_reasons.len(), self.done);
        let complete = done && !self.id.is_empty() && ended > 0 && ended == choices;
        ensure!(complete, "incomplete: {ended} of {choices} choices ended, done: {done}");
        Ok(self)
    }

    pub(crate) fn text(&mut self, choice: u64) -> &mut String {
        self.texts.entry(choice).or_default()
    }

    fn read_response(&mut self, response: &Value) {
        self.id = text(&response["id"]).to_owned();
        self.text(0);
        self.finish_reasons.extend((response["status"] == "completed").then(|| "stop".to_owned()));
        for (index, item) in (0..).zip(list(&response["output"])) {
            for part in list(&item["content"]) {
                self.text(0).push_str(text(&part["text"]));
            }
            if item["type"] == "function_call" {
                let [id, name, arguments] =
                    ["call_id", "name", "arguments"].map(|field| text(&item[field]).to_owned());
                self.calls.insert(index, Call { id, name, arguments });
            }
        }
    }

    /// Reads the choices of a completion or chunk. A chat's choices have their content in `field`.
    fn read_choices(&mut self, body: &Value, field: &str) {
        self.id = text(&body["id"]).to_owned();
        self.usage |= body["usage"].is_object();
        for choice in list(&body["choices"]) {
            let content = &choice[field];
            let known = self.text(choice["index"].as_u64().unwrap_or_default());
            known.push_str(text(&content["content"]));
            known.push_str(text(&choice["text"]));
            self.finish_reasons.extend(choice["finish_reason"].as_str().map(str::to_owned));
            for (index, piece) in (0..).zip(list(&content["tool_calls"])) {
                let call = self.calls.entry(piece["index"].as_u64().unwrap_or(index)).or_default();
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

/// The code, if this is an [`ApiError`].
pub(crate) fn api_error_code(error: &anyhow::Error) -> &str {
    error.downcast_ref().map_or("", |error: &ApiError| &error.code)
}

/// The code, if this body or event is an error.
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
        answer.validated()
    }

    #[test]
    fn a_chat_is_the_same_streamed_or_not() {
        let call = json!({"id":"c","type":"function","function":{"name":"f","arguments":"{}"}});
        let body = json!({"id":"x","choices":[{"index":0,"finish_reason":"tool_calls",
            "message":{"content":"ab","tool_calls":[call]}}]});
        let complete = Answer::parse(Route::CHAT, &body).unwrap();
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
        assert_eq!(streamed(Route::CHAT, &events).unwrap(), complete);
        assert_eq!((complete.texts[&0].as_str(), complete.calls[&0].arguments.as_str()), ("ab", "{}"));
    }

    #[test]
    fn an_answer_without_its_end_is_incomplete() {
        let events = [json!({"id":"x","choices":[{"index":0,"text":"a","finish_reason":null}]})];
        assert_eq!(api_error_code(&streamed(Route::COMPLETIONS, &events).unwrap_err()), "");
        assert!(Answer::parse(Route::CHAT, &json!({})).is_err());
    }

    #[test]
    fn deltas_that_differ_from_the_final_text_are_an_error() {
        let delta = |text: &str| json!({"type":"response.output_text.delta","delta":text});
        let end = json!({"type":"response.completed","response":{"id":"r","status":"completed",
            "output":[{"type":"message","content":[{"type":"output_text","text":"ab"}]}]}});
        let complete = streamed(Route::RESPONSES, &[delta("a"), delta("b"), end.clone()]).unwrap();
        assert_eq!((complete.id.as_str(), complete.texts[&0].as_str()), ("r", "ab"));
        assert_eq!(api_error_code(&streamed(Route::RESPONSES, &[delta("a"), end]).unwrap_err()), "");
    }

    #[test]
    fn the_code_of_an_error_is_found_in_every_form() {
        for event in [
            json!({"error":{"message":"gone","code":"gone"}}),
            json!({"type":"error","code":"gone"}),
            json!({"type":"response.failed","response":{"error":{"code":"gone"}}}),
        ] {
            assert_eq!(api_error_code(&streamed(Route::RESPONSES, &[event]).unwrap_err()), "gone");
        }
    }
}
