//! Images as data URLs and by address, on the real codex.

use serde_json::{Value, json};

use crate::support::{TestProxy, real};

/// An image of one pixel.
const PNG: &str = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==";

/// The routes, and a request to each with an image in the prompt or in a tool's output.
fn requests_with(url: &str) -> [(&'static str, Value); 4] {
    let tool = json!({"name":"look","parameters":{"type":"object","properties":{}}});
    let chat_part =
        json!([{"type":"text","text":"[[words=1]]"}, {"type":"image_url","image_url":{"url":url}}]);
    let part = json!([{"type":"input_text","text":"[[words=1]]"}, {"type":"input_image","image_url":url}]);
    let call = json!({"id":"call_1","type":"function","function":{"name":"look","arguments":"{}"}});
    let mut flat_tool = tool.clone();
    flat_tool["type"] = "function".into();
    [
        ("/v1/chat/completions", json!({"messages":[{"role":"user","content":chat_part}]})),
        (
            "/v1/chat/completions",
            json!({"tools":[{"type":"function","function":tool}],"messages":[
            {"role":"user","content":"[[words=1]]"},
            {"role":"assistant","tool_calls":[call]},
            {"role":"tool","tool_call_id":"call_1","content":chat_part}]}),
        ),
        ("/v1/responses", json!({"input":[{"role":"user","content":part}]})),
        (
            "/v1/responses",
            json!({"tools":[flat_tool],"input":[
            {"role":"user","content":"[[words=1]]"},
            {"type":"function_call","call_id":"call_1","name":"look","arguments":"{}"},
            {"type":"function_call_output","call_id":"call_1","output":part}]}),
        ),
    ]
    .map(|(route, mut body)| {
        body["model"] = "gpt-5.5".into();
        (route, body)
    })
}

async fn post(proxy: &TestProxy, route: &str, body: &Value) -> (u16, Value) {
    let response = proxy.post(route, body).await;
    (response.status().as_u16(), response.json().await.unwrap())
}

/// The images of the latest request upstream.
fn images_sent(proxy: &TestProxy) -> Vec<String> {
    let requests = proxy.model.requests();
    let items: Vec<&Value> = requests.last().unwrap().items().collect();
    let parts =
        |field: &str| items.iter().filter_map(|item| item[field].as_array()).flatten().collect::<Vec<_>>();
    let urls = [parts("content"), parts("output")]
        .concat()
        .into_iter()
        .filter_map(|part| part["image_url"].as_str());
    urls.map(str::to_owned).collect()
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn the_model_gets_an_image_with_the_type_of_its_bytes() {
    let proxy = real().start().await;
    let data = PNG.split_once(',').unwrap().1;
    for head in ["image/jpeg;base64", ";base64", "application/octet-stream;base64"] {
        for (route, body) in requests_with(&format!("data:{head},{}", data.trim_end_matches('='))) {
            let (status, answer) = post(&proxy, route, &body).await;
            assert_eq!((status, images_sent(&proxy)), (200, vec![PNG.to_owned()]), "{head} {route} {answer}");
        }
    }
}
