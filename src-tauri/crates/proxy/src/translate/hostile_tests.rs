//! Any conversation comes out as it went in, and any text that the model says reaches the client's parser as the model said it.

mod conversation;

use std::ops::Range;

use codex_client::{Content, Item, Role, ToolCall, Usage};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::chunks::{ChatChunks, Chunks, Head};
use super::completions::{self, TextChunks};
use super::response_events::{Ids, ResponseWriter};
use super::responses::{self, Parsed};
use super::{request, wire};
use crate::error::ApiError;
use crate::event::{Finish, Piece};
use crate::openai::completion::FinishReason;
use crate::settings::ReasoningAs;
use conversation::{conversation, expected, input, messages};

/// Enough for every day; `PROPTEST_CASES` has its way where it is set.
fn cases() -> ProptestConfig {
    let usual = ProptestConfig::default();
    if std::env::var_os("PROPTEST_CASES").is_some() { usual } else { ProptestConfig { cases: 100, ..usual } }
}

/// Texts with the signs that could end a line, an event, a string or an entry, and words that mean something to somebody.
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

/// A body as it goes over the wire and is read.
fn over_the_wire<T: serde::de::DeserializeOwned>(body: &Value) -> T {
    serde_json::from_slice(&serde_json::to_vec(body).unwrap()).unwrap()
}

fn parsed(body: &Value) -> Result<Parsed, ApiError> {
    responses::parse(over_the_wire(body), &[], &|_| None, ReasoningFormat::None, &mut Ids::new("0a".into()))
}

/// The data of the events of some bytes, by the letter of the standard: lines end with CR, LF or both, an empty one ends the event, and
/// what is not `data` is not the event's data.
fn events(bytes: &[u8]) -> Vec<Value> {
    let text = std::str::from_utf8(bytes).unwrap().replace("\r\n", "\n").replace('\r', "\n");
    let (mut events, mut data) = (Vec::new(), Vec::new());
    for line in text.lines() {
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        match field {
            "data" => data.push(value.strip_prefix(' ').unwrap_or(value)),
            "event" => {}
            "" if line.is_empty() => events.push(std::mem::take(&mut data).join("\n")),
            other => panic!("{other:?} is no field of ours"),
        }
    }
    assert!(data.is_empty(), "the last event has no end");
    let json = |event: &String| serde_json::from_str(event).unwrap_or_else(|_| json!(event));
    events.iter().map(json).collect()
}

/// What the model says and thinks, piece by piece, and what it calls at the end.
#[derive(Clone, Debug)]
struct Speech {
    pieces: Vec<(bool, String)>,
    calls: Vec<ToolCall>,
}

fn speech() -> impl Strategy<Value = Speech> {
    let pieces = prop::collection::vec((any::<bool>(), some_text()), 0..8);
    let call = (some_text(), some_text(), some_text()).prop_map(|(call_id, name, arguments)| ToolCall {
        call_id,
        name,
        arguments,
    });
    (pieces, prop::collection::vec(call, 0..3)).prop_map(|(pieces, calls)| Speech { pieces, calls })
}

impl Speech {
    fn all(&self, thoughts: bool) -> String {
        self.pieces
            .iter()
            .filter(|(thought, _)| *thought == thoughts)
            .map(|(_, text)| text.as_str())
            .collect()
    }
}

fn finish() -> Finish {
    let usage = Usage { input: u64::MAX, cached: 1, output: u64::MAX, reasoning: 1 };
    Finish { reason: FinishReason::Stop, usage: Some(usage) }
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn a_conversation_of_a_chat_comes_out_as_it_went_in(said in conversation()) {
        let body = json!({"model": "m", "messages": messages(&said)});
        let wanted = request::parse(over_the_wire(&body)).unwrap();
        prop_assert_eq!(wanted.items, expected(&said));
    }

    #[test]
    fn a_conversation_of_a_response_comes_out_as_it_went_in(said in conversation(), instructions in some_text()) {
        let body = json!({"model": "m", "input": input(&said), "instructions": instructions});
        let mut items = expected(&said);
        if !instructions.is_empty() {
            let content = vec![Content::Text(instructions)];
            items.insert(0, Item::Message { role: Role::Developer, content });
        }
        prop_assert_eq!(parsed(&body).unwrap().wanted.items, items);
    }

    #[test]
    fn a_prompt_comes_out_as_it_went_in(prompts in texts(1..8)) {
        let body = json!({"model": "m", "prompt": prompts});
        let wanted = completions::parse(&over_the_wire(&body)).unwrap();
        let items: Vec<Item> = wanted.into_iter().flat_map(|wanted| wanted.items).collect();
        let says = |text: &String| Item::Message { role: Role::User, content: vec![Content::Text(text.clone())] };
        prop_assert_eq!(items, prompts.iter().map(says).collect::<Vec<_>>());
    }

    #[test]
    fn what_the_model_says_is_what_the_parser_of_a_chat_reads(speech in speech(), model in some_text()) {
        let mut writer = ChatChunks::new(Head { include_usage: true, ..Head::default() }, 1, false);
        let mut pieces = vec![Piece::Model(model)];
        pieces.extend(speech.pieces.iter().map(|(thought, text)| {
            if *thought { Piece::Reasoning(text.clone()) } else { Piece::Text(text.clone()) }
        }));
        pieces.extend(speech.calls.iter().cloned().map(Piece::Call));
        pieces.push(Piece::Ended(Ok(finish())));
        let mut written: Vec<_> = pieces.into_iter().flat_map(|piece| writer.piece(0, piece).unwrap()).collect();
        written.extend(writer.head().end());
        let events = events(&wire(written));
        let of = |name: &str| {
            events.iter().filter_map(|event| event["choices"][0]["delta"][name].as_str()).collect::<String>()
        };
        prop_assert_eq!(of("content"), speech.all(false));
        prop_assert_eq!(of("reasoning_content"), speech.all(true));
        let mut calls: Vec<ToolCall> = Vec::new();
        for call in events.iter().map(|event| &event["choices"][0]["delta"]["tool_calls"][0]).filter(|call| call.is_object()) {
            if let Some(name) = call["function"]["name"].as_str() {
                let call_id = call["id"].as_str().unwrap().to_owned();
                calls.push(ToolCall { call_id, name: name.to_owned(), arguments: String::new() });
            }
            calls.last_mut().unwrap().arguments.push_str(call["function"]["arguments"].as_str().unwrap());
        }
        prop_assert_eq!(calls, speech.calls);
        prop_assert_eq!(events.last(), Some(&json!("[DONE]")));
    }

    #[test]
    fn what_the_model_says_is_what_the_parser_of_a_completion_reads(said in texts(0..6)) {
        let mut writer = TextChunks(Head { include_usage: true, ..Head::default() });
        let pieces = said.iter().cloned().map(Piece::Text).chain([Piece::Ended(Ok(finish()))]);
        let mut written: Vec<_> = pieces.flat_map(|piece| writer.piece(0, piece).unwrap()).collect();
        written.extend(writer.head().end());
        let events = events(&wire(written));
        let text: String = events.iter().filter_map(|event| event["choices"][0]["text"].as_str()).collect();
        prop_assert_eq!(text, said.concat());
        prop_assert_eq!(events.last(), Some(&json!("[DONE]")));
    }

    #[test]
    fn what_the_model_says_is_what_the_parser_of_a_response_reads(speech in speech(), labels in texts(2..3)) {
        let body = json!({"model": "m", "input": "x", "user": labels[0], "metadata": {&labels[1]: &labels[0]}});
        let options = parsed(&body).unwrap().options;
        let mut writer = ResponseWriter::new(Ids::new("0a".into()), 7, "m".into(), options, true);
        let said = |(thought, text): &(bool, String)| {
            if *thought { Piece::Reasoning(text.clone()) } else { Piece::Text(text.clone()) }
        };
        let calls = speech.calls.iter().cloned().map(Piece::Call);
        for piece in speech.pieces.iter().map(said).chain(calls).chain([Piece::Ended(Ok(finish()))]) {
            writer.piece(piece, 8).unwrap();
        }
        let events = events(&wire(writer.take_events()));
        for (number, event) in events.iter().enumerate() {
            prop_assert_eq!(&event["sequence_number"], &json!(number));
        }
        let of = |kind: &str| {
            let deltas = events.iter().filter(|event| event["type"] == kind);
            deltas.filter_map(|event| event["delta"].as_str()).collect::<String>()
        };
        prop_assert_eq!(of("response.output_text.delta"), speech.all(false));
        let whole = &events.last().unwrap()["response"];
        prop_assert_eq!(&whole["user"], &json!(labels[0]));
        prop_assert_eq!(&whole["metadata"][&labels[1]], &json!(labels[0]));
        let output = whole["output"].as_array().unwrap();
        let said = |item: &Value| item["content"][0]["text"].as_str().map(str::to_owned);
        prop_assert_eq!(output.iter().filter_map(said).collect::<String>(), speech.all(false));
        let called = output.iter().filter(|item| item["type"] == "function_call").map(|item| ToolCall {
            call_id: item["call_id"].as_str().unwrap().to_owned(),
            name: item["name"].as_str().unwrap().to_owned(),
            arguments: item["arguments"].as_str().unwrap().to_owned(),
        });
        prop_assert_eq!(called.collect::<Vec<_>>(), speech.calls);
    }
}
