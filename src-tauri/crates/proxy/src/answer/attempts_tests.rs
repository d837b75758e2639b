use std::sync::Arc;

use super::*;
use crate::event::AnswerEnd;
use crate::openai::completion::FinishReason;
use crate::settings::ReasoningFormat;
use crate::translate::answer_request::ToolChoice;
use crate::translate::tool_names::ToolNames;

fn config() -> PipelineConfig {
    PipelineConfig {
        reasoning: ReasoningFormat::ReasoningContent,
        show_activity: true,
        search_items: false,
        names: Arc::new(ToolNames::new(std::iter::empty())),
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

/// Runs a script through a pipeline: `!` is a retry, `|` a checkpoint, `(…)` reasoning, anything else a text. Returns what
/// was sent, reasoning in brackets, then `.` for the end or `#` for a cut.
fn run(config: PipelineConfig, streamed: bool, script: &[&str]) -> String {
    let mut attempts = Attempts::new(config, streamed);
    let mut out = VecDeque::new();
    let mut ended = ControlFlow::Continue(());
    for step in script {
        ended = match *step {
            "!" => {
                attempts.retry();
                ControlFlow::Continue(())
            }
            "|" => attempts.checkpoint(&mut out),
            step => match step.strip_prefix('(').and_then(|step| step.strip_suffix(')')) {
                Some(reasoning) => {
                    attempts.push_reasoning(reasoning, &mut out);
                    ControlFlow::Continue(())
                }
                None => attempts.push_text(step, &mut out),
            },
        };
        if ended.is_break() {
            break;
        }
    }
    if ended.is_continue()
        && let Err(failure) = attempts.finish(None, &mut out)
    {
        out.push_back(AnswerEvent::Ended(Err(failure)));
    }
    let shown = out.into_iter().map(|event| match event {
        AnswerEvent::Text(text) => text,
        AnswerEvent::Reasoning(text) => format!("({text})"),
        AnswerEvent::Ended(Ok(AnswerEnd { reason: FinishReason::Stop, .. })) => ".".to_owned(),
        AnswerEvent::Ended(Err(Failure::Cut)) => "#".to_owned(),
        other => panic!("{other:?}"),
    });
    shown.collect::<String>().replace(")(", "")
}

#[test]
fn of_a_retried_answer_the_last_attempt_counts_or_a_stream_drops_what_it_repeats() {
    for (script, whole, streamed) in [
        (&["ab", "c", "!", "a", "bcd", "e"][..], "abcde.", "abcde."),
        (&["ab", "!", "a", "!", "abc"], "abc.", "abc."),
        (&["é日", "!", "é", "日本"], "é日本.", "é日本."),
        (&["abc", "!", "abx", "y"], "abxy.", "abc#"),
        (&["abc", "!", "x"], "x.", "abc#"),
        (&["abc", "!", "ab"], "ab.", "abc#"),
        (&["abc", "!", "ab", "|", "c"], "abc.", "abc#"),
        (&["abc", "!"], ".", "abc#"),
        (&["!", "abc"], "abc.", "abc."),
        (&["a", "|", "b", "!", "bc"], "abc.", "abc."),
        (&["a", "|", "b", "!", "c"], "ac.", "ab#"),
        (&["a", "|", "!", "c"], "ac.", "ac."),
        (&["(r)", "a", "!", "(r)", "ab"], "(r)ab.", "(r)ab."),
        (&["(r)", "a", "!", "(s)", "ab"], "(s)ab.", "(r)ab."),
        (&["(rs)", "!", "(r)", "(t)", "a"], "(rt)a.", "(rs\n\nrt)a."),
    ] {
        assert_eq!(run(config(), false, script), whole, "{script:?}");
        assert_eq!(run(config(), true, script), streamed, "{script:?}");
    }
}

#[test]
fn filters_see_one_attempt_only() {
    let stop = || PipelineConfig { stop: vec!["END".into()], ..config() };
    for (streamed, script, sent) in [
        (false, &["aE", "!", "aE", "N", "D"][..], "a."),
        (true, &["aE", "!", "aE", "N", "D"], "a."),
        (false, &["E", "!", "ND"], "ND."),
        // Nothing of the first attempt has been sent.
        (true, &["EN", "!", "ok"], "ok."),
        (true, &["aEN", "!", "ok"], "a#"),
    ] {
        assert_eq!(run(stop(), streamed, script), sent, "{streamed} {script:?}");
    }
    let required = PipelineConfig { tool_choice: ToolChoice::Required, ..config() };
    let mut attempts = Attempts::new(required, true);
    let mut out = VecDeque::new();
    let _ = attempts.push_text("ab", &mut out);
    attempts.retry();
    assert!(attempts.push_text("x", &mut out).is_continue() && out.is_empty());
}

#[test]
fn an_answer_that_ends_early_keeps_its_last_attempt() {
    for (streamed, sent) in [(false, "x"), (true, "ab")] {
        let mut attempts = Attempts::new(config(), streamed);
        let mut out = VecDeque::new();
        let _ = attempts.push_text("ab", &mut out);
        attempts.retry();
        let _ = attempts.push_text(if streamed { "a" } else { "x" }, &mut out);
        attempts.finish_incomplete(Incomplete::ContentFilter, None, &mut out);
        assert!(matches!(&out[0], AnswerEvent::Text(text) if text == sent), "{out:?}");
        let end = AnswerEnd { reason: FinishReason::ContentFilter, usage: None, files_changed: None };
        assert!(matches!(&out[1], AnswerEvent::Ended(Ok(ended)) if *ended == end), "{out:?}");
    }
}
