use codex_client::{ItemEvent, WebSearchCall};
use proptest::prelude::*;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::answer::activity;
use crate::translate::answer_request::{ClientTool, Format};
use crate::translate::schema::{CompiledFormat, prepare_tools};

fn config() -> PipelineConfig {
    PipelineConfig {
        reasoning: ReasoningFormat::ReasoningContent,
        show_activity: true,
        search_items: false,
        names: Arc::new(ToolNames::new(["my.tool"].into_iter())),
        tool_choice: ToolChoice::Auto,
        stop: Vec::new(),
        max_tokens: None,
        counter: None,
        json: None,
        check: None,
        arguments: Arc::default(),
        only_image: false,
    }
}

fn counter() -> Option<TokenCounter> {
    let prompt = "one two three four five";
    Some(TokenCounter { tokenizer: Arc::default(), prompt: prompt.into(), prompt_len: prompt.len() })
}

/// Runs some text and the end of the turn through a pipeline.
fn filtered(config: PipelineConfig, texts: &[&str]) -> (String, Option<AnswerEnd>) {
    let mut pipeline = AnswerPipeline::new(config);
    let mut out = VecDeque::new();
    let cut = texts.iter().any(|text| pipeline.push_text(text, &mut out).is_break());
    if !cut {
        pipeline.finish(Some(Usage { input: 1, ..Usage::default() }), &mut out).unwrap();
    }
    collect(out)
}

fn collect(out: VecDeque<AnswerEvent>) -> (String, Option<AnswerEnd>) {
    let (mut text, mut end) = (String::new(), None);
    for event in out {
        match event {
            AnswerEvent::Text(more) => text.push_str(&more),
            AnswerEvent::Ended(Ok(finish)) => end = Some(finish),
            _ => {}
        }
    }
    (text, end)
}

fn call(name: &str) -> ToolCall {
    ToolCall { call_id: "c".into(), name: name.into(), arguments: "{}".into() }
}

#[test]
fn an_answer_without_limits_passes_unchanged() {
    let (text, end) = filtered(config(), &["a", "b"]);
    assert_eq!(text, "ab");
    let usage = Some(Usage { input: 1, ..Usage::default() });
    assert_eq!(end, Some(AnswerEnd { reason: FinishReason::Stop, usage, files_changed: None }));
}

#[test]
fn a_stop_sequence_across_deltas_ends_the_answer_and_usage_is_counted() {
    let (text, end) = filtered(
        PipelineConfig { stop: vec!["END".into()], counter: counter(), ..config() },
        &["one E", "N", "D two"],
    );
    assert_eq!(text, "one ");
    let end = end.unwrap();
    assert_eq!(end.reason, FinishReason::Stop);
    let usage = end.usage.unwrap();
    assert!(usage.input == 5 && usage.output > 0, "{usage:?}");
}

#[test]
fn an_incomplete_stop_sequence_is_sent_at_the_end() {
    assert_eq!(filtered(PipelineConfig { stop: vec!["END".into()], ..config() }, &["one EN"]).0, "one EN");
}

#[test]
fn the_answer_ends_at_the_token_limit() {
    let limited = PipelineConfig { max_tokens: Some(2), counter: counter(), ..config() };
    let (text, end) = filtered(limited.clone(), &["one", " two", " three", " four"]);
    assert_eq!((text.as_str(), end.unwrap().reason), ("one two", FinishReason::Length));
    let (text, end) = filtered(limited, &["one", " two"]);
    assert_eq!((text.as_str(), end.unwrap().reason), ("one two", FinishReason::Stop));
}

#[test]
fn reasoning_between_think_tags_is_closed_before_the_answer() {
    let mut pipeline = AnswerPipeline::new(PipelineConfig { reasoning: ReasoningFormat::Think, ..config() });
    let mut out = VecDeque::new();
    pipeline.push_reasoning("a", &mut out);
    pipeline.push_reasoning("b", &mut out);
    let _ = pipeline.push_text("answer", &mut out);
    pipeline.finish(None, &mut out).unwrap();
    assert_eq!(collect(out).0, "<think>\nab\n</think>\n\nanswer");
    let mut pipeline = AnswerPipeline::new(PipelineConfig { reasoning: ReasoningFormat::None, ..config() });
    let mut out = VecDeque::new();
    pipeline.push_reasoning("a", &mut out);
    assert!(out.is_empty());
}

#[test]
fn each_action_of_codex_is_a_reasoning_line() {
    let mut pipeline = AnswerPipeline::new(config());
    let mut out = VecDeque::new();
    pipeline.push_reasoning("thinking", &mut out);
    let search =
        ItemEvent::WebSearch(WebSearchCall { query: "rust".into(), ended: true, ..WebSearchCall::default() });
    let call = ItemEvent::McpCall { server: "s".into(), tool: "t".into(), failed: true };
    pipeline.push_activity(&activity::reasoning_line(&search), &mut out);
    pipeline.push_activity(&activity::reasoning_line(&call), &mut out);
    let reasoning: String = out
        .into_iter()
        .map(|event| match event {
            AnswerEvent::Reasoning(text) => text,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(reasoning, "thinking\nSearched the web for \"rust\"\nCalled t of s, which failed\n");
    let mut quiet = AnswerPipeline::new(PipelineConfig { show_activity: false, ..config() });
    let mut out = VecDeque::new();
    quiet.push_activity(&activity::reasoning_line(&search), &mut out);
    assert!(out.is_empty());
}

#[test]
fn calls_are_sent_last_under_the_clients_names() {
    let config = config();
    let codex_name = config.names.to_codex("my.tool").into_owned();
    let mut pipeline = AnswerPipeline::new(config);
    let mut out = VecDeque::new();
    let _ = pipeline.push_text("let me see", &mut out);
    pipeline.push_call(call(&codex_name));
    pipeline.finish(None, &mut out).unwrap();
    assert!(matches!(&out[1], AnswerEvent::Call(call) if call.name == "my.tool"), "{out:?}");
    assert!(
        matches!(&out[2], AnswerEvent::Ended(Ok(AnswerEnd { reason: FinishReason::ToolCalls, .. }))),
        "{out:?}"
    );
}

#[test]
fn a_missing_required_call_is_a_failure_and_text_is_dropped() {
    let mut pipeline = AnswerPipeline::new(PipelineConfig { tool_choice: ToolChoice::Required, ..config() });
    let mut out = VecDeque::new();
    let _ = pipeline.push_text("in words", &mut out);
    assert!(pipeline.lacks_required_call());
    assert!(matches!(pipeline.finish(None, &mut out), Err(Failure::NoCall)));
    assert!(out.is_empty());
    let mut named =
        AnswerPipeline::new(PipelineConfig { tool_choice: ToolChoice::Named("f".into()), ..config() });
    named.push_call(call("g"));
    assert!(named.lacks_required_call());
    named.push_call(call("f"));
    assert!(!named.lacks_required_call());
}

#[test]
fn an_answer_with_a_schema_is_validated_before_it_ends() {
    let schema = serde_json::json!({"type":"object","required":["a"]});
    let format = Format::Schema { schema, strict: true, param: "x".to_owned() };
    let check = CompiledFormat::new(&format, &CancellationToken::new()).unwrap().check;
    let mut pipeline = AnswerPipeline::new(PipelineConfig { check, ..config() });
    let mut out = VecDeque::new();
    let _ = pipeline.push_text("{\"b\":1}", &mut out);
    let unchecked = pipeline.finish(None, &mut out).unwrap().unwrap();
    assert!(unchecked.check().is_err());
    assert!(!out.iter().any(|event| matches!(event, AnswerEvent::Ended(_))), "{out:?}");
    pipeline.finish_checked(None, &mut out);
    assert!(matches!(out.back(), Some(AnswerEvent::Ended(Ok(AnswerEnd { reason: FinishReason::Stop, .. })))));
}

#[test]
fn tokens_of_a_long_conversation_are_extrapolated() {
    let TokenCounter { tokenizer, prompt, prompt_len } = counter().unwrap();
    let counter = TokenCounter { tokenizer, prompt, prompt_len: 100 * prompt_len };
    let config = PipelineConfig { max_tokens: Some(1), counter: Some(counter), ..config() };
    let (text, end) = filtered(config, &["one two three"]);
    let usage = end.unwrap().usage.unwrap();
    assert_eq!((text.as_str(), usage.input, usage.output), ("one", 500, 1));
}

#[test]
fn rejected_calls_are_returned_with_their_outputs_and_under_codexs_names() {
    let tool = ClientTool {
        name: "my.tool".into(),
        parameters: serde_json::json!({"type":"object","required":["a"]}),
        strict: true,
        ..ClientTool::default()
    };
    let arguments = prepare_tools(&mut [tool], &CancellationToken::new()).unwrap();
    let config = PipelineConfig { arguments: arguments.into(), ..config() };
    let codex_name = config.names.to_codex("my.tool").into_owned();
    let mut pipeline = AnswerPipeline::new(config);
    let mut out = VecDeque::new();
    for name in [codex_name.as_str(), "other"] {
        pipeline.push_call(ToolCall { call_id: name.into(), ..call(name) });
    }
    let unchecked = pipeline.finish(None, &mut out).unwrap().unwrap();
    let Err(Failure::BadCall(reason)) = unchecked.check() else { panic!("it matches") };
    assert_eq!(reason, "the call of \"my.tool\" does not match the schema at /required");
    assert!(out.is_empty(), "{out:?}");
    let items = pipeline.reject_calls(&reason);
    let ids: Vec<&str> = items
        .iter()
        .map(|item| match item {
            Item::ToolCall(call) if call.call_id == call.name => call.name.as_str(),
            Item::ToolOutput { call_id, .. } => call_id.as_str(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(ids, [&codex_name, "other", &codex_name, "other"]);
}

fn citation(text: &str, cited: &str) -> Citation {
    let start = text[..text.find(cited).unwrap()].chars().count();
    let end = start + cited.chars().count();
    Citation { start, end, url: format!("https://{cited}"), title: String::new() }
}

/// What the citations of an answer refer to in the text that is sent.
fn cited(config: PipelineConfig, reasoning: &str, deltas: &[&str], citations: Vec<Citation>) -> Vec<String> {
    let mut pipeline = AnswerPipeline::new(config);
    let mut out = VecDeque::new();
    if !reasoning.is_empty() {
        pipeline.push_reasoning(reasoning, &mut out);
    }
    if !deltas.iter().any(|delta| pipeline.push_text(delta, &mut out).is_break()) {
        pipeline.push_citations(citations, &mut out);
        let _ = pipeline.finish(None, &mut out);
    }
    let (mut sent, mut found) = (Vec::new(), Vec::new());
    for event in out {
        match event {
            AnswerEvent::Text(text) => sent.extend(text.chars()),
            AnswerEvent::Citations(citations) => {
                found.extend(
                    citations.iter().map(|cited| sent[cited.start..cited.end].iter().collect::<String>()),
                );
            }
            _ => {}
        }
    }
    found
}

#[test]
fn citations_refer_to_the_text_that_is_sent() {
    let text = "日本 one, two END three";
    let all = || vec![citation(text, "one"), citation(text, "two"), citation(text, "three")];
    assert_eq!(cited(config(), "", &[text], all()), ["one", "two", "three"]);
    let think = PipelineConfig { reasoning: ReasoningFormat::Think, ..config() };
    assert_eq!(cited(think, "hm ö", &[text], all()), ["one", "two", "three"]);
    // Text that may begin a stop sequence is sent last.
    let stop = PipelineConfig { stop: vec!["three!".into()], counter: counter(), ..config() };
    assert_eq!(cited(stop, "", &[text], all()), ["one", "two", "three"]);
}

#[test]
fn citations_of_cut_text_are_dropped() {
    let text = "{\"a\": \"one\"}";
    let answer = format!("日本: {text} three");
    let all = vec![citation(&answer, "日本"), citation(&answer, "one"), citation(&answer, "three")];
    let json = PipelineConfig { json: Some(JsonExtractor::new(false)), ..config() };
    assert_eq!(cited(json, "", &[&answer], all), ["one"]);
    let limited = PipelineConfig { max_tokens: Some(2), counter: counter(), ..config() };
    let both = || vec![citation("one two three", "one"), citation("one two three", "three")];
    let mut pipeline = AnswerPipeline::new(limited);
    let mut out = VecDeque::new();
    let _ = pipeline.push_text("one two", &mut out);
    pipeline.push_citations(both(), &mut out);
    assert!(pipeline.push_text(" three", &mut out).is_break());
    let citations: Vec<usize> = out
        .iter()
        .filter_map(|event| match event {
            AnswerEvent::Citations(citations) => Some(citations.len()),
            _ => None,
        })
        .collect();
    assert_eq!(citations, [1], "{out:?}");
}

#[test]
fn citations_of_a_second_turn_follow_the_text_of_the_first() {
    let mut pipeline = AnswerPipeline::new(config());
    let mut out = VecDeque::new();
    let _ = pipeline.push_text("first ", &mut out);
    pipeline.reject_calls("wrong");
    let _ = pipeline.push_text("second", &mut out);
    pipeline.push_citations(vec![citation("second", "cond")], &mut out);
    pipeline.finish(None, &mut out).unwrap();
    let places = out.iter().find_map(|event| match event {
        AnswerEvent::Citations(citations) => Some((citations[0].start, citations[0].end)),
        _ => None,
    });
    assert_eq!(places, Some((8, 12)), "{out:?}");
}

proptest! {
    #[test]
    fn a_citation_refers_to_the_same_text_whatever_is_between(
        parts in prop::collection::vec("[a-zé日]{1,5}", 1..6), thoughts in prop::collection::vec("[xyz]{0,3}", 6),
        at in 0..6_usize
    ) {
        let config = PipelineConfig { reasoning: ReasoningFormat::Think, ..config() };
        let mut pipeline = AnswerPipeline::new(config);
        let mut out = VecDeque::new();
        let mut text = String::new();
        let at = at % parts.len();
        let start = parts[..at].concat().chars().count();
        for (part, thought) in parts.iter().zip(&thoughts) {
            if !thought.is_empty() {
                pipeline.push_reasoning(thought, &mut out);
            }
            let _ = pipeline.push_text(part, &mut out);
            text.push_str(part);
        }
        let end = start + parts[at].chars().count();
        let cite = Citation { start, end, url: "u".into(), title: "t".into() };
        pipeline.push_citations(vec![cite.clone()], &mut out);
        pipeline.push_citations(vec![cite], &mut out);
        let (mut sent, mut found) = (Vec::new(), Vec::new());
        for event in out {
            match event {
                AnswerEvent::Text(text) => sent.extend(text.chars()),
                AnswerEvent::Citations(citations) => found.extend(citations),
                other => panic!("{other:?}"),
            }
        }
        prop_assert_eq!(found.len(), 1);
        let cited: String = sent[found[0].start..found[0].end].iter().collect();
        prop_assert_eq!(&cited, &parts[at]);
    }
}
