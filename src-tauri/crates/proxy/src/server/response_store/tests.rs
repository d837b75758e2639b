use codex_client::Role;
use serde_json::{Value, json};

use super::*;
use crate::event::{Finish, Piece};
use crate::openai::completion::FinishReason;
use crate::settings::ReasoningFormat;
use crate::translate::response_events::{Ids, ResponseWriter};
use crate::translate::responses::{Parsed, parse};

/// A request that says `input`, and the writer of its response, whose id is `resp_` and `base`.
fn ask(base: &str, input: &str) -> (ResponseWriter, Vec<Said>) {
    let mut ids = Ids::new(base.to_owned());
    let request = serde_json::from_value(json!({ "model": "m", "input": input })).unwrap();
    let Parsed { options, said, .. } =
        parse(request, &[], &|_| None, ReasoningFormat::None, &mut ids).unwrap();
    (ResponseWriter::new(ids, 7, "m".into(), options, true), said)
}

fn begin(store: &ResponseStore, key: &str, base: &str, input: &str, before: Conversation) -> Recording {
    let (writer, said) = ask(base, input);
    Recording::kept(writer, store, key, before, said)
}

/// Keeps a response that answered `input` with `answer`.
fn keep(store: &ResponseStore, key: &str, base: &str, input: &str, answer: &str, before: Conversation) {
    let mut recording = begin(store, key, base, input, before);
    recording.running().writer().piece(Piece::Text(answer.to_owned()), 9).unwrap();
    recording.running().writer().piece(end(), 9).unwrap();
    recording.settle();
}

fn body(store: &ResponseStore, key: &str, id: &str) -> Value {
    match store.find(key, id).unwrap() {
        Found::Running(running) => serde_json::from_slice(&running.body()).unwrap(),
        Found::Ended(ended) => serde_json::from_slice(&ended.body.value).unwrap(),
    }
}

fn end() -> Piece {
    Piece::Ended(Ok(Finish { reason: FinishReason::Stop, usage: None }))
}

fn conversation(store: &ResponseStore, id: &str) -> Conversation {
    match store.find("k", id) {
        Some(Found::Ended(ended)) => ended.conversation.clone(),
        other => panic!("{other:?}"),
    }
}

fn words(conversation: &Conversation) -> Vec<(Role, String)> {
    conversation
        .iter()
        .flat_map(|batch| &batch.value)
        .filter_map(|said| match &said.item {
            Some(Item::Message { role, content }) => match content.as_slice() {
                [Content::Text(text)] => Some((*role, text.clone())),
                _ => None,
            },
            _ => None,
        })
        .collect()
}

#[test]
fn a_response_is_there_while_it_runs_and_when_it_has_ended() {
    let store = ResponseStore::default();
    let mut recording = begin(&store, "k", "1", "hi", Vec::new());
    assert_eq!(body(&store, "k", "resp_1")["status"], "in_progress");
    assert!(matches!(store.find("k", "resp_1"), Some(Found::Running(_))));
    recording.running().writer().piece(Piece::Text("hello".to_owned()), 9).unwrap();
    assert_eq!(body(&store, "k", "resp_1")["output"][0]["content"][0]["text"], "hello");
    recording.running().writer().piece(end(), 9).unwrap();
    recording.settle();
    drop(recording);
    assert_eq!(body(&store, "k", "resp_1")["status"], "completed");
    let conversation = conversation(&store, "resp_1");
    assert_eq!(words(&conversation), [(Role::User, "hi".into()), (Role::Assistant, "hello".into())]);
}

#[test]
fn another_key_finds_nothing() {
    let store = ResponseStore::default();
    keep(&store, "k", "1", "hi", "hello", Vec::new());
    assert!(store.find("other", "resp_1").is_none());
    assert!(store.item("other", "msg_10002").is_none());
    assert!(!store.remove("other", "resp_1"));
    assert_eq!(store.item("k", "msg_10002").unwrap().id, "msg_10002");
    assert!(store.remove("k", "resp_1"));
    assert!(store.find("k", "resp_1").is_none());
}

#[test]
fn a_conversation_outlives_the_responses_before_its_last() {
    let store = ResponseStore::default();
    keep(&store, "k", "1", "one", "two", Vec::new());
    keep(&store, "k", "2", "three", "four", conversation(&store, "resp_1"));
    store.remove("k", "resp_1");
    let conversation = conversation(&store, "resp_2");
    let texts: Vec<String> = words(&conversation).into_iter().map(|(_, text)| text).collect();
    assert_eq!(texts, ["one", "two", "three", "four"]);
}

#[test]
fn the_one_that_was_used_the_longest_time_ago_is_forgotten_first() {
    let store = ResponseStore::bounded(2, BYTES);
    keep(&store, "k", "1", "a", "b", Vec::new());
    keep(&store, "k", "2", "a", "b", Vec::new());
    store.find("k", "resp_1");
    keep(&store, "k", "3", "a", "b", Vec::new());
    assert!(store.find("k", "resp_1").is_some());
    assert!(store.find("k", "resp_2").is_none());
    assert!(store.find("k", "resp_3").is_some());
}

#[test]
fn bytes_are_bounded_and_given_back() {
    let store = ResponseStore::bounded(100, 20_000);
    let long = "x".repeat(4_000);
    for base in ["1", "2", "3", "4", "5", "6"] {
        keep(&store, "k", base, &long, "b", Vec::new());
        assert!(store.bytes.load(Ordering::Relaxed) <= 20_000);
    }
    assert!(store.find("k", "resp_1").is_none());
    assert!(store.find("k", "resp_6").is_some());
    let huge = "x".repeat(30_000);
    keep(&store, "k", "7", &huge, "b", Vec::new());
    assert!(store.find("k", "resp_7").is_none(), "more than all may take is not kept at all");
    assert_eq!(store.bytes.load(Ordering::Relaxed), 0);
}

#[test]
fn a_batch_that_is_shared_is_counted_once() {
    let store = ResponseStore::default();
    let long = "x".repeat(100_000);
    keep(&store, "k", "1", &long, "b", Vec::new());
    let before = store.bytes.load(Ordering::Relaxed);
    keep(&store, "k", "2", "a", "b", conversation(&store, "resp_1"));
    assert!(store.bytes.load(Ordering::Relaxed) < before + 10_000);
    store.remove("k", "resp_1");
    assert!(store.bytes.load(Ordering::Relaxed) > 100_000, "the second one still needs it");
    store.remove("k", "resp_2");
    assert_eq!(store.bytes.load(Ordering::Relaxed), 0);
}

#[test]
fn a_client_that_goes_away_leaves_a_cancelled_response() {
    let store = ResponseStore::default();
    let recording = begin(&store, "k", "1", "hi", Vec::new());
    recording.running().writer().piece(Piece::Text("hel".to_owned()), 9).unwrap();
    recording.running().writer().take_events();
    drop(recording);
    let response = body(&store, "k", "resp_1");
    assert_eq!(response["status"], "cancelled");
    assert_eq!(response["output"][0]["content"][0]["text"], "hel");
}

#[test]
fn a_response_that_is_removed_while_it_runs_is_cancelled_and_does_not_come_back() {
    let store = ResponseStore::default();
    let mut recording = begin(&store, "k", "1", "hi", Vec::new());
    assert!(store.remove("k", "resp_1"));
    assert_eq!(recording.running().writer().response().status, Status::Cancelled);
    recording.settle();
    assert!(store.find("k", "resp_1").is_none());
    assert_eq!(store.bytes.load(Ordering::Relaxed), 0);
}

#[test]
fn what_is_not_to_be_stored_cannot_be_found() {
    let store = ResponseStore::default();
    let (writer, _) = ask("1", "hi");
    let mut recording = Recording::forgotten(writer);
    recording.settle();
    assert!(store.find("k", "resp_1").is_none());
}

#[test]
fn a_response_whose_id_nobody_was_told_is_not_kept_when_it_breaks_off() {
    let store = ResponseStore::default();
    let recording = begin(&store, "k", "1", "hi", Vec::new());
    recording.running().writer().piece(Piece::Text("hel".to_owned()), 9).unwrap();
    drop(recording);
    assert!(store.find("k", "resp_1").is_none());
    assert_eq!(store.bytes.load(Ordering::Relaxed), 0);
}

#[test]
fn a_running_response_is_never_the_one_that_is_forgotten() {
    let store = ResponseStore::bounded(1, BYTES);
    let _recording = begin(&store, "k", "1", "hi", Vec::new());
    keep(&store, "k", "2", "a", "b", Vec::new());
    assert!(matches!(store.find("k", "resp_1"), Some(Found::Running(_))));
    assert!(store.find("k", "resp_2").is_none());
}
