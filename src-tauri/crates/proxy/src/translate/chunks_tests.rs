use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::event::AnswerEnd;
use crate::translate::wire;

fn head(include_usage: bool) -> Head {
    let (id, object) = ("chatcmpl-1".to_owned(), "chat.completion.chunk");
    Head { id, object, created: 7, include_usage, ..Head::default() }
}

fn writer(include_usage: bool, legacy_calls: bool) -> ChatChunks {
    let mut writer = ChatChunks::new(head(include_usage), 2, legacy_calls);
    writer.write(0, AnswerEvent::Model("m".into())).unwrap();
    writer
}

fn text(text: &str) -> AnswerEvent {
    AnswerEvent::Text(text.into())
}

fn end(reason: FinishReason, usage: Option<Usage>) -> AnswerEvent {
    AnswerEvent::Ended(Ok(AnswerEnd { reason, usage, files_changed: None }))
}

/// Parses `data:` events; `[DONE]` becomes a string.
fn events(bytes: &[u8]) -> Vec<Value> {
    std::str::from_utf8(bytes)
        .unwrap()
        .split_terminator("\n\n")
        .map(|event| event.strip_prefix("data: ").unwrap())
        .map(|data| serde_json::from_str(data).unwrap_or_else(|_| json!(data)))
        .collect()
}

fn written(writer: &mut ChatChunks, index: u32, event: AnswerEvent) -> Vec<Value> {
    events(&wire(writer.write(index, event).unwrap()))
}

#[test]
fn the_role_is_sent_once_per_answer_and_every_delta_is_a_chunk() {
    let mut writer = writer(false, false);
    let first = written(&mut writer, 0, text("a\n\"b\""));
    assert_eq!(first.len(), 2);
    assert_eq!(first[0]["choices"][0]["delta"], json!({"role":"assistant","content":""}));
    assert_eq!(
        first[1],
        json!({"id":"chatcmpl-1","object":"chat.completion.chunk","created":7,"model":"m","choices":[
            {"index":0,"delta":{"content":"a\n\"b\""},"logprobs":null,"finish_reason":null}
        ]})
    );
    let second = written(&mut writer, 0, AnswerEvent::Reasoning("why".into()));
    assert_eq!(second.len(), 1);
    assert_eq!(second[0]["choices"][0]["delta"], json!({"reasoning_content":"why"}));
    let other = written(&mut writer, 1, text("x"));
    assert_eq!(other[0]["choices"][0]["delta"]["role"], "assistant");
    assert_eq!(other[1]["choices"][0]["index"], 1);
}

#[test]
fn a_call_starts_with_its_name_and_calls_are_numbered() {
    let mut writer = writer(false, false);
    let call = |id: &str| {
        AnswerEvent::Call(
            codex_client::ToolCall { call_id: id.into(), name: "f".into(), arguments: "{ }".into() }.into(),
        )
    };
    let first = written(&mut writer, 0, call("c1"));
    assert_eq!(
        first[1]["choices"][0]["delta"],
        json!({"tool_calls":[{"index":0,"id":"c1","type":"function","function":{"name":"f","arguments":""}}]})
    );
    assert_eq!(
        first[2]["choices"][0]["delta"],
        json!({"tool_calls":[{"index":0,"function":{"arguments":"{ }"}}]})
    );
    let second = written(&mut writer, 0, call("c2"));
    assert_eq!(second[0]["choices"][0]["delta"]["tool_calls"][0]["index"], 1);
    let end = written(&mut writer, 0, end(FinishReason::ToolCalls, None));
    assert_eq!(end[0]["choices"][0]["finish_reason"], "tool_calls");
}

#[test]
fn legacy_calls_use_legacy_names() {
    let mut writer = writer(false, true);
    let call = AnswerEvent::Call(
        codex_client::ToolCall { call_id: "c".into(), name: "f".into(), arguments: "{}".into() }.into(),
    );
    let call = written(&mut writer, 0, call);
    assert_eq!(call[1]["choices"][0]["delta"], json!({"function_call":{"name":"f","arguments":""}}));
    assert_eq!(call[2]["choices"][0]["delta"], json!({"function_call":{"arguments":"{}"}}));
    let end = written(&mut writer, 0, end(FinishReason::ToolCalls, None));
    assert_eq!(end[0]["choices"][0]["finish_reason"], "function_call");
}

#[test]
fn a_stream_ends_with_one_finish_reason_and_done() {
    let mut writer = writer(false, false);
    written(&mut writer, 0, text("a"));
    let end = written(&mut writer, 0, end(FinishReason::Length, None));
    assert_eq!(end[0]["choices"][0], json!({"index":0,"delta":{},"logprobs":null,"finish_reason":"length"}));
    assert_eq!(events(&wire(writer.head().end())), ["[DONE]"]);
}

#[test]
fn usage_is_null_until_the_last_chunk_and_covers_all_answers() {
    let mut writer = writer(true, false);
    assert_eq!(written(&mut writer, 0, text("a"))[1]["usage"], Value::Null);
    assert!(written(&mut writer, 0, text("a"))[0].as_object().unwrap().contains_key("usage"));
    let usage = Usage { input: 5, cached: 2, output: 3, reasoning: 1 };
    for index in 0..2 {
        written(&mut writer, index, end(FinishReason::Stop, Some(usage)));
    }
    let end = events(&wire(writer.head().end()));
    assert_eq!(end[0]["choices"], json!([]));
    assert_eq!(
        end[0]["usage"],
        json!({"prompt_tokens":10,"completion_tokens":6,"total_tokens":16,
            "prompt_tokens_details":{"cached_tokens":4},"completion_tokens_details":{"reasoning_tokens":2}})
    );
    assert_eq!(end[1], "[DONE]");
}

#[test]
fn an_empty_answer_is_a_complete_stream() {
    let mut writer = writer(false, false);
    let end = written(&mut writer, 0, end(FinishReason::Stop, None));
    assert_eq!(end[0]["choices"][0]["delta"]["role"], "assistant");
    assert_eq!(end[1]["choices"][0]["finish_reason"], "stop");
}

/// Parses the data of events by the SSE standard: lines end with CR, LF or both, and an empty line ends an event.
fn data(bytes: &[u8]) -> Vec<String> {
    let text = std::str::from_utf8(bytes).unwrap().replace("\r\n", "\n").replace('\r', "\n");
    let (mut events, mut data) = (Vec::new(), Vec::new());
    for line in text.lines() {
        match line.split_once(':') {
            Some(("data", value)) => data.push(value.strip_prefix(' ').unwrap_or(value)),
            None if line.is_empty() => events.push(std::mem::take(&mut data).join("\n")),
            _ => panic!("{line:?} is not data"),
        }
    }
    assert!(data.is_empty(), "the last event is not terminated");
    events
}

/// Texts with characters that could end a line, an event or a string.
fn some_text() -> impl Strategy<Value = String> {
    let signs = "\n\r\0\u{85}\u{2028}\u{2029}\u{feff}\"\\/:{} adt\u{7f}é😀";
    let sign = prop::sample::select(signs.chars().collect::<Vec<_>>());
    prop::collection::vec(prop_oneof![4 => sign, 1 => any::<char>()], 0..24).prop_map(String::from_iter)
}

proptest! {
    #[test]
    fn any_text_round_trips_as_one_single_line_event(
        texts in prop::collection::vec(some_text(), 1..5), model in some_text(), include_usage in any::<bool>()
    ) {
        let mut writer = ChatChunks::new(head(include_usage), 1, false);
        writer.write(0, AnswerEvent::Model(model.clone())).unwrap();
        for (index, text) in texts.iter().enumerate() {
            let events = data(&wire(writer.write(0, AnswerEvent::Text(text.clone())).unwrap()));
            prop_assert_eq!(events.len(), if index == 0 { 2 } else { 1 });
            prop_assert!(events.iter().all(|event| !event.contains('\n')));
            let chunk: Value = serde_json::from_str(&events[events.len() - 1]).unwrap();
            prop_assert_eq!(&chunk["choices"][0]["delta"], &json!({"content": text}));
            if !model.is_empty() {
                prop_assert_eq!(&chunk["model"], &json!(model));
            }
        }
    }

    #[test]
    fn any_value_round_trips_as_one_single_line_event(
        texts in prop::collection::btree_map(some_text(), some_text(), 0..4)
    ) {
        let events = data(&wire(vec![data_event(&texts)]));
        prop_assert_eq!(events.len(), 1);
        prop_assert!(!events[0].contains('\n'));
        prop_assert_eq!(serde_json::from_str::<Value>(&events[0]).unwrap(), json!(texts));
    }
}
