//! The routes for images, and pictures in chats.

use reqwest::{Method, Response};
use sample_model::{Event, codex_home};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use crate::support::log::RowState;
use crate::support::{Events, KEY, TIMEOUT, TestProxy, TestProxyBuilder, eventually, real};

const PNG: &[u8] = &[
    0x89, b'P', b'N', b'G', 13, 10, 26, 10, 0, 0, 0, 13, b'I', b'H', b'D', b'R', 0, 0, 0, 1, 0, 0, 0, 1, 8,
    6, 0, 0, 0, 0x1f, 0x15, 0xc4, 0x89, 0, 0, 0, 13, b'I', b'D', b'A', b'T', 0x78, 0xda, 0x63, 0x64, 0x60,
    0xf8, 0x5f, 0x0f, 0, 0x02, 0x87, 0x01, 0x80, 0xeb, 0x47, 0xba, 0x92, 0, 0, 0, 0, b'I', b'E', b'N', b'D',
    0xae, 0x42, 0x60, 0x82,
];

async fn proxy() -> TestProxy {
    real().signed_in().start().await
}

async fn generate(proxy: &TestProxy, body: &Value) -> Response {
    proxy.post("/v1/images/generations", body).await
}

async fn json_of(response: Response) -> Value {
    let status = response.status();
    let body: Value = response.json().await.unwrap();
    assert_eq!(status, 200, "{body}");
    body
}

async fn error_of(response: Response) -> (u16, Value) {
    let status = response.status().as_u16();
    (status, response.json::<Value>().await.unwrap()["error"].take())
}

/// What codex asked of the image endpoints.
fn asked(proxy: &TestProxy) -> Vec<(String, Value)> {
    let all = proxy.model.requests().into_iter().filter(|request| request.path.contains("/images/"));
    all.map(|request| (request.path.clone(), request.body().clone())).collect()
}

fn saved(proxy: &TestProxy) -> usize {
    let folder = proxy.folder.path().join("data/codex-home/generated_images");
    std::fs::read_dir(folder).map_or(0, Iterator::count)
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn image_is_generated_from_the_prompt_as_it_is() {
    let proxy = proxy().await;
    // As Open WebUI sends it.
    let body = json!({"model": "gpt-image-1", "prompt": "A \"red\" cat,\n  sitting.", "n": 1, "size": "512x512",
        "response_format": "b64_json"});
    let response = generate(&proxy, &body).await;
    assert_eq!(response.headers()["x-codex-proxy-ignored"], "size");
    let images = json_of(response).await;
    let [image] = images["data"].as_array().unwrap().as_slice() else { panic!("{images}") };
    assert!(image["b64_json"].as_str().unwrap().starts_with("iVBORw0KGgo"));
    assert_eq!(image["revised_prompt"], body["prompt"]);
    assert_eq!((&images["size"], &images["output_format"]), (&json!("256x256"), &json!("png")));
    assert!(images["usage"]["total_tokens"].as_u64().unwrap() > 0);
    let upstream = proxy.model.request(0).unwrap();
    assert_eq!(upstream.tools(), ["image_gen.imagegen"]);
    assert_eq!(
        upstream.input().last().unwrap(),
        &("user".to_owned(), body["prompt"].as_str().unwrap().to_owned())
    );
    let (path, sent) = &asked(&proxy)[0];
    assert_eq!((path.as_str(), &sent["prompt"]), ("/v1/images/generations", &body["prompt"]));
    let row = proxy.log.newest();
    assert_eq!((row.state, row.arrival.route.as_str()), (RowState::Done, "/v1/images/generations"));
    assert!(row.usage.is_some() && row.steps.iter().any(|step| step.what == "Generated a picture"));
    assert_ne!(row.model, "gpt-image-1", "the model that codex runs on");
    eventually("codex's file is removed", || saved(&proxy) == 0).await;
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn several_images_are_several_turns_and_can_be_data_urls() {
    let proxy = proxy().await;
    let body = json!({"prompt": "a cat", "n": 3, "response_format": "url", "background": "transparent",
        "output_format": "webp", "quality": "high"});
    let response = generate(&proxy, &body).await;
    assert_eq!(response.headers()["x-codex-proxy-ignored"], "output_format, quality");
    let images = json_of(response).await;
    let data = images["data"].as_array().unwrap();
    assert_eq!((data.len(), asked(&proxy).len()), (3, 3));
    for image in data {
        assert!(image["url"].as_str().unwrap().starts_with("data:image/png;base64,iVBORw0KGgo"));
        assert!(image["b64_json"].is_null());
    }
    assert_eq!(images["background"], "transparent");
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn streamed_images_are_events_with_their_usage() {
    let proxy = proxy().await;
    let body = json!({"prompt": "a cat [[picture-size=96x64]]", "n": 2, "stream": true, "partial_images": 2});
    let response = generate(&proxy, &body).await;
    assert_eq!(response.headers()["x-codex-proxy-ignored"], "partial_images");
    let events = Events::new(response).rest().await;
    assert_eq!(events.len(), 2, "{events:?}");
    for event in events {
        assert_eq!((&event["type"], &event["size"]), (&json!("image_generation.completed"), &json!("96x64")));
        assert!(event["b64_json"].as_str().unwrap().starts_with("iVBORw0KGgo"));
        assert!(event["usage"]["total_tokens"].as_u64().unwrap() > 0);
    }
}

/// The body of a form, as aiohttp writes it for Open WebUI.
fn form(texts: &[(&str, &str)], files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut body = Vec::new();
    for (name, text) in texts {
        let head = format!(
            "--B0und\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n"
        );
        body.extend([head.as_bytes(), text.as_bytes(), b"\r\n"].concat());
    }
    for (name, bytes) in files {
        let head = format!(
            "--B0und\r\nContent-Type: image/png\r\nContent-Disposition: form-data; name=\"{name}\"; filename=\"0d1f.png\"\r\n\r\n"
        );
        body.extend([head.as_bytes(), bytes, b"\r\n"].concat());
    }
    body.extend(b"--B0und--\r\n");
    body
}

async fn edit_form(proxy: &TestProxy, body: Vec<u8>) -> Response {
    let request = proxy.anonymous(Method::POST, "/v1/images/edits").bearer_auth(KEY);
    request.header("content-type", "multipart/form-data; boundary=B0und").body(body).send().await.unwrap()
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn images_of_a_form_or_of_json_are_edited() {
    let proxy = proxy().await;
    let texts =
        [("model", "gpt-image-1"), ("prompt", "make it blue"), ("n", "1"), ("response_format", "b64_json")];
    let images = json_of(edit_form(&proxy, form(&texts, &[("image[]", PNG), ("image[]", PNG)])).await).await;
    assert_eq!(images["data"].as_array().unwrap().len(), 1);
    json_of(edit_form(&proxy, form(&texts, &[("image", PNG)])).await).await;
    let (path, sent) = &asked(&proxy)[0];
    let url = sent["images"][0]["image_url"].clone();
    assert_eq!((path.as_str(), sent["images"].as_array().unwrap().len()), ("/v1/images/edits", 2));
    assert_eq!(
        (&sent["prompt"], asked(&proxy)[1].1["images"].as_array().unwrap().len()),
        (&json!("make it blue"), 1)
    );
    let body = json!({"prompt": "make it blue", "images": [{"image_url": url}], "mask": {"image_url": url}, "stream": true});
    let response = proxy.post("/v1/images/edits", &body).await;
    assert_eq!(response.headers()["x-codex-proxy-ignored"], "mask");
    let events = Events::new(response).rest().await;
    assert_eq!((events.len(), &events[0]["type"]), (1, &json!("image_edit.completed")));
    assert_eq!(asked(&proxy)[2].1["images"].as_array().unwrap().len(), 2);
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn without_a_chatgpt_sign_in_it_is_a_400_and_nothing_is_sent() {
    for builder in [real(), TestProxyBuilder { home: codex_home::write_openai, ..real() }] {
        let proxy = builder.start().await;
        let (status, error) = error_of(generate(&proxy, &json!({"prompt": "a cat"})).await).await;
        assert_eq!((status, &error["code"]), (400, &json!("unsupported_parameter")));
        assert!(error["message"].as_str().unwrap().contains("Sign in with ChatGPT"), "{error}");
        assert!(proxy.model.request(0).is_none());
    }
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn refusals_say_why() {
    let proxy = proxy().await;
    for (prompt, status, code, message) in [
        (r#"[[say="I cannot draw that."]]"#, 400, "image_not_generated", "I cannot draw that."),
        (
            r#"[[picture-status=400 message="Not that." code=moderation_blocked]]"#,
            400,
            "invalid_request",
            "Not that.",
        ),
        (
            r#"[[picture-status=429 message="Enough." type=usage_limit_reached]]"#,
            429,
            "insufficient_quota",
            "Enough.",
        ),
        ("[[status=400 message=no]]", 400, "invalid_request", "no"),
    ] {
        for stream in [false, true] {
            let (got, error) =
                error_of(generate(&proxy, &json!({"prompt": prompt, "stream": stream})).await).await;
            assert_eq!((got, error["code"].as_str().unwrap()), (status, code), "{error}");
            assert!(error["message"].as_str().unwrap().contains(message), "{error}");
        }
    }
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn mistakes_are_rejected_before_codex_is_asked() {
    let proxy = proxy().await;
    for (body, param) in [
        (json!({}), "prompt"),
        (json!({"prompt": "a cat", "n": 9}), "n"),
        (json!({"prompt": "a cat", "model": "codex-local"}), "model"),
        (json!({"prompt": "a cat", "model": "no-such-model"}), "model"),
        (json!({"prompt": "a cat", "response_format": "file"}), "response_format"),
    ] {
        let (_, error) = error_of(generate(&proxy, &body).await).await;
        assert_eq!(error["param"], param, "{error}");
    }
    let (status, error) =
        error_of(edit_form(&proxy, form(&[("prompt", "x")], &[("image", b"text")])).await).await;
    assert_eq!((status, &error["param"]), (400, &json!("image")));
    let (status, error) = error_of(edit_form(&proxy, form(&[("prompt", "x")], &[])).await).await;
    assert_eq!((status, &error["param"]), (400, &json!("image")));
    let request = proxy.anonymous(Method::POST, "/v1/images/edits").bearer_auth(KEY).body("prompt=x");
    assert_eq!(error_of(request.send().await.unwrap()).await.0, 415);
    let (status, error) = error_of(proxy.post("/v1/images/variations", &json!({})).await).await;
    assert_eq!(status, 404);
    assert!(error["message"].as_str().unwrap().contains("/v1/images/edits"), "{error}");
    assert!(proxy.model.request(0).is_none());
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn disconnecting_stops_the_picture_and_leaves_no_file() {
    let proxy = proxy().await;
    for stream in [false, true] {
        let body = json!({"prompt": "a cat [[picture-hold]]", "stream": stream}).to_string();
        let head = format!(
            "POST /v1/images/generations HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {KEY}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        let seen = proxy.model.events();
        let mut socket = TcpStream::connect(&proxy.address).await.unwrap();
        socket.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
        let is_new = |event: &Event| matches!(event, Event::Held { .. }) && !seen.contains(event);
        let Some(Event::Held { id, .. }) = proxy.model.wait_for(is_new, TIMEOUT).await else {
            panic!("not held")
        };
        drop(socket);
        assert!(proxy.model.wait_for(|event| *event == Event::ClientGone { id }, TIMEOUT).await.is_some());
        eventually("the request has ended", || proxy.log.newest().state == RowState::Stopped).await;
    }
    eventually("no file is left", || saved(&proxy) == 0).await;
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn picture_of_the_agent_is_an_image_of_the_chat() {
    let proxy = proxy().await;
    let prompt = r#"[[picture="a cat" then say="Here."]]"#;
    let mut body = json!({"model": "codex-local", "messages": [{"role": "user", "content": prompt}]});
    let chat = json_of(proxy.chat(&body).await).await;
    let message = &chat["choices"][0]["message"];
    let [image] = message["images"].as_array().unwrap().as_slice() else { panic!("{chat}") };
    assert_eq!(
        (&message["content"], &image["type"], &image["index"]),
        (&json!("Here."), &json!("image_url"), &json!(0))
    );
    let url = &image["image_url"]["url"];
    assert!(url.as_str().unwrap().starts_with("data:image/png;base64,iVBORw0KGgo"));
    body["stream"] = true.into();
    let chunks = proxy.stream_of(&body).await.rest().await;
    let images = chunks.iter().filter(|chunk| !chunk["choices"][0]["delta"]["images"].is_null());
    let [chunk] = images.collect::<Vec<_>>()[..] else { panic!("{chunks:?}") };
    assert_eq!(chunk["choices"][0]["delta"]["images"][0]["image_url"]["url"], *url);
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn hosted_tool_of_responses_adds_image_items_that_later_requests_can_edit() {
    let proxy = proxy().await;
    let tools = json!([{"type": "image_generation", "size": "1024x1024", "quality": "auto"}]);
    let body = json!({"model": "gpt-5.5", "input": "a cat", "tools": tools});
    let response = proxy.post("/v1/responses", &body).await;
    assert_eq!(response.headers()["x-codex-proxy-ignored"], "image_generation.size");
    let first = json_of(response).await;
    let [image, message] = first["output"].as_array().unwrap().as_slice() else { panic!("{first}") };
    assert_eq!((&image["type"], &image["status"]), (&json!("image_generation_call"), &json!("completed")));
    assert_eq!((&image["revised_prompt"], &message["type"]), (&json!("a cat"), &json!("message")));
    let url = format!("data:image/png;base64,{}", image["result"].as_str().unwrap());
    assert_eq!(proxy.model.request(0).unwrap().tools(), ["image_gen.imagegen"]);

    let edit = r#"[[picture={"prompt":"bluer","num_last_images_to_include":1}]]"#;
    let by_id =
        json!({"model": "gpt-5.5", "previous_response_id": first["id"], "input": edit, "tools": tools});
    let by_items = json!({"model": "gpt-5.5", "tools": tools, "stream": true,
        "input": [{"role": "user", "content": "a cat"}, image, message, {"role": "user", "content": edit}]});
    json_of(proxy.post("/v1/responses", &by_id).await).await;
    let events = Events::new(proxy.post("/v1/responses", &by_items).await).rest().await;
    for (path, sent) in &asked(&proxy)[1..] {
        assert_eq!((path.as_str(), &sent["images"][0]["image_url"]), ("/v1/images/edits", &json!(url)));
    }
    let kinds: Vec<&str> = events.iter().map(|event| event["type"].as_str().unwrap()).collect();
    let image_events = ["in_progress", "generating", "completed"]
        .map(|kind| format!("response.image_generation_call.{kind}"));
    let begun = kinds.iter().position(|kind| *kind == image_events[0]).unwrap();
    assert_eq!(kinds[begun - 1], "response.output_item.added");
    assert_eq!(
        kinds[begun..begun + 4],
        [&*image_events[0], &image_events[1], &image_events[2], "response.output_item.done"]
    );
    assert!(events[begun + 3]["item"]["result"].as_str().unwrap().starts_with("iVBORw0KGgo"));
    assert_eq!(events[begun - 1]["item"]["result"], json!(null));
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn hosted_tool_is_offered_in_chats_and_only_if_it_may_be_called() {
    let proxy = proxy().await;
    let body = |choice: Value| {
        json!({"model": "gpt-5.5", "messages": [{"role": "user", "content": "a cat"}],
            "tools": [{"type": "image_generation"}], "tool_choice": choice})
    };
    let chat = json_of(proxy.chat(&body(json!("auto"))).await).await;
    assert_eq!(chat["choices"][0]["message"]["images"].as_array().unwrap().len(), 1);
    let chat = json_of(proxy.chat(&body(json!("none"))).await).await;
    assert!(chat["choices"][0]["message"]["images"].is_null());
    assert!(proxy.model.requests().last().unwrap().tools().is_empty());
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn image_that_fails_in_a_response_is_a_failed_item_and_the_model_goes_on() {
    let proxy = proxy().await;
    let body = json!({"model": "gpt-5.5", "input": "[[picture-status=400 message=no]]", "tools": [{"type": "image_generation"}]});
    let response = json_of(proxy.post("/v1/responses", &body).await).await;
    let [image, message] = response["output"].as_array().unwrap().as_slice() else { panic!("{response}") };
    assert_eq!((&image["status"], &image["result"]), (&json!("failed"), &json!(null)));
    assert_eq!((&message["type"], &response["status"]), (&json!("message"), &json!("completed")));
}
