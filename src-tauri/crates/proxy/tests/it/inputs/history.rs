//! Histories that other services and OpenAI's own tools leave behind.

use serde_json::{Value, json};

use super::{CHAT, PNG, RESPONSES, accepted, refused, upstream};
use crate::support::real;

/// The text of each item that the model got, after its role.
fn conversation(proxy: &crate::support::TestProxy) -> Vec<(String, String)> {
    let text = |item: &Value| match &item["content"] {
        Value::Array(parts) => {
            let texts = parts.iter().filter_map(|part| part["text"].as_str());
            texts.collect::<Vec<_>>().join("|")
        }
        _ => String::new(),
    };
    let upstream = upstream(proxy);
    let items = upstream["input"].as_array().unwrap().iter();
    items
        .map(|item| (item["role"].as_str().unwrap_or_default().to_owned(), text(item)))
        .filter(|(role, _)| role != "developer")
        .collect()
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(role, text)| ((*role).to_owned(), (*text).to_owned())).collect()
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn names_and_refusals_reach_the_model() {
    let proxy = real().start().await;
    let chat = json!({"model":"gpt-5.5","messages":[
        {"role":"user","name":"Ada","content":"hello"},
        {"role":"assistant","name":"one","content":null,"refusal":"I can't."},
        {"role":"user","name":"Bob","content":[{"type":"image_url","image_url":{"url":PNG}},{"type":"text","text":"why?"}]},
        {"role":"assistant","name":"two","content":"Because.","refusal":"No."},
        {"role":"user","name":"","content":"[[words=1]]"}]});
    accepted(&proxy, CHAT, &chat).await;
    let expected = [
        ("user", "Ada: hello"),
        ("assistant", "one: I can't."),
        ("user", "Bob:|why?"),
        ("assistant", "two: Because.|No."),
        ("user", "[[words=1]]"),
    ];
    assert_eq!(conversation(&proxy), pairs(&expected));
    let responses = json!({"model":"gpt-5.5","input":[
        {"role":"user","name":"Ada","content":"hello"},
        {"role":"assistant","content":[{"type":"refusal","refusal":"I can't."}]},
        {"role":"user","content":"[[words=1]]"}]});
    accepted(&proxy, RESPONSES, &responses).await;
    let expected = [("user", "Ada: hello"), ("assistant", "I can't."), ("user", "[[words=1]]")];
    assert_eq!(conversation(&proxy), pairs(&expected));
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn name_of_the_only_assistant_does_not_change_its_answers() {
    let proxy = real().start().await;
    let mut messages = vec![json!({"role":"user","name":"Ada","content":"[[words=1]]"})];
    for turn in 0..2 {
        let body = json!({"model":"gpt-5.5","messages":messages});
        let answer: Value = accepted(&proxy, CHAT, &body).await.json().await.unwrap();
        let text = &answer["choices"][0]["message"]["content"];
        messages.push(json!({"role":"assistant","name":"helper","content":text}));
        messages.push(json!({"role":"user","name":"Ada","content":format!("[[words=1]] {turn}")}));
    }
    let expected = [("user", "Ada: [[words=1]]"), ("assistant", "word1 "), ("user", "Ada: [[words=1]] 0")];
    assert_eq!(conversation(&proxy), pairs(&expected));
    let keys: Vec<Value> =
        proxy.model.requests().iter().map(|request| request.body()["prompt_cache_key"].clone()).collect();
    assert_eq!(keys[0], keys[1], "the second turn runs in the thread of the first");
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn file_in_an_earlier_message_becomes_text_and_in_the_last_one_a_400() {
    let proxy = real().start().await;
    let data = "data:application/pdf;base64,QUFB";
    for (path, part, told) in [
        (
            CHAT,
            json!({"type":"file","file":{"filename":"a.pdf","file_data":data}}),
            "[file a.pdf, not passed on]",
        ),
        (CHAT, json!({"type":"file","file":{"file_id":"file-1"}}), "[file, not passed on]"),
        (
            CHAT,
            json!({"type":"input_audio","input_audio":{"data":"AAAA","format":"wav"}}),
            "[audio, not passed on]",
        ),
        (CHAT, json!({"type":"hologram"}), "[hologram, not passed on]"),
        (
            RESPONSES,
            json!({"type":"input_file","filename":"a.pdf","file_data":data}),
            "[file a.pdf, not passed on]",
        ),
        (RESPONSES, json!({"type":"input_file","file_id":"file-1"}), "[file, not passed on]"),
        (
            RESPONSES,
            json!({"type":"input_file","file_url":"https://example.com/a.pdf"}),
            "[file, not passed on]",
        ),
        (RESPONSES, json!({"type":"input_image","file_id":"file-1"}), "[image, not passed on]"),
    ] {
        let conversation_field = if path == CHAT { "messages" } else { "input" };
        let question = json!({"role":"user","content":[part]});
        let text = if path == CHAT { "text" } else { "input_text" };
        let last = json!({"role":"user","content":[{"type":text,"text":"[[words=1]]"}]});
        let body = json!({"model":"gpt-5.5", conversation_field: [question, {"role":"assistant","content":"ok"}, last]});
        accepted(&proxy, path, &body).await;
        assert_eq!(conversation(&proxy)[0].1, told, "{part}");
        // An instruction after the question does not make it an earlier one.
        let body = json!({"model":"gpt-5.5", conversation_field: [question, {"role":"system","content":"be brief"}]});
        let param = refused(&proxy, path, &body).await["param"].as_str().unwrap().to_owned();
        assert!(param.starts_with(&format!("{conversation_field}[0].content[0]")), "{param}");
    }
    let audio = json!({"model":"gpt-5.5","messages":[
        {"role":"user","content":"sing"},
        {"role":"assistant","content":null,"audio":{"id":"audio_1"}},
        {"role":"user","content":"[[words=1]]"}]});
    accepted(&proxy, CHAT, &audio).await;
    assert_eq!(conversation(&proxy)[1].1, "[audio, not passed on]");
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn items_of_openais_own_tools_become_text_or_are_skipped() {
    let proxy = real().start().await;
    let blob = "QUJD".repeat(200);
    let screenshot = format!("data:image/png;base64,{blob}");
    for (item, told) in [
        (
            json!({"type":"reasoning","summary":[{"type":"summary_text","text":"hm"}],"content":[{"type":"new"}],"encrypted_content":blob}),
            None,
        ),
        (json!({"type":"mcp_list_tools","server_label":"s","tools":[{"name":"t","input_schema":{}}]}), None),
        (
            json!({"type":"web_search_call","status":"completed","action":{"type":"search","query":"needle"}}),
            Some("needle"),
        ),
        (json!({"type":"file_search_call","queries":["needle"],"results":null}), Some("needle")),
        (
            json!({"type":"code_interpreter_call","code":"needle()","container_id":"c","outputs":[{"type":"logs","logs":"1"}]}),
            Some("needle()"),
        ),
        (json!({"type":"image_generation_call","result":blob,"revised_prompt":"needle"}), Some("needle")),
        (
            json!({"type":"mcp_call","server_label":"s","name":"t","arguments":"{\"a\":1}","output":"needle","error":null}),
            Some("needle"),
        ),
        (
            json!({"type":"mcp_approval_request","name":"t","arguments":"{}","server_label":"needle"}),
            Some("needle"),
        ),
        (json!({"type":"mcp_approval_response","approval_request_id":"r","approve":true}), Some("approve")),
        (
            json!({"type":"computer_call","call_id":"c1","action":{"type":"type","text":"needle"},"pending_safety_checks":[]}),
            Some("needle"),
        ),
        (
            json!({"type":"computer_call_output","call_id":"c1","output":{"type":"computer_screenshot","image_url":screenshot}}),
            Some("computer_screenshot"),
        ),
        (
            json!({"type":"local_shell_call","call_id":"c2","action":{"type":"exec","command":["needle"]}}),
            Some("needle"),
        ),
        (json!({"type":"local_shell_call_output","output":"needle"}), Some("needle")),
        (json!({"type":"shell_call","call_id":"c3","action":{"commands":["needle"]}}), Some("needle")),
        (
            json!({"type":"shell_call_output","call_id":"c3","output":[{"stdout":"needle","outcome":{"type":"exit","exit_code":0}}]}),
            Some("needle"),
        ),
        (
            json!({"type":"apply_patch_call","call_id":"c4","operation":{"type":"update_file","path":"needle"}}),
            Some("needle"),
        ),
        (json!({"type":"apply_patch_call_output","call_id":"c4","output":"needle"}), Some("needle")),
        (json!({"type":"compaction","encrypted_content":blob}), Some("[compaction, not passed on]")),
        (json!({"type":"tool_search_call","arguments":{"query":"needle"},"call_id":null}), Some("needle")),
        (
            json!({"type":"of_the_future","role":7,"name":[],"content":{"needle":1},"output":[1],"arguments":["x"]}),
            Some("needle"),
        ),
        (json!({"type":"item_reference","id":"rs_unknown"}), None),
        (json!({"type":"item_reference","id":"msg_unknown"}), Some("no longer stored")),
        (json!({"id":"msg_unknown"}), Some("no longer stored")),
    ] {
        let input = json!([{"role":"user","content":"hello"}, item, {"role":"user","content":"[[words=1]]"}]);
        for store in [true, false] {
            let body = json!({"model":"gpt-5.5","input":input,"store":store});
            accepted(&proxy, RESPONSES, &body).await;
        }
        let got = conversation(&proxy);
        assert_eq!(got.len(), if told.is_some() { 3 } else { 2 }, "{item}: {got:?}");
        assert!(told.is_none_or(|told| got[1].1.contains(told)), "{item}: {got:?}");
        assert!(!upstream(&proxy).to_string().contains("QUJDQUJD"), "{item}");
    }
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn output_of_a_forgotten_call_becomes_text() {
    let proxy = real().start().await;
    let output = json!({"type":"function_call_output","call_id":"call_1","output":"rain"});
    let input = json!([
        {"role":"user","content":"weather?"}, {"type":"item_reference","id":"fc_forgotten"}, output,
        {"role":"user","content":"[[words=1]]"}]);
    let response = accepted(&proxy, RESPONSES, &json!({"model":"gpt-5.5","input":input})).await;
    assert!(conversation(&proxy)[2].1.ends_with("|rain"));
    // The stored conversation stays usable.
    let first: Value = response.json().await.unwrap();
    let next = json!({"model":"gpt-5.5","input":"[[words=1]]","previous_response_id":first["id"]});
    accepted(&proxy, RESPONSES, &next).await;
    assert!(upstream(&proxy)["input"].to_string().contains("rain"));
    let body = json!({"model":"gpt-5.5","input":[{"role":"user","content":"a"}, output]});
    assert_eq!(refused(&proxy, RESPONSES, &body).await["param"], "input[1].call_id");
}
