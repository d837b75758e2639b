//! Decides what to answer: by the prompt's script, the tool results, the schema, or else like the demo.

use std::time::Duration;

use serde_json::Value;

use crate::account_limits::Limit;
use crate::api_error::ApiError;
use crate::calls::{self, ToolCall};
use crate::conversation::{self, Latest};
use crate::demo;
use crate::directive::DirectiveError;
use crate::review;
use crate::schema;
use crate::script::{Script, Usage};
use crate::web_search;

/// Fast, but visibly streaming.
const DEMO_PACE: Duration = Duration::from_millis(25);

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Ending {
    Completed,
    Incomplete(String),
    Failed {
        code: String,
        message: String,
    },
    /// The connection is cut after this many words, or just before the end if there are fewer.
    CutAfter(usize),
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Answer {
    pub(crate) model: String,
    pub(crate) silence: Duration,
    pub(crate) every: Duration,
    pub(crate) hold: Option<usize>,
    pub(crate) reasoning: Vec<String>,
    /// The text, one delta each. `None` for an answer without a message.
    pub(crate) words: Option<Vec<String>>,
    pub(crate) calls: Vec<ToolCall>,
    /// The actions of the web searches before the text.
    pub(crate) searches: Vec<Value>,
    /// The annotations of the text.
    pub(crate) annotations: Vec<Value>,
    pub(crate) usage: Usage,
    pub(crate) ending: Ending,
}

/// The answer to a request, with the rate limits to report.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Reply {
    pub(crate) primary: Option<Limit>,
    pub(crate) secondary: Option<Limit>,
    /// Whether ordinary usage is allowed from now on, if the script says so.
    pub(crate) allowed: Option<Option<bool>>,
    pub(crate) outcome: Result<Box<Answer>, ApiError>,
}

/// Decides on a reply. `within_times` counts requests, and returns whether directives limited by `times=` still apply.
pub(crate) fn decide(
    body: &Value,
    items: &[&Value],
    within_times: impl FnOnce(&str, u32) -> bool,
) -> Result<Reply, DirectiveError> {
    let mut latest = conversation::latest(items.iter().copied());
    let script = Script::parse_prompt(&latest.prompt)?;
    let is_demo = script.is_none();
    let script = script.unwrap_or_else(|| Script { every: DEMO_PACE, ..Script::default() });
    let (mut script, earlier) = script.round(latest.results.len());
    latest.results.drain(..earlier);
    if script.times.is_some_and(|times| !within_times(&latest.prompt, times)) {
        let say = script.again.take().or(script.say);
        script = Script { say, status: None, failed: None, incomplete: None, break_after: None, ..script };
    }
    let outcome = match script.status {
        Some(status) => Err(ApiError::scripted(status, &script)),
        None => Ok(Box::new(answer(body, items, &latest, &script, is_demo))),
    };
    Ok(Reply { primary: script.primary, secondary: script.secondary, allowed: script.allowed, outcome })
}

fn answer(body: &Value, items: &[&Value], latest: &Latest, script: &Script, is_demo: bool) -> Answer {
    let urged = || conversation::messages(items.iter().copied()).iter().any(is_urging);
    let picture = calls::picture(body, &latest.prompt).filter(|_| !script.has_content());
    let wants_calls = latest.results.is_empty() && (!script.reluctant || urged());
    let wanted = script.calls.iter().chain(&picture).filter(|_| wants_calls);
    let calls: Result<Vec<ToolCall>, &str> =
        wanted.map(|call| calls::tool_call(body, call, script.why.as_deref())).collect();
    let searches = web_search::actions(body, &script.searches);
    let (calls, searches, words) = match (calls, searches) {
        (Ok(calls), Ok(searches)) if picture.is_some() => (calls, searches, picture_text(latest)),
        (Ok(calls), Ok(searches)) => (calls, searches, text(body, items, latest, script, is_demo)),
        (Err(missing), _) | (_, Err(missing)) => (Vec::new(), Vec::new(), Some(split_words(missing))),
    };
    let said = words.as_deref().unwrap_or_default().concat();
    let reasoning: Vec<String> =
        (1..=script.reasoning).map(|n| format!("**Step {n}** thinking about it")).collect();
    let usage = script.usage.unwrap_or_else(|| count_usage(items, words.as_deref(), &reasoning));
    Answer {
        model: script.model.clone().unwrap_or_else(|| body["model"].as_str().unwrap_or("sample").to_owned()),
        silence: script.silence,
        every: script.every,
        hold: script.hold,
        reasoning,
        words,
        calls,
        searches,
        annotations: web_search::annotations(&said, &script.citations),
        usage,
        ending: ending(script),
    }
}

/// What the model says once its picture is there, or failed.
fn picture_text(latest: &Latest) -> Option<Vec<String>> {
    let result = latest.results.last()?;
    Some(split_words(if result.starts_with("[image]") { "Here is your picture." } else { result }))
}

fn is_urging((role, text): &(String, String)) -> bool {
    role == "developer" && text.contains("must call")
}

fn text(
    body: &Value,
    items: &[&Value],
    latest: &Latest,
    script: &Script,
    is_demo: bool,
) -> Option<Vec<String>> {
    if !latest.results.is_empty() && (is_demo || script.has_calls()) {
        return Some(split_words(&format!("Tool results: {}", latest.results.join("; "))));
    }
    if let Some(say) = &script.say {
        return Some(split_words(say));
    }
    if script.echo {
        return Some(split_words(&conversation::echo(body, &conversation::messages(items.iter().copied()))));
    }
    let messages = conversation::messages(items.iter().copied());
    if review::is_review(body, &messages) && script.words.is_none() && !script.has_calls() {
        let found = script.findings.unwrap_or(1);
        return Some(split_words(&review::answer(&messages, &latest.prompt, found)));
    }
    if let Some(schema) = conversation::schema(body).filter(|_| !script.has_content()) {
        return Some(split_words(&schema::example(schema).to_string()));
    }
    if is_demo {
        return Some(split_words(&demo::answer(&latest.prompt)));
    }
    let has_no_text = script.has_calls() || script.failed.is_some();
    if has_no_text && script.words.is_none() {
        return None;
    }
    Some((1..=script.word_count()).map(|n| format!("word{n} ")).collect())
}

fn ending(script: &Script) -> Ending {
    if let Some(code) = &script.failed {
        let message = script.message.clone().unwrap_or_else(|| format!("sample failure {code}"));
        return Ending::Failed { code: code.clone(), message };
    }
    if let Some(reason) = &script.incomplete {
        return Ending::Incomplete(reason.clone());
    }
    script.break_after.map_or(Ending::Completed, Ending::CutAfter)
}

fn count_usage(items: &[&Value], words: Option<&[String]>, reasoning: &[String]) -> Usage {
    let count = |text: &str| text.split_whitespace().count() as u64;
    let input = conversation::messages(items.iter().copied()).iter().map(|(_, text)| count(text)).sum();
    let reasoning_tokens: u64 = reasoning.iter().map(|text| count(text)).sum();
    let said: u64 = words.unwrap_or_default().iter().map(|word| count(word)).sum();
    Usage { input, cached: 0, output: said + reasoning_tokens, reasoning: reasoning_tokens }
}

/// Splits a text into words with their trailing white space. Concatenated they are the exact text.
fn split_words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    for c in text.chars() {
        if !c.is_whitespace() && word.ends_with(char::is_whitespace) {
            words.push(std::mem::take(&mut word));
        }
        word.push(c);
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn decided(prompt: &str, more: &Value) -> Reply {
        let mut body = json!({"model": "m", "input": [{"type": "message", "role": "user", "content": prompt}],
            "tools": [{"type": "function", "name": "exec_command"}, {"type": "custom", "name": "apply_patch"}]});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let items: Vec<&Value> = conversation::input_items(&body).iter().collect();
        decide(&body, &items, |_, _| false).unwrap()
    }

    fn answered(prompt: &str, more: &Value) -> Answer {
        *decided(prompt, more).outcome.unwrap()
    }

    fn text_of(answer: &Answer) -> String {
        answer.words.as_deref().unwrap().concat()
    }

    #[test]
    fn words_keep_the_exact_text() {
        let text = "  Grüße,\n\n\tWelt  und 日本 ";
        assert_eq!(split_words(text).concat(), text);
        assert_eq!(split_words("a  b\nc"), ["a  ", "b\n", "c"]);
        assert_eq!(text_of(&answered("[[words=2]]", &json!({}))), "word1 word2 ");
    }

    #[test]
    fn a_schema_is_satisfied_unless_the_script_has_content() {
        let format = json!({"text": {"format": {"type": "json_schema", "schema": {"type": "object", "required": ["a"],
            "properties": {"a": {"type": "string"}}}}}});
        assert_eq!(text_of(&answered("Anything", &format)), r#"{"a":"sample"}"#);
        assert_eq!(text_of(&answered("[[every=1]]", &format)), r#"{"a":"sample"}"#);
        assert_eq!(text_of(&answered("[[say=no]]", &format)), "no");
    }

    #[test]
    fn calls_come_first_and_their_results_after() {
        let first = answered("[[tool=apply_patch:p shell=\"touch x\"]]", &json!({}));
        assert_eq!(first.words, None);
        assert_eq!((first.calls[0].name.as_str(), first.calls[0].free_text), ("apply_patch", true));
        assert_eq!(first.calls[1].arguments, r#"{"cmd":"touch x"}"#);
        let input = json!({"input": [{"role": "user", "content": "[[tool=f]]"},
            {"type": "function_call_output", "output": "1"}, {"type": "function_call_output", "output": "2"}]});
        let then = answered("", &input);
        assert_eq!((text_of(&then).as_str(), then.calls.len()), ("Tool results: 1; 2", 0));
    }

    #[test]
    fn a_round_starts_when_all_results_of_the_previous_one_are_in() {
        let prompt = r#"[[tool=f tool=g:{"a":1} then tool=h then say="at last"]]"#;
        let after = |results: usize| {
            let result = json!({"type": "function_call_output", "output": "r"});
            let mut input = vec![json!({"role": "user", "content": prompt})];
            input.extend(std::iter::repeat_n(result, results));
            let answer = answered("", &json!({ "input": input }));
            let calls: Vec<String> = answer.calls.into_iter().map(|call| call.name).collect();
            (calls.join(" "), answer.words.map(|words| words.concat()).unwrap_or_default())
        };
        let rounds = [("f g", ""), ("", "Tool results: r"), ("h", ""), ("", "at last"), ("", "at last")];
        for (results, (calls, said)) in rounds.into_iter().enumerate() {
            assert_eq!(after(results), (calls.to_owned(), said.to_owned()), "after {results} results");
        }
    }

    #[test]
    fn a_reluctant_model_calls_only_when_it_must() {
        let with = |role: &str, text: &str| {
            let input = json!([{"role": role, "content": text}, {"role": "user", "content": "[[reluctant say=no tool=f]]"}]);
            answered("", &json!({ "input": input })).calls.len()
        };
        assert_eq!((with("user", "You must call f"), with("developer", "You must call f")), (0, 1));
    }

    #[test]
    fn times_limits_failures() {
        assert!(decided("[[status=500]]", &json!({})).outcome.is_err());
        assert_eq!(answered("[[status=500 times=1]]", &json!({})).ending, Ending::Completed);
        assert_eq!(text_of(&answered("[[words=2 break=1 times=1 again=other]]", &json!({}))), "other");
        assert_eq!(answered("[[break=1]]", &json!({})).ending, Ending::CutAfter(1));
    }
}
