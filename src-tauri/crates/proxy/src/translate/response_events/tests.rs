use serde_json::{Value, json};

use super::*;
use codex_client::{Citation, Usage as TurnUsage, WebSearchAction, WebSearchCall};

use crate::openai::responses::response::{Format, Reasoning, Text};

fn options() -> ResponseOptions {
    ResponseOptions {
        instructions: None,
        max_output_tokens: None,
        metadata: std::collections::BTreeMap::new(),
        parallel_tool_calls: true,
        conversation: None,
        previous_response_id: None,
        reasoning: Reasoning::default(),
        service_tier: Some("auto".into()),
        temperature: Some(1.0),
        text: Text { format: Format::Text, verbosity: None },
        tool_choice: json!("auto"),
        tools: Vec::new(),
        top_logprobs: 0,
        top_p: Some(1.0),
        truncation: Some("disabled".into()),
        user: None,
        safety_identifier: None,
        prompt_cache_key: None,
    }
}

fn writer(streamed: bool) -> ResponseWriter {
    ResponseWriter::new(Ids::new("0a".into()), 7, "m".into(), options(), streamed)
}

fn finish(reason: FinishReason) -> AnswerEnd {
    AnswerEnd {
        reason,
        usage: Some(TurnUsage { input: 10, cached: 4, output: 5, reasoning: 2 }),
        files_changed: None,
    }
}

fn weather(arguments: &str) -> ClientCall {
    let (call_id, name) = ("call_1".into(), "weather".into());
    ClientCall { call_id, namespace: None, name, input: arguments.into(), is_custom: false }
}

fn error() -> ResponseError {
    ResponseError { code: "server_error", message: "it broke".into() }
}

/// Parses events, checking that each kind and number is that of the JSON.
fn events(events: Vec<ResponseEvent>) -> Vec<Value> {
    events
        .into_iter()
        .map(|ResponseEvent { kind, sequence_number, json }| {
            let event: Value = serde_json::from_slice(&json).unwrap();
            assert_eq!((&event["type"], &event["sequence_number"]), (&json!(kind), &json!(sequence_number)));
            event
        })
        .collect()
}

fn kinds(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| event["type"].as_str().unwrap().strip_prefix("response.").unwrap()).collect()
}

#[test]
fn every_kind_of_item_emits_its_events() {
    let mut writer = writer(true);
    writer.set_model("m-2".into());
    writer.reasoning("hm");
    writer.text("Hel");
    writer.text("lo");
    writer.call(weather("{ }"));
    writer.end(finish(FinishReason::ToolCalls), 9);
    let events = events(writer.take_events());
    assert_eq!(
        kinds(&events),
        [
            "created",
            "in_progress",
            "output_item.added",
            "reasoning_summary_part.added",
            "reasoning_summary_text.delta",
            "reasoning_summary_text.done",
            "reasoning_summary_part.done",
            "output_item.done",
            "output_item.added",
            "content_part.added",
            "output_text.delta",
            "output_text.delta",
            "output_text.done",
            "content_part.done",
            "output_item.done",
            "output_item.added",
            "function_call_arguments.delta",
            "function_call_arguments.done",
            "output_item.done",
            "completed",
        ]
    );
    for (number, event) in events.iter().enumerate() {
        assert_eq!(event["sequence_number"], number);
    }
    assert_eq!(events[0]["response"]["status"], "in_progress");
    assert_eq!(events[0]["response"]["model"], "m-2");
    assert_eq!(
        events[10],
        json!({"type":"response.output_text.delta","sequence_number":10,"item_id":"msg_0a0002",
            "output_index":1,"content_index":0,"delta":"Hel","logprobs":[]})
    );
    assert_eq!(events[8]["item"]["content"], json!([]));
    assert_eq!(events[9]["part"]["text"], "");
    assert_eq!(
        events[14]["item"],
        json!({"type":"message","id":"msg_0a0002","status":"completed","role":"assistant","content":[
            {"type":"output_text","text":"Hello","annotations":[],"logprobs":[]}]})
    );
    assert_eq!(events[15]["item"]["arguments"], "");
    assert_eq!(events[17]["arguments"], "{ }");
    assert_eq!(events[17]["name"], "weather");
    let last = &events[19]["response"];
    assert_eq!(last["status"], "completed");
    assert_eq!(last["completed_at"], 9);
    assert_eq!(last["output"][0]["summary"], json!([{"type":"summary_text","text":"hm"}]));
    assert_eq!(last["output"][2]["call_id"], "call_1");
    assert_eq!(
        last["usage"],
        json!({"input_tokens":10,"input_tokens_details":{"cached_tokens":4,"cache_write_tokens":0},
            "output_tokens":5,"output_tokens_details":{"reasoning_tokens":2},"total_tokens":15})
    );
}

#[test]
fn text_after_reasoning_starts_a_new_item() {
    let mut writer = writer(false);
    writer.text("a");
    writer.reasoning("b");
    writer.text("c");
    writer.end(finish(FinishReason::Stop), 9);
    let output = serde_json::to_value(&writer.response().output).unwrap();
    let kinds: Vec<&Value> = output.as_array().unwrap().iter().map(|item| &item["type"]).collect();
    assert_eq!(kinds, ["message", "reasoning", "message"]);
    assert_eq!(output[2]["content"][0]["text"], "c");
}

#[test]
fn a_blank_line_in_the_reasoning_starts_a_new_summary_part() {
    let mut writer = writer(true);
    writer.reasoning("\n\n");
    writer.reasoning("one");
    writer.reasoning("\n\n");
    writer.reasoning("two");
    writer.text("answer");
    let events = events(writer.take_events());
    let second =
        events.iter().find(|event| event["delta"] == "two").expect("the second part has its own delta");
    assert_eq!(second["summary_index"], 1);
    let part_done =
        events.iter().filter(|event| event["type"] == "response.reasoning_summary_part.done").count();
    assert_eq!(part_done, 2);
    assert_eq!(
        serde_json::to_value(&writer.response().output[0]).unwrap()["summary"],
        json!([{"type":"summary_text","text":"one"},{"type":"summary_text","text":"two"}])
    );
}

#[test]
fn an_answer_at_its_token_limit_is_incomplete() {
    let mut writer = writer(true);
    writer.text("a");
    writer.end(finish(FinishReason::Length), 9);
    let events = events(writer.take_events());
    let last = events.last().unwrap();
    assert_eq!(last["type"], "response.incomplete");
    assert_eq!(last["response"]["status"], "incomplete");
    assert_eq!(last["response"]["incomplete_details"], json!({"reason":"max_output_tokens"}));
    assert_eq!(last["response"]["output"][0]["status"], "incomplete");
    assert_eq!(last["response"]["completed_at"], Value::Null);
}

#[test]
fn a_filtered_answer_is_incomplete() {
    let mut writer = writer(true);
    writer.text("a");
    writer.end(finish(FinishReason::ContentFilter), 9);
    let events = events(writer.take_events());
    let last = events.last().unwrap();
    assert_eq!(last["type"], "response.incomplete");
    assert_eq!(last["response"]["incomplete_details"], json!({"reason":"content_filter"}));
}

#[test]
fn an_unfinished_item_is_closed_as_incomplete_before_a_failure() {
    let mut writer = writer(true);
    writer.text("a");
    writer.fail(error());
    let events = events(writer.take_events());
    let [.., done, last] = &events[..] else { panic!("{events:?}") };
    assert_eq!(
        (&done["type"], &last["type"]),
        (&json!("response.output_item.done"), &json!("response.failed"))
    );
    assert_eq!(
        (&done["item"]["status"], &done["item"]["content"][0]["text"]),
        (&json!("incomplete"), &json!("a"))
    );
    assert_eq!(last["response"]["error"], json!({"code":"server_error","message":"it broke"}));
    assert_eq!(last["response"]["output"][0]["status"], "incomplete");
}

#[test]
fn a_cancelled_response_ends_and_stays_cancelled() {
    let mut writer = writer(true);
    writer.text("a");
    writer.take_events();
    writer.cancel();
    writer.text("b");
    writer.reasoning("c");
    writer.call(weather(""));
    writer.end(finish(FinishReason::Stop), 9);
    writer.fail(error());
    writer.cancel();
    let events = events(writer.take_events());
    assert_eq!(kinds(&events), ["output_text.done", "content_part.done", "output_item.done", "incomplete"]);
    assert_eq!(events[3]["response"]["status"], "cancelled");
    assert_eq!(events[3]["response"]["output"][0]["content"][0]["text"], "a");
    assert!(writer.has_ended());
}

#[test]
fn an_empty_answer_is_a_complete_stream() {
    let mut writer = writer(true);
    writer.end(AnswerEnd { reason: FinishReason::Stop, usage: None, files_changed: None }, 9);
    let events = events(writer.take_events());
    assert_eq!(kinds(&events), ["created", "in_progress", "completed"]);
    assert!(events[2]["response"].get("usage").is_none());
}

#[test]
fn a_stream_ends_with_the_same_response_as_a_complete_one() {
    let [mut streamed, mut whole] = [writer(true), writer(false)];
    for writer in [&mut streamed, &mut whole] {
        writer.reasoning("a");
        writer.text("b");
        writer.call(weather("{}"));
        writer.end(finish(FinishReason::ToolCalls), 9);
    }
    assert!(whole.take_events().is_empty());
    let events = events(streamed.take_events());
    assert_eq!(events.last().unwrap()["response"], serde_json::to_value(whole.response()).unwrap());
}

#[test]
fn nullable_fields_are_null_and_not_omitted() {
    let response = serde_json::to_value(writer(false).response()).unwrap();
    for name in ["error", "incomplete_details", "instructions", "completed_at", "previous_response_id"] {
        assert_eq!(response.get(name), Some(&Value::Null), "{name}");
    }
    assert_eq!(response["object"], "response");
    assert_eq!(response["text"], json!({"format":{"type":"text"},"verbosity":null}));
}

fn web_search(ended: bool, action: Option<WebSearchAction>) -> WebSearchCall {
    WebSearchCall { id: "up".into(), query: "q".into(), action, ended }
}

fn cite(start: usize, end: usize) -> AnswerEvent {
    AnswerEvent::Citations(vec![Citation { start, end, url: "https://a.org".into(), title: "A".into() }])
}

#[test]
fn a_web_search_is_an_item_with_its_progress() {
    let mut writer = writer(true);
    writer.write(AnswerEvent::Searched(web_search(false, None)), 9).unwrap();
    let action = WebSearchAction::Search { query: None, queries: Some(vec!["a".into(), "b".into()]) };
    writer.write(AnswerEvent::Searched(web_search(true, Some(action))), 9).unwrap();
    writer.text("found");
    writer.end(finish(FinishReason::Stop), 9);
    let events = events(writer.take_events());
    assert_eq!(
        kinds(&events)[2..8],
        [
            "output_item.added",
            "web_search_call.in_progress",
            "web_search_call.searching",
            "web_search_call.completed",
            "output_item.done",
            "output_item.added"
        ]
    );
    assert_eq!(events[2]["item"]["action"], json!({"type":"search","query":"q","queries":["q"]}));
    let done = json!({"type":"web_search_call","id":events[2]["item"]["id"],"status":"completed",
        "action":{"type":"search","query":"a","queries":["a","b"]}});
    assert_eq!((&events[6]["item"], &events[6]["output_index"]), (&done, &json!(0)));
    assert_eq!(events[7]["output_index"], 1);
    assert_eq!(json!(writer.response().output[0]), done);
}

#[test]
fn an_unfinished_web_search_is_closed_as_incomplete() {
    let mut writer = writer(true);
    writer.write(AnswerEvent::Searched(web_search(false, None)), 9).unwrap();
    writer.text("found");
    writer.fail(error());
    let events = events(writer.take_events());
    let done: Vec<_> = events.iter().filter(|event| event["type"] == "response.output_item.done").collect();
    assert_eq!(done.len(), 2);
    assert_eq!((&done[1]["item"]["status"], &done[1]["output_index"]), (&json!("incomplete"), &json!(0)));
    assert_eq!(kinds(&events).last(), Some(&"failed"));
}

#[test]
fn citations_come_after_the_text_with_their_places_in_the_message() {
    let mut writer = writer(true);
    writer.text("é one");
    writer.write(cite(2, 5), 9).unwrap();
    writer.text(" more");
    writer.write(AnswerEvent::Searched(web_search(true, None)), 9).unwrap();
    writer.text("two");
    // The first is of the earlier message, which is closed.
    writer.write(cite(2, 5), 9).unwrap();
    writer.write(cite(10, 13), 9).unwrap();
    writer.end(finish(FinishReason::Stop), 9);
    let events = events(writer.take_events());
    let kinds = kinds(&events);
    let added = kinds.iter().position(|kind| *kind == "output_text.annotation.added").unwrap();
    assert_eq!(
        kinds[added - 1..added + 3],
        ["output_text.delta", "output_text.annotation.added", "output_text.done", "content_part.done"]
    );
    let annotation =
        json!({"type":"url_citation","start_index":2,"end_index":5,"url":"https://a.org","title":"A"});
    assert_eq!((&events[added]["annotation"], &events[added]["annotation_index"]), (&annotation, &json!(0)));
    assert_eq!(events[added + 2]["part"]["annotations"], json!([annotation]));
    let second = json!(writer.response().output[2]);
    assert_eq!(second["content"][0]["annotations"][0]["start_index"], 0);
    assert_eq!(second["content"][0]["annotations"].as_array().unwrap().len(), 1);
}
