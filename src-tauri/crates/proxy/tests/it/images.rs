//! Images as data URLs and by address, on the real codex.

mod server;

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::support::{TestProxy, TestProxyBuilder, fake, real};
use server::ImageServer;

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

async fn image_server() -> ImageServer {
    ImageServer::start(&STANDARD.decode(PNG.split_once(',').unwrap().1).unwrap()).await
}

fn fetching(builder: TestProxyBuilder, server: &ImageServer) -> TestProxyBuilder {
    TestProxyBuilder { images: server.fetcher(), ..builder }
}

/// Posts an image at this address to all routes, and returns the error's message and parameter of each.
async fn refused(proxy: &TestProxy, address: &str) -> [(String, String); 4] {
    let mut refused = Vec::new();
    for (route, body) in requests_with(address) {
        let (status, answer) = post(proxy, route, &body).await;
        assert_eq!(status, 400, "{address} {route} {answer}");
        let text = |field: &str| answer["error"][field].as_str().unwrap_or_default().to_owned();
        refused.push((text("message"), text("param")));
    }
    refused.try_into().unwrap()
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn the_model_gets_an_image_by_address_as_data() {
    let server = image_server().await;
    let proxy = fetching(real(), &server).start().await;
    for address in [
        "https://images.test/image?signature=secret",
        "http://plain.test/image#top",
        " HTTP://plain.test/moved",
    ] {
        for (route, body) in requests_with(address) {
            let (status, answer) = post(&proxy, route, &body).await;
            assert_eq!(
                (status, images_sent(&proxy)),
                (200, vec![PNG.to_owned()]),
                "{address} {route} {answer}"
            );
        }
    }
    assert!(server.paths().contains(&"/image?signature=secret".to_owned()));
}

#[tokio::test]
async fn an_address_that_is_not_public_is_refused_and_never_connected_to() {
    let server = image_server().await;
    let proxy = fetching(fake(""), &server).start().await;
    let port = server.plain.port();
    let mut addresses: Vec<String> = [
        "127.0.0.1",
        "localhost",
        "2130706433",
        "0x7f.1",
        "0177.0.0.1",
        "0.0.0.0",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::]",
        "user:password@127.0.0.1",
        "169.254.169.254",
    ]
    .map(|host| format!("http://{host}:{port}/image"))
    .into();
    addresses.push("http://plain.test/to-private".to_owned());
    addresses.push(format!("https://127.0.0.1:{port}/image"));
    for address in addresses {
        let (message, param) = &refused(&proxy, &address).await[0];
        assert!(message.contains("public") && message.contains("data URL"), "{address}: {message}");
        assert_eq!(param, "messages[0].content[1].image_url.url");
    }
    assert!(server.paths().iter().all(|path| path == "/to-private"));
}

#[tokio::test]
async fn an_image_that_cannot_be_fetched_is_a_400_that_says_why_and_where() {
    let server = image_server().await;
    let proxy = fetching(fake(""), &server).start().await;
    for (address, why) in [
        ("https://images.test/gone", "404"),
        ("https://images.test/error", "503"),
        ("https://images.test/page", "no PNG"),
        ("https://images.test/declared", "20 MiB"),
        ("https://images.test/loop", "redirects"),
        ("https://images.test/to-file", "not a valid"),
        ("https://not-in-the-certificate.test/image", "cannot be reached"),
        ("http://closed.test/image", "cannot be reached"),
        ("https://", "not a valid"),
    ] {
        let [chat, chat_tool, responses, responses_tool] = refused(&proxy, address).await;
        for (message, _) in [&chat, &chat_tool, &responses, &responses_tool] {
            assert!(message.contains(why) && !message.contains(".test"), "{address}: {message}");
        }
        assert_eq!(chat.1, "messages[0].content[1].image_url.url");
        assert_eq!(chat_tool.1, "messages[2].content[1].image_url.url");
        assert_eq!(responses.1, "input[0].content[1].image_url");
        assert_eq!(responses_tool.1, "input[2].output[1].image_url");
    }
}

#[tokio::test]
async fn a_server_that_never_sends_the_image_is_given_up() {
    let server = image_server().await;
    let proxy = fetching(fake(""), &server).limits(|limits| limits.image_timeout = Duration::from_secs(1));
    let (message, _) = &refused(&proxy.start().await, "https://images.test/silent").await[0];
    assert!(message.contains("in time"), "{message}");
}

#[tokio::test]
async fn the_images_of_a_request_are_limited_in_size_and_number() {
    let server = image_server().await;
    let proxy = fetching(fake(""), &server).start().await;
    let request = |paths: Vec<String>| {
        let part = |path| json!({"type":"input_image","image_url":format!("http://plain.test{path}")});
        json!({"model":"gpt-5.5","input":[{"role":"user","content":paths.into_iter().map(part).collect::<Vec<_>>()}]})
    };
    for (paths, why) in [
        (vec!["/endless".to_owned()], "20 MiB"),
        ((0..3).map(|at| format!("/big?{at}")).collect(), "40 MiB"),
        ((0..11).map(|at| format!("/image?{at}")).collect(), "at most 10"),
    ] {
        let (status, answer) = post(&proxy, "/v1/responses", &request(paths)).await;
        let message = answer["error"]["message"].as_str().unwrap();
        assert!(status == 400 && message.contains(why), "{message}");
    }
    // The same image any number of times is one.
    let (status, answer) = post(&proxy, "/v1/responses", &request(vec!["/image".to_owned(); 11])).await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!(server.paths().iter().filter(|path| *path == "/image").count(), 1);
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn an_earlier_image_that_is_gone_does_not_end_the_chat() {
    let server = image_server().await;
    let proxy = fetching(real(), &server).start().await;
    let (_, mut chat) = requests_with("https://images.test/image")[0].clone();
    let (_, mut response) = requests_with("https://images.test/image")[2].clone();
    let first = post(&proxy, "/v1/responses", &response).await.1;
    assert_eq!(images_sent(&proxy), [PNG]);
    server.remove_image();

    let messages = chat["messages"].as_array_mut().unwrap();
    messages.push(json!({"role":"assistant","content":"a dot"}));
    messages.push(json!({"role":"user","content":"[[words=1]]"}));
    response["previous_response_id"] = first["id"].clone();
    response["input"] = "[[words=1]]".into();
    for (route, body) in [("/v1/chat/completions", chat), ("/v1/responses", response)] {
        let response = proxy.post(route, &body).await;
        let ignored = response.headers().get("x-codex-proxy-ignored").cloned().unwrap();
        assert_eq!((response.status().as_u16(), ignored.to_str().unwrap()), (200, "image_url"));
        let sent = proxy.model.requests().last().unwrap().body().to_string();
        assert!(sent.contains("[image not available]") && !sent.contains("images.test"), "{sent}");
    }
}

#[tokio::test]
async fn a_setting_turns_fetching_off() {
    let server = image_server().await;
    let proxy = fetching(fake(""), &server).settings(|settings| settings.fetch_images = false).start().await;
    for (message, _) in refused(&proxy, "https://images.test/image").await {
        assert!(message.contains("--fetch-images") && message.contains("data URL"), "{message}");
    }
    let (_, mut chat) = requests_with("https://images.test/image")[0].clone();
    chat["messages"]
        .as_array_mut()
        .unwrap()
        .extend([json!({"role":"assistant","content":"a dot"}), json!({"role":"user","content":"hello"})]);
    assert_eq!(post(&proxy, "/v1/chat/completions", &chat).await.0, 200);
    assert!(server.paths().is_empty());
}

#[tokio::test]
async fn nothing_is_fetched_for_a_request_that_is_not_admitted() {
    let server = image_server().await;
    let proxy = fetching(fake("hang-after-delta=1"), &server).limits(|limits| {
        limits.max_turns = 1;
        limits.max_queued = 0;
    });
    let proxy = proxy.start().await;
    let mut running = proxy.stream("hello").await;
    running.next_text().await;
    let (route, body) = &requests_with("https://images.test/image")[0];
    assert_eq!(post(&proxy, route, body).await.0, 429);
    assert!(server.paths().is_empty());
}
