//! An answer as it came, whole or piece by piece, whichever route it came by.
//!
//! Pure. An answer counts only when it is one from end to end: its end was told, and where a stream tells something twice it
//! says the same twice. Deliberately not here: what was expected.

use serde_json::Value;

use super::ask::Route;

/// A call of a tool.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Call {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) arguments: String,
}

/// What came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) id: String,
    /// A text for each choice.
    pub(super) texts: Vec<String>,
    /// Of the first choice.
    pub(super) calls: Vec<Call>,
    /// How many choices have said why they ended.
    ended: usize,
    /// Whether the stream's own end has come.
    done: bool,
}

/// Why an answer is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Broken {
    /// The proxy said what is wrong, by this code.
    Error(String),
    /// It is not whole, or not an answer.
    NotWhole(String),
}

impl Answer {
    /// Reads an answer that came in one piece.
    pub(super) fn whole(route: Route, body: &Value) -> Result<Self, Broken> {
        let mut answer = Self { done: true, ..Self::default() };
        match route {
            Route::Responses => answer.response(body),
            Route::Chat | Route::Completions => answer.choices(body, "message"),
        }
        answer.checked()
    }

    /// Reads the data of the next event of a stream.
    pub(super) fn event(&mut self, route: Route, data: &str) -> Result<(), Broken> {
        if self.done {
            return Err(Broken::NotWhole(format!("something comes after the end: {data:.80}")));
        }
        if data == "[DONE]" {
            self.done = true;
            return Ok(());
        }
        let event: Value =
            serde_json::from_str(data).map_err(|_| Broken::NotWhole("an event that is no JSON".into()))?;
        if let Some(code) = code(&event) {
            return Err(Broken::Error(code));
        }
        match route {
            Route::Responses => self.response_event(&event)?,
            Route::Chat | Route::Completions => self.choices(&event, "delta"),
        }
        Ok(())
    }

    /// The answer, if all of it has come.
    pub(super) fn checked(self) -> Result<Self, Broken> {
        if !self.done || self.id.is_empty() || self.ended == 0 || self.ended != self.texts.len() {
            let Self { texts, ended, done, .. } = &self;
            let bytes: Vec<usize> = texts.iter().map(String::len).collect();
            return Err(Broken::NotWhole(format!("texts of {bytes:?} bytes, {ended} ended, done: {done}")));
        }
        Ok(self)
    }

    fn response_event(&mut self, event: &Value) -> Result<(), Broken> {
        match event["type"].as_str().unwrap_or_default() {
            "response.output_text.delta" => self.text(0).push_str(text(&event["delta"])),
            "response.failed" => {
                let code = text(&event["response"]["error"]["code"]).to_owned();
                return Err(Broken::Error(code));
            }
            "response.completed" => {
                let mut told = Self::default();
                told.response(&event["response"]);
                if self.texts.first().unwrap_or(&String::new()) != told.text(0) {
                    return Err(Broken::NotWhole(
                        "the deltas are not the text that is told in the end".into(),
                    ));
                }
                *self = Self { done: true, ..told };
            }
            _ => {}
        }
        Ok(())
    }

    fn response(&mut self, response: &Value) {
        self.id = text(&response["id"]).to_owned();
        self.text(0);
        self.ended = usize::from(response["status"] == "completed");
        for item in response["output"].as_array().into_iter().flatten() {
            match item["type"].as_str().unwrap_or_default() {
                "message" => {
                    for part in item["content"].as_array().into_iter().flatten() {
                        self.text(0).push_str(text(&part["text"]));
                    }
                }
                "function_call" => self.calls.push(Call {
                    id: text(&item["call_id"]).to_owned(),
                    name: text(&item["name"]).to_owned(),
                    arguments: text(&item["arguments"]).to_owned(),
                }),
                _ => {}
            }
        }
    }

    /// The choices of a completion or of a chunk; a chat holds what it says in `within`.
    fn choices(&mut self, body: &Value, within: &str) {
        if self.id.is_empty() {
            self.id = text(&body["id"]).to_owned();
        }
        for choice in body["choices"].as_array().into_iter().flatten() {
            let index =
                choice["index"].as_u64().and_then(|index| usize::try_from(index).ok()).unwrap_or_default();
            let said = &choice[within];
            let piece = format!("{}{}", text(&said["content"]), text(&choice["text"]));
            self.text(index).push_str(&piece);
            self.ended += usize::from(choice["finish_reason"].is_string());
            for (place, call) in said["tool_calls"].as_array().into_iter().flatten().enumerate() {
                self.call(
                    call["index"].as_u64().and_then(|at| usize::try_from(at).ok()).unwrap_or(place),
                    call,
                );
            }
        }
    }

    fn call(&mut self, place: usize, told: &Value) {
        if self.calls.len() <= place {
            self.calls.resize(place + 1, Call::default());
        }
        if let Some(call) = self.calls.get_mut(place) {
            call.id.push_str(text(&told["id"]));
            call.name.push_str(text(&told["function"]["name"]));
            call.arguments.push_str(text(&told["function"]["arguments"]));
        }
    }

    /// The text of a choice. The number comes from outside, and a wrong one must not fill the memory.
    fn text(&mut self, index: usize) -> &mut String {
        let index = index.min(8);
        if self.texts.len() <= index {
            self.texts.resize(index + 1, String::new());
        }
        &mut self.texts[index]
    }
}

/// The code of an error, in the body of a refusal or in a stream.
pub(super) fn code(body: &Value) -> Option<String> {
    let error =
        if body["type"] == "error" { body } else { body.get("error").filter(|error| !error.is_null())? };
    Some(error["code"].as_str().unwrap_or("none").to_owned())
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn streamed(route: Route, events: &[Value]) -> Result<Answer, Broken> {
        let mut answer = Answer::default();
        for event in events {
            answer.event(route, &event.to_string())?;
        }
        if route != Route::Responses {
            answer.event(route, "[DONE]")?;
        }
        answer.checked()
    }

    #[test]
    fn a_chat_is_the_same_whole_and_in_pieces() {
        let call = json!({"id":"c","type":"function","function":{"name":"f","arguments":"{}"}});
        let body = json!({"id":"x","choices":[{"index":0,"finish_reason":"tool_calls",
            "message":{"content":"ab","tool_calls":[call]}}]});
        let whole = Answer::whole(Route::Chat, &body).unwrap();
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
        assert_eq!(streamed(Route::Chat, &events).unwrap(), whole);
        assert_eq!((whole.texts, whole.calls[0].arguments.as_str()), (vec!["ab".to_owned()], "{}"));
    }

    #[test]
    fn an_answer_without_its_end_is_not_whole() {
        let events = [json!({"id":"x","choices":[{"index":0,"text":"a","finish_reason":null}]})];
        assert!(matches!(streamed(Route::Completions, &events), Err(Broken::NotWhole(_))));
        assert!(matches!(Answer::whole(Route::Chat, &json!({})), Err(Broken::NotWhole(_))));
    }

    #[test]
    fn deltas_that_differ_from_the_text_in_the_end_are_noticed() {
        let delta = |text: &str| json!({"type":"response.output_text.delta","delta":text});
        let end = json!({"type":"response.completed","response":{"id":"r","status":"completed",
            "output":[{"type":"message","content":[{"type":"output_text","text":"ab"}]}]}});
        let whole = streamed(Route::Responses, &[delta("a"), delta("b"), end.clone()]).unwrap();
        assert_eq!((whole.id.as_str(), whole.texts), ("r", vec!["ab".to_owned()]));
        assert!(matches!(streamed(Route::Responses, &[delta("a"), end]), Err(Broken::NotWhole(_))));
    }

    #[test]
    fn an_error_is_told_by_its_code_wherever_it_stands() {
        for event in [
            json!({"error":{"message":"gone","code":"gone"}}),
            json!({"type":"error","code":"gone"}),
            json!({"type":"response.failed","response":{"error":{"code":"gone"}}}),
        ] {
            assert_eq!(streamed(Route::Responses, &[event]), Err(Broken::Error("gone".into())));
        }
    }
}
