use serde_json::json;

use super::*;
use codex_client::Usage;

use crate::event::AnswerEnd;
use crate::openai::completion::FinishReason;
use crate::translate::{refused, wire};

fn read(mut body: Value) -> Result<Vec<AnswerRequest>, (bool, String)> {
    body["model"] = "m".into();
    let request: CompletionsRequest = serde_json::from_value(body).unwrap();
    parse(&request).map_err(|error| refused::<()>(Err(error)))
}

fn prompts_of(requests: &[AnswerRequest]) -> Vec<&str> {
    requests
        .iter()
        .map(|requests| match requests.items.as_slice() {
            [Item::Message { role: Role::User, content }] => match content.as_slice() {
                [Content::Text(text)] => text.as_str(),
                other => panic!("{other:?}"),
            },
            other => panic!("{other:?}"),
        })
        .collect()
}

#[test]
fn each_prompt_is_a_separate_conversation() {
    let requests = read(json!({"prompt":"one","max_tokens":5,"stop":"."})).unwrap();
    assert_eq!(prompts_of(&requests), ["one"]);
    assert_eq!((requests[0].max_tokens, requests[0].stop.as_slice()), (Some(5), &[".".to_owned()][..]));
    let requests = read(json!({"prompt":["one","two"],"n":4,"stop":["a","b"]})).unwrap();
    assert_eq!(prompts_of(&requests), ["one", "two"]);
    assert_eq!(requests[1].n, 4);
    assert_eq!(requests[1].stop, ["a", "b"]);
}

#[test]
fn errors_name_the_parameter() {
    for (body, expected) in [
        (json!({"prompt":[]}), (true, "prompt")),
        (json!({"prompt":[null]}), (true, "prompt[0]")),
        (json!({"prompt":[1, 2]}), (false, "prompt")),
        (json!({"prompt":[[1, 2]]}), (false, "prompt")),
        (json!({"prompt":"a","n":0}), (true, "n")),
        (json!({"prompt":"a","n":9}), (true, "n")),
        (json!({"prompt":["a","b","c"],"n":3}), (true, "n")),
    ] {
        assert_eq!(read(body.clone()).unwrap_err(), (expected.0, expected.1.to_owned()), "{body}");
    }
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

fn writer(include_usage: bool) -> TextChunks {
    let (id, object) = ("cmpl-1".to_owned(), "text_completion");
    TextChunks(Head { id, object, created: 7, model: "m".to_owned(), include_usage, ..Head::default() })
}

fn written(writer: &mut TextChunks, index: u32, event: AnswerEvent) -> Vec<Value> {
    events(&wire(writer.write(index, event).unwrap()))
}

#[test]
fn a_chunk_has_the_text_and_the_index_of_its_choice() {
    let mut writer = writer(false);
    assert!(written(&mut writer, 0, AnswerEvent::Model("m-2".into())).is_empty());
    assert_eq!(
        written(&mut writer, 1, AnswerEvent::Text("a".into())),
        [json!({"id":"cmpl-1","object":"text_completion","created":7,"model":"m-2","choices":[
            {"text":"a","index":1,"logprobs":null,"finish_reason":null}]})]
    );
    let end =
        AnswerEvent::Ended(Ok(AnswerEnd { reason: FinishReason::Length, usage: None, files_changed: None }));
    let end = &written(&mut writer, 1, end)[0];
    assert_eq!(end["choices"][0]["finish_reason"], "length");
    assert_eq!(events(&wire(writer.head().end())), ["[DONE]"]);
}

#[test]
fn usage_is_null_until_the_last_chunk_which_has_no_choices() {
    let mut writer = writer(true);
    assert_eq!(written(&mut writer, 0, AnswerEvent::Text("a".into()))[0].get("usage"), Some(&Value::Null));
    let usage = Some(Usage { input: 10, cached: 4, output: 5, reasoning: 2 });
    written(
        &mut writer,
        0,
        AnswerEvent::Ended(Ok(AnswerEnd { reason: FinishReason::Stop, usage, files_changed: None })),
    );
    let done = events(&wire(writer.head().end()));
    assert_eq!(done[0]["choices"], json!([]));
    assert_eq!(done[0]["usage"]["total_tokens"], 15);
    assert_eq!(done[1], "[DONE]");
    let whole = serde_json::to_value(Head::default().completion::<TextChoice<'_>>(&[])).unwrap();
    assert!(whole.get("usage").is_none(), "complete, with unknown usage");
}
