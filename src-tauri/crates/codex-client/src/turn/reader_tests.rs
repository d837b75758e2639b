use serde_json::{Value, json};

use super::*;
use crate::error::TurnFailure;
use crate::event::{ItemEvent, WebSearchAction};

fn read_one(reader: &mut TurnReader, method: &str, params: &Value, events: &mut Vec<TurnEvent>) {
    let params = params.to_string();
    let notification = serde_json::from_str(&params).unwrap();
    let end = reader.read(method, notification, None, &mut |event| events.push(event));
    events.extend(end.map(TurnEvent::Ended));
}

/// Reads notifications and returns their events.
fn read(notifications: &[(&str, Value)]) -> Vec<TurnEvent> {
    let mut reader = TurnReader::default();
    let mut events = Vec::new();
    for (method, params) in notifications {
        read_one(&mut reader, method, params, &mut events);
    }
    events
}

fn text_of(events: &[TurnEvent]) -> String {
    events
        .iter()
        .filter_map(|event| match event {
            TurnEvent::Text(text) => Some(text.as_str()),
            _ => None,
        })
        .collect()
}

fn delta(item: &str, delta: &str) -> (&'static str, Value) {
    ("item/agentMessage/delta", json!({"threadId":"t","turnId":"u","itemId":item,"delta":delta}))
}

fn completed(item: &str, text: &str) -> (&'static str, Value) {
    ("item/completed", json!({"threadId":"t","item":{"type":"agentMessage","id":item,"text":text}}))
}

fn ended(error: &Value) -> TurnFailure {
    let events = read(&[("turn/completed", json!({"turn":{"id":"u","status":"failed","error":error}}))]);
    match events.into_iter().next() {
        Some(TurnEvent::Ended(Err(CodexError::Turn(failure)))) => failure,
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_delta_is_one_event() {
    let events = read(&[delta("m", "a"), delta("m", "b"), completed("m", "ab")]);
    assert_eq!(events.len(), 2);
    assert_eq!(text_of(&events), "ab");
}

#[test]
fn text_missing_from_the_deltas_is_sent_once() {
    assert_eq!(text_of(&read(&[completed("m", "whole")])), "whole");
    assert_eq!(text_of(&read(&[delta("m", "wh"), completed("m", "whole")])), "whole");
}

#[test]
fn second_message_of_a_turn_is_a_separate_paragraph() {
    assert_eq!(text_of(&read(&[delta("m", "one"), completed("m", "one"), delta("n", "two")])), "one\n\ntwo");
}

fn started(item: &str) -> (&'static str, Value) {
    ("item/started", json!({"threadId":"t","item":{"type":"agentMessage","id":item,"text":""}}))
}

fn retry() -> (&'static str, Value) {
    let info = json!({"responseStreamDisconnected":{"httpStatusCode":null}});
    let error =
        json!({"message":"Reconnecting... 1/5","codexErrorInfo":info,"additionalDetails":"network error"});
    ("error", json!({"threadId":"t","error":error,"willRetry":true}))
}

/// The text of the answer, with the checkpoints and retries in it.
fn marked(notifications: &[(&str, Value)]) -> (String, String) {
    let mut reader = TurnReader::default();
    let mut events = Vec::new();
    for (method, params) in notifications {
        read_one(&mut reader, method, params, &mut events);
    }
    let sent = events
        .iter()
        .map(|event| match event {
            TurnEvent::Text(text) => text.as_str(),
            TurnEvent::Checkpoint => "|",
            TurnEvent::Retrying(_) => "!",
            TurnEvent::Item(_) => "$",
            other => panic!("{other:?}"),
        })
        .collect();
    (sent, reader.take_text())
}

#[test]
fn retried_answer_replaces_what_was_sent_since_the_last_checkpoint() {
    let response = || ("rawResponse/completed", json!({"usage":{"inputTokens":1}}));
    let command =
        json!({"item":{"type":"commandExecution","id":"c","command":"ls","status":"completed","exitCode":0}});
    let search = json!({"item":{"type":"webSearch","id":"s","query":"q"}});
    for (notifications, sent, answer) in [
        (vec![delta("m", "ab"), retry(), delta("n", "c"), completed("n", "cd"), response()], "ab!cd|", "cd"),
        (vec![delta("m", "a"), completed("m", "a"), retry(), delta("n", "b"), response()], "a!b|", "b"),
        // Over its WebSocket, codex does not announce the first retry.
        (vec![started("m"), delta("m", "a"), started("n"), delta("n", "b"), completed("n", "b")], "a!b", "b"),
        (vec![started("m"), delta("m", "a"), retry(), started("n"), delta("n", "b")], "a!b", "b"),
        (
            vec![started("m"), delta("m", "a"), completed("m", "a"), started("n"), delta("n", "b")],
            "a\n\nb",
            "a\n\nb",
        ),
        (
            vec![delta("m", "a"), response(), delta("n", "b"), retry(), delta("o", "c")],
            "a|\n\nb!\n\nc",
            "a\n\nc",
        ),
        (vec![delta("m", "a"), ("item/completed", command), retry(), delta("n", "b")], "a$|!\n\nb", "a\n\nb"),
        (vec![delta("m", "a"), ("item/completed", search), retry(), delta("n", "b")], "a$!b", "b"),
    ] {
        assert_eq!(marked(&notifications), (sent.to_owned(), answer.to_owned()));
    }
}

#[test]
fn answer_that_upstream_ends_early_has_the_reason() {
    let incomplete = |error: Value, will_retry: bool| {
        let params = json!({"threadId":"t","error":error,"willRetry":will_retry});
        match read(&[("error", params)]).pop() {
            Some(TurnEvent::Ended(Ok(end))) => end.incomplete,
            other => panic!("{other:?}"),
        }
    };
    let details =
        "stream disconnected before completion: Incomplete response returned, reason: content_filter";
    let error = json!({"message":"Reconnecting... 1/5","additionalDetails":details});
    assert_eq!(incomplete(error, true), Some(Incomplete::ContentFilter));
    let error =
        json!({"message":"Incomplete response returned, reason: max_output_tokens","codexErrorInfo":"other"});
    assert_eq!(incomplete(error, false), Some(Incomplete::MaxOutputTokens));
    let guidance = |role: &str| {
        let content =
            json!([{"type":"input_text","text":"<content_filter_guidance>\nYour response was blocked."}]);
        ("rawResponseItem/completed", json!({"item":{"type":"message","role":role,"content":content}}))
    };
    let filtered = read(&[delta("m", "a"), guidance("developer")]);
    assert!(
        matches!(&filtered[1], TurnEvent::Ended(Ok(end)) if end.incomplete == Some(Incomplete::ContentFilter))
    );
    // The prompt may contain it, too.
    assert!(
        read(&[guidance("developer")]).is_empty() && read(&[delta("m", "a"), guidance("user")]).len() == 1
    );
    let unknown = json!({"message":"Incomplete response returned, reason: bad_luck"});
    assert!(read(&[("error", json!({"error":unknown,"willRetry":false}))]).is_empty());
}

#[test]
fn latest_patch_is_kept_once_unless_it_is_too_long() {
    let mut reader = TurnReader::default();
    let mut update = |diff: &str| {
        read_one(&mut reader, "turn/diff/updated", &json!({"threadId": "t", "diff": diff}), &mut Vec::new());
        reader.take_diff()
    };
    assert_eq!(update("one").as_deref(), Some("one"));
    assert_eq!(update(&"x".repeat(MAX_DIFF_BYTES + 1)), None);
    assert_eq!(update("two").as_deref(), Some("two"));
    assert_eq!(reader.take_diff(), None);
}

#[test]
fn usage_of_an_incomplete_response_is_what_it_adds_to_the_total() {
    let tokens =
        |n: u64| json!({"inputTokens":n,"cachedInputTokens":0,"outputTokens":0,"reasoningOutputTokens":0});
    let update = |last: u64, total: u64| {
        ("thread/tokenUsage/updated", json!({"tokenUsage":{"last":tokens(last),"total":tokens(total)}}))
    };
    let exact = ("rawResponse/completed", json!({"usage":tokens(7)}));
    for notifications in [vec![update(7, 7), update(0, 12)], vec![exact, update(7, 7), update(0, 12)]] {
        let mut reader = TurnReader::default();
        for (method, params) in notifications {
            read_one(&mut reader, method, &params, &mut Vec::new());
        }
        assert_eq!(reader.take_usage().map(|usage| usage.input), Some(12));
    }
}

#[test]
fn usage_is_the_sum_of_exact_usages_or_else_of_reported_ones() {
    let raw = |n: u64| json!({"usage":{"totalTokens":n,"inputTokens":n,"cachedInputTokens":1,"outputTokens":2,"reasoningOutputTokens":1}});
    let end = ("turn/completed", json!({"turn":{"status":"completed","error":null}}));
    let reported = (
        "thread/tokenUsage/updated",
        json!({"tokenUsage":{"last":raw(9)["usage"],"total":raw(99)["usage"]}}),
    );
    let usage = |notifications: &[(&str, Value)]| match read(notifications).pop() {
        Some(TurnEvent::Ended(Ok(end))) => end.usage.unwrap().input,
        other => panic!("{other:?}"),
    };
    assert_eq!(
        usage(&[
            ("rawResponse/completed", raw(10)),
            reported.clone(),
            ("rawResponse/completed", raw(5)),
            end.clone()
        ]),
        15
    );
    assert_eq!(usage(&[reported, end]), 9);
}

#[test]
fn usage_of_the_previous_turn_is_not_counted_again() {
    let tokens =
        |n: u64| json!({"inputTokens":n,"cachedInputTokens":0,"outputTokens":0,"reasoningOutputTokens":0});
    let update = |last: u64, total: u64| json!({"tokenUsage":{"last":tokens(last),"total":tokens(total)}});
    let mut reader = TurnReader::new(Usage { input: 7, ..Usage::default() });
    for params in [update(7, 7), update(5, 12), update(5, 12)] {
        read_one(&mut reader, "thread/tokenUsage/updated", &params, &mut Vec::new());
    }
    assert_eq!(reader.take_usage().map(|usage| usage.input), Some(5));
    assert_eq!(reader.thread_usage.input, 12);
}

#[test]
fn reasoning_parts_are_paragraphs() {
    let part = || ("item/reasoning/summaryPartAdded", json!({"summaryIndex":0}));
    let delta = |text: &str| ("item/reasoning/summaryTextDelta", json!({"delta":text}));
    let events = read(&[part(), delta("a"), part(), delta("b")]);
    let text: String = events
        .iter()
        .map(|event| match event {
            TurnEvent::Reasoning(text) => text.as_str(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(text, "a\n\nb");
}

#[test]
fn failed_turns_are_classified() {
    for (info, message, kind) in [
        (json!("contextWindowExceeded"), "too long", FailureKind::ContextWindow),
        (json!("usageLimitExceeded"), "limit", FailureKind::UsageLimit),
        (json!("serverOverloaded"), "busy", FailureKind::Overloaded),
        (json!("unauthorized"), "who", FailureKind::Unauthorized),
        (
            json!({"httpConnectionFailed":{"httpStatusCode":401}}),
            "unexpected status 401",
            FailureKind::Unauthorized,
        ),
        (
            json!({"responseTooManyFailedAttempts":{"httpStatusCode":429}}),
            "exceeded retry limit",
            FailureKind::RateLimit,
        ),
        (json!({"responseStreamDisconnected":{"httpStatusCode":null}}), "broken", FailureKind::Upstream),
        (
            json!("other"),
            "{\"error\":{\"message\":\"bad\",\"code\":\"context_length_exceeded\"}}",
            FailureKind::ContextWindow,
        ),
        (json!("other"), "{\"detail\":\"bad\"}", FailureKind::BadRequest),
        (json!("other"), "unexpected status 503 Service Unavailable: x", FailureKind::Overloaded),
        (
            json!("other"),
            "stream disconnected before completion: error sending request for url (http://127.0.0.1:9/v1)",
            FailureKind::Unreachable,
        ),
        (json!("somethingNew"), "?", FailureKind::Upstream),
        (Value::Null, "?", FailureKind::Upstream),
    ] {
        let failure = ended(&json!({"message": message, "codexErrorInfo": info}));
        assert_eq!(failure.kind, kind, "{info} {message}");
    }
}

#[test]
fn upstream_message_is_extracted_from_its_json() {
    let failure = ended(
        &json!({"message":"{\"error\":{\"message\":\"The model is not supported\"}}","codexErrorInfo":"other"}),
    );
    assert_eq!(failure.message, "The model is not supported");
}

#[test]
fn commands_are_reported_with_their_exit_code() {
    let item = |status: &str, code: Value| json!({"item":{"type":"commandExecution","id":"c","command":"ls","status":status,"exitCode":code,"durationMs":3}});
    let events = read(&[
        ("item/started", item("inProgress", Value::Null)),
        ("item/completed", item("failed", json!(2))),
    ]);
    assert!(matches!(&events[0], TurnEvent::Item(ItemEvent::Command { ended: false, exit_code: None, .. })));
    assert!(matches!(
        &events[2],
        TurnEvent::Item(ItemEvent::Command { ended: true, exit_code: Some(2), .. })
    ));
}

#[test]
fn unknown_or_malformed_notifications_yield_no_event_but_name_their_thread() {
    let parse = |params: &'static str| serde_json::from_str::<Notification<'_>>(params);
    assert!(parse(r#"{"threadId":1}"#).is_err());
    for (method, params) in [
        ("some/thing", r#"{"threadId":"t"}"#),
        ("item/agentMessage/delta", r#"{"threadId":"t"}"#),
        ("item/completed", r#"{"threadId":"t","item":{"type":5}}"#),
        ("error", r#"{"threadId":"t","error":{"message":"m"},"willRetry":false}"#),
        ("codex/event/thing", r#"{"conversationId":"t"}"#),
    ] {
        assert_eq!(parse(params).unwrap().thread_id.as_deref(), Some("t"), "{method}");
        assert!(read(&[(method, serde_json::from_str(params).unwrap())]).is_empty(), "{method}");
    }
}

fn raw_message(text: &str, start: usize, end: usize) -> (&'static str, Value) {
    let cite =
        json!({"type":"url_citation","start_index":start,"end_index":end,"url":"https://a.org","title":"A"});
    let content = json!([{"type":"output_text","text":text,"annotations":[cite]}]);
    ("rawResponseItem/completed", json!({"item":{"type":"message","role":"assistant","content":content}}))
}

#[test]
fn the_citations_of_a_message_follow_its_text() {
    let events = read(&[
        delta("m", "é one"),
        completed("m", "é one"),
        raw_message("é one", 2, 5),
        delta("n", "two"),
        completed("n", "two"),
        raw_message("two", 0, 3),
    ]);
    let cited: Vec<_> = events
        .iter()
        .filter_map(|event| match event {
            TurnEvent::Citations(citations) => Some((citations[0].start, citations[0].end)),
            _ => None,
        })
        .collect();
    assert_eq!(cited, [(2, 5), (7, 10)], "{events:?}");
    let text: Vec<char> = text_of(&events).chars().collect();
    assert_eq!(text[7..10].iter().collect::<String>(), "two");
}

#[test]
fn a_web_search_is_reported_when_it_starts_and_when_it_ends() {
    let item = |method, action: Value| {
        (method, json!({"item":{"type":"webSearch","id":"ws","query":"q","action":action}}))
    };
    let events = read(&[
        item("item/started", Value::Null),
        item("item/completed", json!({"type":"findInPage","url":"https://a.org","pattern":"p"})),
    ]);
    let calls: Vec<_> = events
        .iter()
        .filter_map(|event| match event {
            TurnEvent::Item(ItemEvent::WebSearch(call)) => Some((call.ended, call.action.clone())),
            _ => None,
        })
        .collect();
    let action = WebSearchAction::FindInPage { url: Some("https://a.org".into()), pattern: Some("p".into()) };
    assert_eq!(calls, [(false, None), (true, Some(action))]);
}
