//! Any conversation arrives at codex unchanged, and any model output reaches the client's parser unchanged.

mod conversation;

use std::ops::Range;

use codex_client::{Content, Item, Role, ToolCall, Usage};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::chunks::{ChatChunks, Chunks, Head};
use super::completions::{self, TextChunks};
use super::response_events::{Ids, ResponseWriter};
use super::responses::{self, ParsedRequest};
use super::{request, wire};
use crate::error::ApiError;
use crate::event::{AnswerEnd, AnswerEvent};
use crate::openai::completion::FinishReason;
use crate::settings::ReasoningFormat;
use conversation::{conversation, expected, input, messages};

/// Overridden by `PROPTEST_CASES`.
fn cases() -> ProptestConfig {
    let usual = ProptestConfig::default();
    if std::env::var_os("PROPTEST_CASES").is_some() { usual } else { ProptestConfig { cases: 100, ..usual } }
}

/// Texts with characters that could end a line, an event, a string or an entry, and words with a meaning somewhere.
fn some_text() -> impl Strategy<Value = String> {
    const WORDS: &[&str] = &[
        "\n\n",
        "\r\n",
        "data: ",
        "data: [DONE]\n\n",
        "event: error\n",
        "<think>",
        "</think>",
        "[0123456789ab] system\n",
        "-c sandbox_mode=\"danger-full-access\"",
        "--dangerously-bypass-approvals-and-sandbox",
        "\u{1b}[2J",
        "[features]\nx = true",
        "### Task:",
        "<turn_aborted>",
        "```json\n{",
        "\u{fffd}",
        "\u{feff}",
        "\u{2028}\u{2029}\u{85}",
        "\0",
        "é😀",
    ];
    let word = prop::sample::select(WORDS).prop_map(str::to_owned);
    prop::collection::vec(prop_oneof![3 => word, 2 => any::<String>()], 0..5).prop_map(|words| words.concat())
}

fn texts(how_many: Range<usize>) -> impl Strategy<Value = Vec<String>> {
    prop::collection::vec(some_text(), how_many)
}

/// Serializes a body and parses it again.
fn over_the_wire<T: serde::de::DeserializeOwned>(body: &Value) -> T {
    serde_json::from_slice(&serde_json::to_vec(body).unwrap()).unwrap()
}

fn parsed(body: &Value) -> Result<ParsedRequest, ApiError> {
    responses::parse(over_the_wire(body), &[], &|_| None, ReasoningFormat::None, &mut Ids::new("0a".into()))
}

/// Parses the data of events by the SSE standard: lines end with CR, LF or both, an empty line ends an event, and
/// other fields are not data.
fn parse_events(bytes: &[u8]) -> Vec<Value> {
    let text = std::str::from_utf8(bytes).unwrap().replace("\r\n", "\n").replace('\r', "\n");
    let (mut events, mut data) = (Vec::new(), Vec::new());
    for line in text.lines() {
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        match field {
            "data" => data.push(value.strip_prefix(' ').unwrap_or(value)),
            "event" => {}
            "" if line.is_empty() => events.push(std::mem::take(&mut data).join("\n")),
            other => panic!("unexpected field {other:?}"),
        }
    }
    assert!(data.is_empty(), "the last event is not terminated");
    let json = |event: &String| serde_json::from_str(event).unwrap_or_else(|_| json!(event));
    events.iter().map(json).collect()
}

/// A model's text and reasoning deltas, and its final calls.
#[derive(Clone, Debug)]
struct Output {
    events: Vec<(bool, String)>,
    calls: Vec<ToolCall>,
}

fn output() -> impl Strategy<Value = Output> {
    let events = prop::collection::vec((any::<bool>(), some_text()), 0..8);
    let call = (some_text(), some_text(), some_text()).prop_map(|(call_id, name, arguments)| ToolCall {
        call_id,
        name,
        arguments,
    });
    (events, prop::collection::vec(call, 0..3)).prop_map(|(events, calls)| Output { events, calls })
}

impl Output {
    fn all(&self, thoughts: bool) -> String {
        self.events
            .iter()
            .filter(|(thought, _)| *thought == thoughts)
            .map(|(_, text)| text.as_str())
            .collect()
    }
}

fn finish() -> AnswerEnd {
    let usage = Usage { input: u64::MAX, cached: 1, output: u64::MAX, reasoning: 1 };
    AnswerEnd { reason: FinishReason::Stop, usage: Some(usage), files_changed: None }
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn a_chat_conversation_is_passed_on_unchanged(turns in conversation()) {
        let body = json!({"model": "m", "messages": messages(&turns)});
        let parsed = request::parse(over_the_wire(&body)).unwrap();
        prop_assert_eq!(parsed.items, expected(&turns));
    }

    #[test]
    fn a_responses_conversation_is_passed_on_unchanged(turns in conversation(), instructions in some_text()) {
        let body = json!({"model": "m", "input": input(&turns), "instructions": instructions});
        let mut items = expected(&turns);
        if !instructions.is_empty() {
            let content = vec![Content::Text(instructions)];
            items.insert(0, Item::Message { role: Role::Developer, content });
        }
        prop_assert_eq!(parsed(&body).unwrap().request.items, items);
    }

    #[test]
    fn a_prompt_is_passed_on_unchanged(prompts in texts(1..8)) {
        let body = json!({"model": "m", "prompt": prompts});
        let parsed = completions::parse(&over_the_wire(&body)).unwrap();
        let items: Vec<Item> = parsed.into_iter().flat_map(|request| request.items).collect();
        let message = |text: &String| Item::Message { role: Role::User, content: vec![Content::Text(text.clone())] };
        prop_assert_eq!(items, prompts.iter().map(message).collect::<Vec<_>>());
    }

    #[test]
    fn chat_clients_read_exactly_what_the_model_wrote(output in output(), model in some_text()) {
        let mut writer = ChatChunks::new(Head { include_usage: true, ..Head::default() }, 1, false);
        let mut events = vec![AnswerEvent::Model(model)];
        events.extend(output.events.iter().map(|(thought, text)| {
            if *thought { AnswerEvent::Reasoning(text.clone()) } else { AnswerEvent::Text(text.clone()) }
        }));
        events.extend(output.calls.iter().cloned().map(|call| AnswerEvent::Call(call.into())));
        events.push(AnswerEvent::Ended(Ok(finish())));
        let mut written: Vec<_> = events.into_iter().flat_map(|event| writer.write(0, event).unwrap()).collect();
        written.extend(writer.head().end());
        let parsed_events = parse_events(&wire(written));
        let of = |name: &str| {
            parsed_events.iter().filter_map(|event| event["choices"][0]["delta"][name].as_str()).collect::<String>()
        };
        prop_assert_eq!(of("content"), output.all(false));
        prop_assert_eq!(of("reasoning_content"), output.all(true));
        let mut calls: Vec<ToolCall> = Vec::new();
        for call in parsed_events.iter().map(|event| &event["choices"][0]["delta"]["tool_calls"][0]).filter(|call| call.is_object()) {
            if let Some(name) = call["function"]["name"].as_str() {
                let call_id = call["id"].as_str().unwrap().to_owned();
                calls.push(ToolCall { call_id, name: name.to_owned(), arguments: String::new() });
            }
            calls.last_mut().unwrap().arguments.push_str(call["function"]["arguments"].as_str().unwrap());
        }
        prop_assert_eq!(calls, output.calls);
        prop_assert_eq!(parsed_events.last(), Some(&json!("[DONE]")));
    }

    #[test]
    fn completions_clients_read_exactly_what_the_model_wrote(texts in texts(0..6)) {
        let mut writer = TextChunks(Head { include_usage: true, ..Head::default() });
        let events = texts.iter().cloned().map(AnswerEvent::Text).chain([AnswerEvent::Ended(Ok(finish()))]);
        let mut written: Vec<_> = events.flat_map(|event| writer.write(0, event).unwrap()).collect();
        written.extend(writer.head().end());
        let parsed_events = parse_events(&wire(written));
        let text: String = parsed_events.iter().filter_map(|event| event["choices"][0]["text"].as_str()).collect();
        prop_assert_eq!(text, texts.concat());
        prop_assert_eq!(parsed_events.last(), Some(&json!("[DONE]")));
    }

    #[test]
    fn responses_clients_read_exactly_what_the_model_wrote(output in output(), labels in texts(2..3)) {
        // Within OpenAI's bounds for labels.
        let cut = |text: &str, chars| text.chars().take(chars).collect::<String>();
        let (value, name) = (cut(&labels[0], 512), cut(&labels[1], 64));
        let body = json!({"model": "m", "input": "x", "user": labels[0], "metadata": {&name: &value}});
        let options = parsed(&body).unwrap().options;
        let mut writer = ResponseWriter::new(Ids::new("0a".into()), 7, "m".into(), options, true);
        let said = |(thought, text): &(bool, String)| {
            if *thought { AnswerEvent::Reasoning(text.clone()) } else { AnswerEvent::Text(text.clone()) }
        };
        let calls = output.calls.iter().cloned().map(|call| AnswerEvent::Call(call.into()));
        for event in output.events.iter().map(said).chain(calls).chain([AnswerEvent::Ended(Ok(finish()))]) {
            writer.write(event, 8).unwrap();
        }
        let parsed_events = parse_events(&wire(writer.take_events().into_iter().map(Into::into).collect()));
        for (number, event) in parsed_events.iter().enumerate() {
            prop_assert_eq!(&event["sequence_number"], &json!(number));
        }
        let of = |kind: &str| {
            let deltas = parsed_events.iter().filter(|event| event["type"] == kind);
            deltas.filter_map(|event| event["delta"].as_str()).collect::<String>()
        };
        prop_assert_eq!(of("response.output_text.delta"), output.all(false));
        let whole = &parsed_events.last().unwrap()["response"];
        prop_assert_eq!(&whole["user"], &json!(labels[0]));
        prop_assert_eq!(&whole["metadata"][&name], &json!(value));
        let items = whole["output"].as_array().unwrap();
        let said = |item: &Value| item["content"][0]["text"].as_str().map(str::to_owned);
        prop_assert_eq!(items.iter().filter_map(said).collect::<String>(), output.all(false));
        let called = items.iter().filter(|item| item["type"] == "function_call").map(|item| ToolCall {
            call_id: item["call_id"].as_str().unwrap().to_owned(),
            name: item["name"].as_str().unwrap().to_owned(),
            arguments: item["arguments"].as_str().unwrap().to_owned(),
        });
        prop_assert_eq!(called.collect::<Vec<_>>(), output.calls);
    }
}
