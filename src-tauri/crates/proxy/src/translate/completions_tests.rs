use serde_json::json;

use super::*;

fn read(mut body: Value) -> Result<Vec<AnswerRequest>, (bool, String)> {
    body["model"] = "m".into();
    let request: CompletionsRequest = serde_json::from_value(body).unwrap();
    understand(&request).map_err(|refusal| match refusal {
        Refusal::Invalid { param, .. } => (true, param),
        Refusal::Unsupported { param, .. } => (false, param),
    })
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

#[test]
fn what_cannot_be_given_is_refused_unless_it_asks_for_nothing() {
    let judge = |body: Value| {
        let Value::Object(body) = body else { panic!("an object") };
        ignored(&body).map_err(|refusal| match refusal {
            Refusal::Unsupported { param, .. } | Refusal::Invalid { param, .. } => param,
        })
    };
    let neutral = json!({"prompt":"a","n":2,"best_of":2,"echo":false,"suffix":"","logprobs":null});
    assert_eq!(judge(neutral), Ok(vec![]));
    for (param, value) in
        [("best_of", json!(2)), ("echo", json!(true)), ("suffix", json!("x")), ("logprobs", json!(0))]
    {
        assert_eq!(judge(json!({ param: value })), Err(param.to_owned()));
    }
    let tuned = json!({"temperature":0.5,"logit_bias":{},"presence_penalty":0});
    assert_eq!(judge(tuned), Ok(vec!["logit_bias".into(), "temperature".into()]));
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

#[test]
fn a_chunk_has_the_text_and_the_choices_number() {
    let mut writer = CompletionWriter::new("cmpl-1".into(), 7, "m".into(), false);
    writer.set_model("m-2".into());
    assert_eq!(
        events(&writer.text(1, "a")),
        [json!({"id":"cmpl-1","object":"text_completion","created":7,"model":"m-2","choices":[
            {"text":"a","index":1,"logprobs":null,"finish_reason":null}]})]
    );
    let end = &events(&writer.end(1, FinishReason::Length))[0];
    assert_eq!(end["choices"][0]["finish_reason"], "length");
    assert_eq!(events(&writer.done(None)), ["[DONE]"]);
}

#[test]
fn usage_is_null_until_its_own_chunk_without_choices() {
    let writer = CompletionWriter::new("cmpl-1".into(), 7, "m".into(), true);
    assert_eq!(events(&writer.text(0, "a"))[0].get("usage"), Some(&Value::Null));
    let usage = codex_client::Usage { input: 10, cached: 4, output: 5, reasoning: 2 };
    let done = events(&writer.done(Some(usage.into())));
    assert_eq!(done[0]["choices"], json!([]));
    assert_eq!(done[0]["usage"]["total_tokens"], 15);
    assert_eq!(done[1], "[DONE]");
    let whole = serde_json::to_value(writer.whole(&[], None)).unwrap();
    assert!(whole.get("usage").is_none(), "whole and unknown");
}
