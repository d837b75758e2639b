use serde_json::json;

use super::*;
use codex_client::Usage;

use crate::event::Finish;
use crate::openai::completion::FinishReason;
use crate::translate::{refused, wire};

fn read(mut body: Value) -> Result<Vec<AnswerRequest>, (bool, String)> {
    body["model"] = "m".into();
    let request: CompletionsRequest = serde_json::from_value(body).unwrap();
    parse(&request).map_err(|error| refused::<()>(Err(error)))
}

fn said(wanted: &[AnswerRequest]) -> Vec<&str> {
    wanted
        .iter()
        .map(|wanted| match wanted.items.as_slice() {
            [Item::Message { role: Role::User, content }] => match content.as_slice() {
                [Content::Text(text)] => text.as_str(),
                other => panic!("{other:?}"),
            },
            other => panic!("{other:?}"),
        })
        .collect()
}

#[test]
fn each_prompt_is_a_conversation_of_its_own() {
    let wanted = read(json!({"prompt":"one","max_tokens":5,"stop":"."})).unwrap();
    assert_eq!(said(&wanted), ["one"]);
    assert_eq!((wanted[0].max_tokens, wanted[0].stop.as_slice()), (Some(5), &[".".to_owned()][..]));
    let wanted = read(json!({"prompt":["one","two"],"n":4,"stop":["a","b"]})).unwrap();
    assert_eq!(said(&wanted), ["one", "two"]);
    assert_eq!(wanted[1].n, 4);
    assert_eq!(wanted[1].stop, ["a", "b"]);
}

#[test]
fn what_is_wrong_is_named() {
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

/// The `data:` events of some bytes, `[DONE]` as a string.
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
    TextChunks(Head { id, object, created: 7, model: "m".to_owned(), include_usage, usage: None })
}

fn written(writer: &mut TextChunks, index: u32, piece: Piece) -> Vec<Value> {
    events(&wire(writer.piece(index, piece).unwrap()))
}

#[test]
fn a_chunk_has_the_text_and_the_choices_number() {
    let mut writer = writer(false);
    assert!(written(&mut writer, 0, Piece::Model("m-2".into())).is_empty());
    assert_eq!(
        written(&mut writer, 1, Piece::Text("a".into())),
        [json!({"id":"cmpl-1","object":"text_completion","created":7,"model":"m-2","choices":[
            {"text":"a","index":1,"logprobs":null,"finish_reason":null}]})]
    );
    let end = Piece::Ended(Ok(Finish { reason: FinishReason::Length, usage: None }));
    let end = &written(&mut writer, 1, end)[0];
    assert_eq!(end["choices"][0]["finish_reason"], "length");
    assert_eq!(events(&wire(writer.head().end())), ["[DONE]"]);
}

#[test]
fn usage_is_null_until_its_own_chunk_without_choices() {
    let mut writer = writer(true);
    assert_eq!(written(&mut writer, 0, Piece::Text("a".into()))[0].get("usage"), Some(&Value::Null));
    let usage = Some(Usage { input: 10, cached: 4, output: 5, reasoning: 2 });
    written(&mut writer, 0, Piece::Ended(Ok(Finish { reason: FinishReason::Stop, usage })));
    let done = events(&wire(writer.head().end()));
    assert_eq!(done[0]["choices"], json!([]));
    assert_eq!(done[0]["usage"]["total_tokens"], 15);
    assert_eq!(done[1], "[DONE]");
    let whole = serde_json::to_value(Head::default().whole::<TextChoice<'_>>(&[])).unwrap();
    assert!(whole.get("usage").is_none(), "whole and unknown");
}
