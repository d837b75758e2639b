use serde_json::json;

use super::*;

const TITLE: &str =
    "### Task:\nGenerate a concise title summarizing the chat history.\n### Guidelines:\n- Short.";

fn chat(body: Value) -> Option<&'static str> {
    let Value::Object(body) = body else { panic!("an object") };
    open_webui_task(&body, "messages")
}

fn responses(body: Value) -> Option<&'static str> {
    let Value::Object(body) = body else { panic!("an object") };
    open_webui_task(&body, "input")
}

#[test]
fn every_task_is_recognised_on_chat_and_responses() {
    for (task, opening) in TASKS {
        let prompt = format!("{opening} and so on.\n\n### Guidelines:\n- Be brief.");
        let body = json!({
            "model":"gpt-5.5","messages":[{"role":"user","content":prompt}],"stream":false,"max_tokens":1000,"tools":[],
        });
        assert_eq!(chat(body), Some(task));
        let parts = json!([{"type":"input_text","text":prompt}]);
        for input in [
            json!(prompt),
            json!([{"role":"user","content":prompt}]),
            json!([{"type":"message","role":"user","content":parts}]),
        ] {
            assert_eq!(responses(json!({"input":input,"stream":false,"tools":[]})), Some(task), "{input}");
        }
    }
}

#[test]
fn a_persons_prompt_with_the_same_heading_is_not_a_task() {
    for prompt in [
        "### Task:",
        "### Task:\nGenerate a concise title for my essay on tides.",
        "### Task:\nSummarize the conversation history that will be compacted out of the active chat context.",
        "### Task:\nRespond to the user query using the provided context",
        "What does \"### Task:\nGenerate a concise title summarizing the chat history.\" do?",
        "Generate a concise title summarizing the chat history.",
    ] {
        assert_eq!(chat(json!({"messages":[{"role":"user","content":prompt}]})), None, "{prompt}");
        assert_eq!(responses(json!({"input":prompt})), None, "{prompt}");
    }
}

#[test]
fn a_request_that_asks_for_more_is_not_a_task() {
    let tool = json!([{"type":"function","name":"search","function":{"name":"search"}}]);
    for (field, value) in [
        ("stream", json!(true)),
        ("tools", tool.clone()),
        ("functions", tool),
        ("reasoning_effort", json!("low")),
        ("reasoning", json!({"effort":"low"})),
        ("instructions", json!("Be brief.")),
        ("previous_response_id", json!("resp_1")),
    ] {
        let mut body = json!({"messages":[{"role":"user","content":TITLE}],"input":TITLE});
        assert_eq!((chat(body.clone()), responses(body.clone())), (Some("title"), Some("title")));
        body[field] = Value::Null;
        assert_eq!((chat(body.clone()), responses(body.clone())), (Some("title"), Some("title")), "{field}");
        body[field] = value;
        assert_eq!((chat(body.clone()), responses(body)), (None, None), "{field}");
    }
}

#[test]
fn a_task_is_one_user_text() {
    let user = json!({"role":"user","content":TITLE});
    let picture = json!({"type":"image_url","image_url":{"url":"https://x.example/a.png"}});
    for messages in [
        json!([user, user]),
        json!([{"role":"system","content":"Be brief."}, user]),
        json!([{"role":"system","content":TITLE}]),
        json!([{"role":"user","content":[{"type":"text","text":TITLE}, picture]}]),
        json!([{"role":"user"}]),
        json!([]),
        json!({}),
        json!(null),
    ] {
        assert_eq!(chat(json!({"messages":messages})), None, "{messages}");
        assert_eq!(responses(json!({"input":messages})), None, "{messages}");
    }
    assert_eq!(responses(json!({"messages":[user],"input":"hi"})), None, "the other route's field");
}
