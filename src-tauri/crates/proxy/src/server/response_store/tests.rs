use codex_client::Role;
use serde_json::{Value, json};

use super::*;
use crate::event::{AnswerEnd, AnswerEvent};
use crate::openai::completion::FinishReason;
use crate::settings::ReasoningFormat;
use crate::translate::response_events::{Ids, ResponseWriter};
use crate::translate::responses::{ParsedRequest, parse};

/// A request with this `input`, and the writer of its response `resp_{base}`.
fn request(base: &str, input: &str) -> (ResponseWriter, Vec<StoredItem>) {
    let mut ids = Ids::new(base.to_owned());
    let request = serde_json::from_value(json!({ "model": "m", "input": input })).unwrap();
    let ParsedRequest { options, added, .. } =
        parse(request, &[], &|_| None, ReasoningFormat::None, &mut ids).unwrap();
    (ResponseWriter::new(ids, 7, "m".into(), options, true), added)
}

fn begin(store: &ResponseStore, key: &str, base: &str, input: &str, before: History) -> Recording {
    let (writer, added) = request(base, input);
    Recording::stored(writer, store, key, before, added)
}

/// Stores a response that answers `input` with `answer`.
fn add(store: &ResponseStore, key: &str, base: &str, input: &str, answer: &str, before: History) {
    let mut recording = begin(store, key, base, input, before);
    recording.running().writer().write(AnswerEvent::Text(answer.to_owned()), 9).unwrap();
    recording.running().writer().write(end(), 9).unwrap();
    recording.store();
}

fn body(store: &ResponseStore, key: &str, id: &str) -> Value {
    match store.find(key, id).unwrap() {
        StoredResponse::Running(running) => serde_json::from_slice(&running.body()).unwrap(),
        StoredResponse::Ended(ended) => serde_json::from_slice(&ended.body.value).unwrap(),
    }
}

fn end() -> AnswerEvent {
    AnswerEvent::Ended(Ok(AnswerEnd { reason: FinishReason::Stop, usage: None, files_changed: None }))
}

fn conversation(store: &ResponseStore, id: &str) -> History {
    match store.find("k", id) {
        Some(StoredResponse::Ended(ended)) => ended.conversation.clone(),
        other => panic!("{other:?}"),
    }
}

fn messages(conversation: &History) -> Vec<(Role, String)> {
    conversation
        .iter()
        .flat_map(|batch| &batch.value)
        .filter_map(|added| match &added.item {
            Some(Item::Message { role, content }) => match content.as_slice() {
                [Content::Text(text)] => Some((*role, text.clone())),
                _ => None,
            },
            _ => None,
        })
        .collect()
}

#[test]
fn a_response_can_be_retrieved_while_it_runs_and_after_it_ends() {
    let store = ResponseStore::default();
    let mut recording = begin(&store, "k", "1", "hi", Vec::new());
    assert_eq!(body(&store, "k", "resp_1")["status"], "in_progress");
    assert!(matches!(store.find("k", "resp_1"), Some(StoredResponse::Running(_))));
    recording.running().writer().write(AnswerEvent::Text("hello".to_owned()), 9).unwrap();
    assert_eq!(body(&store, "k", "resp_1")["output"][0]["content"][0]["text"], "hello");
    recording.running().writer().write(end(), 9).unwrap();
    recording.store();
    drop(recording);
    assert_eq!(body(&store, "k", "resp_1")["status"], "completed");
    let conversation = conversation(&store, "resp_1");
    assert_eq!(messages(&conversation), [(Role::User, "hi".into()), (Role::Assistant, "hello".into())]);
}

#[test]
fn responses_are_invisible_to_other_keys() {
    let store = ResponseStore::default();
    add(&store, "k", "1", "hi", "hello", Vec::new());
    assert!(store.find("other", "resp_1").is_none());
    assert!(store.items("other").take("msg_10002").is_none());
    assert!(!store.remove("other", "resp_1"));
    assert_eq!(store.items("k").take("msg_10002").unwrap().id, "msg_10002");
    assert!(store.remove("k", "resp_1"));
    assert!(store.find("k", "resp_1").is_none());
}

#[test]
fn an_item_is_taken_once_per_request() {
    let store = ResponseStore::default();
    add(&store, "k", "1", "hi", "hello", Vec::new());
    for _ in 0..2 {
        let items = store.items("k");
        assert!(items.take("msg_10002").is_some());
        assert!(items.take("msg_10002").is_none());
    }
}

#[test]
fn a_conversation_outlives_its_earlier_responses() {
    let store = ResponseStore::default();
    add(&store, "k", "1", "one", "two", Vec::new());
    add(&store, "k", "2", "three", "four", conversation(&store, "resp_1"));
    store.remove("k", "resp_1");
    let conversation = conversation(&store, "resp_2");
    let texts: Vec<String> = messages(&conversation).into_iter().map(|(_, text)| text).collect();
    assert_eq!(texts, ["one", "two", "three", "four"]);
}

#[test]
fn least_recently_used_responses_are_evicted_first() {
    let store = ResponseStore::bounded(2, MAX_BYTES);
    add(&store, "k", "1", "a", "b", Vec::new());
    add(&store, "k", "2", "a", "b", Vec::new());
    store.find("k", "resp_1");
    add(&store, "k", "3", "a", "b", Vec::new());
    assert!(store.find("k", "resp_1").is_some());
    assert!(store.find("k", "resp_2").is_none());
    assert!(store.find("k", "resp_3").is_some());
}

#[test]
fn stored_bytes_are_bounded_and_released() {
    let store = ResponseStore::bounded(100, 20_000);
    let long = "x".repeat(4_000);
    for base in ["1", "2", "3", "4", "5", "6"] {
        add(&store, "k", base, &long, "b", Vec::new());
        assert!(store.bytes.load(Ordering::Relaxed) <= 20_000);
    }
    assert!(store.find("k", "resp_1").is_none());
    assert!(store.find("k", "resp_6").is_some());
    let huge = "x".repeat(30_000);
    add(&store, "k", "7", &huge, "b", Vec::new());
    assert!(store.find("k", "resp_7").is_none(), "a response above the limit is not stored");
    assert_eq!(store.bytes.load(Ordering::Relaxed), 0);
}

#[test]
fn a_shared_batch_is_counted_once() {
    let store = ResponseStore::default();
    let long = "x".repeat(100_000);
    add(&store, "k", "1", &long, "b", Vec::new());
    let before = store.bytes.load(Ordering::Relaxed);
    add(&store, "k", "2", "a", "b", conversation(&store, "resp_1"));
    assert!(store.bytes.load(Ordering::Relaxed) < before + 10_000);
    store.remove("k", "resp_1");
    assert!(store.bytes.load(Ordering::Relaxed) > 100_000, "the second one still needs it");
    store.remove("k", "resp_2");
    assert_eq!(store.bytes.load(Ordering::Relaxed), 0);
}

#[test]
fn a_disconnected_client_leaves_a_cancelled_response() {
    let store = ResponseStore::default();
    let recording = begin(&store, "k", "1", "hi", Vec::new());
    recording.running().writer().write(AnswerEvent::Text("hel".to_owned()), 9).unwrap();
    recording.running().writer().take_events();
    drop(recording);
    let response = body(&store, "k", "resp_1");
    assert_eq!(response["status"], "cancelled");
    assert_eq!(response["output"][0]["content"][0]["text"], "hel");
}

#[test]
fn a_response_removed_while_running_is_cancelled_and_stays_removed() {
    let store = ResponseStore::default();
    let mut recording = begin(&store, "k", "1", "hi", Vec::new());
    assert!(store.remove("k", "resp_1"));
    assert_eq!(recording.running().writer().response().status, Status::Cancelled);
    recording.store();
    assert!(store.find("k", "resp_1").is_none());
    assert_eq!(store.bytes.load(Ordering::Relaxed), 0);
}

#[test]
fn an_ephemeral_response_cannot_be_found() {
    let store = ResponseStore::default();
    let (writer, _) = request("1", "hi");
    let mut recording = Recording::ephemeral(writer);
    recording.store();
    assert!(store.find("k", "resp_1").is_none());
}

#[test]
fn an_aborted_response_whose_id_was_not_sent_is_not_stored() {
    let store = ResponseStore::default();
    let recording = begin(&store, "k", "1", "hi", Vec::new());
    recording.running().writer().write(AnswerEvent::Text("hel".to_owned()), 9).unwrap();
    drop(recording);
    assert!(store.find("k", "resp_1").is_none());
    assert_eq!(store.bytes.load(Ordering::Relaxed), 0);
}

#[test]
fn running_responses_are_never_evicted() {
    let store = ResponseStore::bounded(1, MAX_BYTES);
    let _recording = begin(&store, "k", "1", "hi", Vec::new());
    add(&store, "k", "2", "a", "b", Vec::new());
    assert!(matches!(store.find("k", "resp_1"), Some(StoredResponse::Running(_))));
    assert!(store.find("k", "resp_2").is_none());
}
