use codex_client::{Content, Item, Role};
use serde_json::{Value, json};

use super::*;
use crate::event::{AnswerEnd, AnswerEvent};
use crate::openai::completion::FinishReason;
use crate::settings::ReasoningFormat;
use crate::translate::response_events::{Ids, ResponseWriter};
use crate::translate::responses::{ParsedRequest, parse};

/// A request with this `input`, and the writer of its response `resp_{base}`.
fn request(base: &str, input: &str) -> (ResponseWriter, Vec<crate::store::Item>) {
    let mut ids = Ids::new(base.to_owned());
    let request = serde_json::from_value(json!({ "model": "m", "input": input })).unwrap();
    let ParsedRequest { options, added, .. } =
        parse(request, &[], &|_| None, ReasoningFormat::None, &mut ids).unwrap();
    let added = added.iter().filter_map(StoredItem::to_api).collect();
    (ResponseWriter::new(ids, 7, "m".into(), options, true), added)
}

fn begin(store: &ResponseStore, key: &str, base: &str, input: &str, before: History) -> Recording {
    let (writer, added) = request(base, input);
    let store = Some(store.clone());
    Recording::new(writer, key, Ending { before, added, store, conversation: None })
}

/// Stores a response that answers `input` with `answer`.
fn add(store: &ResponseStore, key: &str, base: &str, input: &str, answer: &str, before: History) {
    let mut recording = begin(store, key, base, input, before);
    recording.running().writer().write(AnswerEvent::Text(answer.to_owned()), 9).unwrap();
    recording.running().writer().write(end(), 9).unwrap();
    recording.store();
}

async fn body(store: &ResponseStore, key: &str, id: &str) -> Value {
    match store.find(key, id).await.unwrap() {
        StoredResponse::Running(running) => serde_json::from_slice(&running.body()).unwrap(),
        StoredResponse::Ended(ended) => serde_json::from_slice(&ended.body).unwrap(),
    }
}

async fn items(store: &ResponseStore, key: &str) -> StoredItems {
    store.items(key, &HashSet::from(["msg_10002"])).await
}

fn end() -> AnswerEvent {
    AnswerEvent::Ended(Ok(AnswerEnd { reason: FinishReason::Stop, usage: None, files_changed: None }))
}

async fn conversation(store: &ResponseStore, id: &str) -> History {
    match store.find("k", id).await {
        Some(StoredResponse::Ended(ended)) => ended.conversation,
        other => panic!("{other:?}"),
    }
}

fn messages(conversation: &History) -> Vec<(Role, String)> {
    conversation
        .iter()
        .flat_map(|batch| &batch.items)
        .filter_map(|added| match &from_stored(added).item {
            Some(Item::Message { role, content }) => match content.as_slice() {
                [Content::Text(text)] => Some((*role, text.clone())),
                _ => None,
            },
            _ => None,
        })
        .collect()
}

#[tokio::test]
async fn a_response_can_be_retrieved_while_it_runs_and_after_it_ends() {
    let store = ResponseStore::default();
    let mut recording = begin(&store, "k", "1", "hi", Vec::new());
    assert_eq!(body(&store, "k", "resp_1").await["status"], "in_progress");
    assert!(matches!(store.find("k", "resp_1").await, Some(StoredResponse::Running(_))));
    recording.running().writer().write(AnswerEvent::Text("hello".to_owned()), 9).unwrap();
    assert_eq!(body(&store, "k", "resp_1").await["output"][0]["content"][0]["text"], "hello");
    recording.running().writer().write(end(), 9).unwrap();
    recording.store();
    drop(recording);
    assert_eq!(body(&store, "k", "resp_1").await["status"], "completed");
    let conversation = conversation(&store, "resp_1").await;
    assert_eq!(messages(&conversation), [(Role::User, "hi".into()), (Role::Assistant, "hello".into())]);
}

#[tokio::test]
async fn responses_are_invisible_to_other_keys() {
    let store = ResponseStore::default();
    add(&store, "k", "1", "hi", "hello", Vec::new());
    assert!(store.find("other", "resp_1").await.is_none());
    assert!(items(&store, "other").await.take("msg_10002").is_none());
    assert!(!store.remove("other", "resp_1").await);
    assert_eq!(items(&store, "k").await.take("msg_10002").unwrap().id, "msg_10002");
    assert!(store.remove("k", "resp_1").await);
    assert!(store.find("k", "resp_1").await.is_none());
}

#[tokio::test]
async fn an_item_is_taken_once_per_request() {
    let store = ResponseStore::default();
    add(&store, "k", "1", "hi", "hello", Vec::new());
    for _ in 0..2 {
        let items = items(&store, "k").await;
        assert!(items.take("msg_10002").is_some());
        assert!(items.take("msg_10002").is_none());
    }
}

#[tokio::test]
async fn a_conversation_outlives_its_earlier_responses() {
    let store = ResponseStore::default();
    add(&store, "k", "1", "one", "two", Vec::new());
    add(&store, "k", "2", "three", "four", conversation(&store, "resp_1").await);
    store.remove("k", "resp_1").await;
    let conversation = conversation(&store, "resp_2").await;
    let texts: Vec<String> = messages(&conversation).into_iter().map(|(_, text)| text).collect();
    assert_eq!(texts, ["one", "two", "three", "four"]);
}

#[tokio::test]
async fn a_disconnected_client_leaves_a_cancelled_response() {
    let store = ResponseStore::default();
    let recording = begin(&store, "k", "1", "hi", Vec::new());
    recording.running().writer().write(AnswerEvent::Text("hel".to_owned()), 9).unwrap();
    recording.running().writer().take_events();
    drop(recording);
    let response = body(&store, "k", "resp_1").await;
    assert_eq!(response["status"], "cancelled");
    assert_eq!(response["output"][0]["content"][0]["text"], "hel");
}

#[tokio::test]
async fn a_response_removed_while_running_is_cancelled_and_stays_removed() {
    let store = ResponseStore::default();
    let mut recording = begin(&store, "k", "1", "hi", Vec::new());
    assert!(store.remove("k", "resp_1").await);
    assert_eq!(recording.running().writer().response().status, Status::Cancelled);
    recording.store();
    assert!(store.find("k", "resp_1").await.is_none());
}

#[tokio::test]
async fn an_ephemeral_response_cannot_be_found() {
    let store = ResponseStore::default();
    let (writer, _) = request("1", "hi");
    let mut recording = Recording::new(writer, "k", Ending::default());
    recording.store();
    assert!(store.find("k", "resp_1").await.is_none());
}

#[tokio::test]
async fn an_aborted_response_whose_id_was_not_sent_is_not_stored() {
    let store = ResponseStore::default();
    let recording = begin(&store, "k", "1", "hi", Vec::new());
    recording.running().writer().write(AnswerEvent::Text("hel".to_owned()), 9).unwrap();
    drop(recording);
    assert!(store.find("k", "resp_1").await.is_none());
}
