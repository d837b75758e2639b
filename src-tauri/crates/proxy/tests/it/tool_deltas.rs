//! Streamed tool arguments, on the real codex.

use serde_json::{Value, json};

use crate::support::{Events, real};

/// Maximum length of a delta, in bytes.
const MAX_DELTA: usize = 4096;

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn long_tool_arguments_are_streamed_in_deltas_of_at_most_4_kib() {
    let proxy = real().start().await;
    let arguments = json!({"text": "Köln ☂ ".repeat(15_000)}).to_string();
    let prompt = format!("[[tool=f:{arguments}]]");
    let function = json!({"name":"f","parameters":{"type":"object","properties":{"text":{"type":"string"}}}});
    let mut flat = function.clone();
    flat["type"] = "function".into();
    let messages = json!([{"role":"user","content":prompt}]);
    for (path, body, pointer) in [
        (
            "/v1/chat/completions",
            json!({"messages":messages,"tools":[{"type":"function","function":function}]}),
            "/choices/0/delta/tool_calls/0/function/arguments",
        ),
        (
            "/v1/chat/completions",
            json!({"messages":messages,"functions":[function]}),
            "/choices/0/delta/function_call/arguments",
        ),
        ("/v1/responses", json!({"input":prompt,"tools":[flat]}), "/delta"),
    ] {
        let mut body = body;
        (body["model"], body["stream"]) = ("gpt-5.5".into(), true.into());
        let response = proxy.post(path, &body).await;
        assert_eq!(response.status(), 200);
        let events = Events::new(response).rest().await;
        let deltas: Vec<&str> =
            events.iter().filter_map(|event| event.pointer(pointer).and_then(Value::as_str)).collect();
        assert!(deltas.iter().all(|delta| delta.len() <= MAX_DELTA), "{pointer}");
        assert!(deltas.concat() == arguments, "{pointer}: {} deltas", deltas.len());
    }
}
