use tokio_util::sync::CancellationToken;

use super::*;
use crate::translate::answer_request::Format;
use crate::translate::schema::Form;

fn plan() -> Plan {
    Plan {
        reasoning: ReasoningFormat::ReasoningContent,
        show_activity: true,
        names: Arc::new(ToolNames::new(["my.tool"].into_iter())),
        must_call: ToolChoice::Auto,
        stop: Vec::new(),
        max_tokens: None,
        counting: None,
        json: None,
        check: None,
    }
}

fn counting() -> Option<Counting> {
    Some(Counting { tokenizer: Arc::default(), prompt: "one two three four five".into() })
}

/// What comes of some text and the end of the turn: the text, and the end if it came.
fn shaped(plan: Plan, texts: &[&str]) -> (String, Option<Finish>) {
    let mut shaping = Shaping::new(plan);
    let mut out = VecDeque::new();
    let cut = texts.iter().any(|text| shaping.text(text, &mut out).is_break());
    if !cut {
        shaping.over(Some(Usage { input: 1, ..Usage::default() }), &mut out).unwrap();
    }
    gathered(out)
}

fn gathered(out: VecDeque<Piece>) -> (String, Option<Finish>) {
    let (mut text, mut end) = (String::new(), None);
    for piece in out {
        match piece {
            Piece::Text(more) => text.push_str(&more),
            Piece::Ended(Ok(finish)) => end = Some(finish),
            _ => {}
        }
    }
    (text, end)
}

fn call(name: &str) -> ToolCall {
    ToolCall { call_id: "c".into(), name: name.into(), arguments: "{}".into() }
}

#[test]
fn an_answer_without_limits_passes_as_it_is() {
    let (text, end) = shaped(plan(), &["a", "b"]);
    assert_eq!(text, "ab");
    let usage = Some(Usage { input: 1, ..Usage::default() });
    assert_eq!(end, Some(Finish { reason: FinishReason::Stop, usage }));
}

#[test]
fn a_stop_text_cuts_across_deltas_and_the_usage_is_counted() {
    let (text, end) =
        shaped(Plan { stop: vec!["END".into()], counting: counting(), ..plan() }, &["one E", "N", "D two"]);
    assert_eq!(text, "one ");
    let end = end.unwrap();
    assert_eq!(end.reason, FinishReason::Stop);
    let usage = end.usage.unwrap();
    assert!(usage.input == 5 && usage.output > 0, "{usage:?}");
}

#[test]
fn text_that_only_began_like_a_stop_text_comes_in_the_end() {
    assert_eq!(shaped(Plan { stop: vec!["END".into()], ..plan() }, &["one EN"]).0, "one EN");
}

#[test]
fn too_many_tokens_end_the_answer() {
    let limited = Plan { max_tokens: Some(2), counting: counting(), ..plan() };
    let (text, end) = shaped(limited.clone(), &["one", " two", " three", " four"]);
    assert_eq!((text.as_str(), end.unwrap().reason), ("one two", FinishReason::Length));
    let (text, end) = shaped(limited, &["one", " two"]);
    assert_eq!((text.as_str(), end.unwrap().reason), ("one two", FinishReason::Stop));
}

#[test]
fn reasoning_between_think_tags_is_closed_before_the_answer() {
    let mut shaping = Shaping::new(Plan { reasoning: ReasoningFormat::Think, ..plan() });
    let mut out = VecDeque::new();
    shaping.reasoning("a", &mut out);
    shaping.reasoning("b", &mut out);
    let _ = shaping.text("answer", &mut out);
    shaping.over(None, &mut out).unwrap();
    assert_eq!(gathered(out).0, "<think>\nab\n</think>\n\nanswer");
    let mut shaping = Shaping::new(Plan { reasoning: ReasoningFormat::None, ..plan() });
    let mut out = VecDeque::new();
    shaping.reasoning("a", &mut out);
    assert!(out.is_empty());
}

#[test]
fn what_codex_does_is_told_in_lines_of_their_own() {
    let mut shaping = Shaping::new(plan());
    let mut out = VecDeque::new();
    shaping.reasoning("thinking", &mut out);
    let search = ItemEvent::WebSearch { query: "rust".into() };
    let call = ItemEvent::McpCall { server: "s".into(), tool: "t".into(), failed: true };
    shaping.item(&search, &mut out);
    shaping.item(&call, &mut out);
    let told: String = out
        .into_iter()
        .map(|piece| match piece {
            Piece::Reasoning(text) => text,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(told, "thinking\nSearched the web for \"rust\"\nCalled t of s, which failed\n");
    let mut quiet = Shaping::new(Plan { show_activity: false, ..plan() });
    let mut out = VecDeque::new();
    quiet.item(&search, &mut out);
    assert!(out.is_empty());
}

#[test]
fn calls_come_at_the_end_under_the_clients_names() {
    let plan = plan();
    let codex_name = plan.names.to_codex("my.tool").into_owned();
    let mut shaping = Shaping::new(plan);
    let mut out = VecDeque::new();
    let _ = shaping.text("let me see", &mut out);
    shaping.call(call(&codex_name));
    shaping.over(None, &mut out).unwrap();
    assert!(matches!(&out[1], Piece::Call(call) if call.name == "my.tool"), "{out:?}");
    assert!(matches!(&out[2], Piece::Ended(Ok(Finish { reason: FinishReason::ToolCalls, .. }))), "{out:?}");
}

#[test]
fn a_call_that_must_come_and_does_not_is_a_failure_and_words_are_no_answer() {
    let mut shaping = Shaping::new(Plan { must_call: ToolChoice::Required, ..plan() });
    let mut out = VecDeque::new();
    let _ = shaping.text("in words", &mut out);
    assert!(shaping.misses_its_call());
    assert!(matches!(shaping.over(None, &mut out), Err(Failure::NoCall)));
    assert!(out.is_empty());
    let mut named = Shaping::new(Plan { must_call: ToolChoice::Named("f".into()), ..plan() });
    named.call(call("g"));
    assert!(named.misses_its_call());
    named.call(call("f"));
    assert!(!named.misses_its_call());
}

#[test]
fn an_answer_with_a_schema_is_checked_before_its_end_is_said() {
    let schema = serde_json::json!({"type":"object","required":["a"]});
    let format = Format::Schema { schema, strict: true, param: "x".to_owned() };
    let check = Form::of(&format, &CancellationToken::new()).unwrap().check;
    let mut shaping = Shaping::new(Plan { check, ..plan() });
    let mut out = VecDeque::new();
    let _ = shaping.text("{\"b\":1}", &mut out);
    let (check, answer) = shaping.over(None, &mut out).unwrap().unwrap();
    assert!(check.check(&answer).is_err());
    assert!(!out.iter().any(|piece| matches!(piece, Piece::Ended(_))), "{out:?}");
    shaping.checked(None, &mut out);
    assert!(matches!(out.back(), Some(Piece::Ended(Ok(Finish { reason: FinishReason::Stop, .. })))));
}
