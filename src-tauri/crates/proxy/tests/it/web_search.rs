//! Web searches and the pages that an answer cites.

use serde_json::{Value, json};

use crate::support::{Events, TestProxy, prompt_body, real};

const ANSWER: &str = "[[search=\"rust\" search={\"type\":\"open_page\",\"url\":\"https://a.org\"} \
    search={\"type\":\"find_in_page\",\"url\":\"https://a.org\",\"pattern\":\"x\"} \
    say=\"Die Straße 😀 ist lang (a.org), sehr lang (b.org).\" cite=\"(a.org)|https://a.org|Page A\" \
    cite=\"(b.org)|https://b.org|Page B\"]]";

fn responses(prompt: &str) -> Value {
    json!({"model":"gpt-5.5","input":prompt,"tools":[{"type":"web_search"}]})
}

fn chat(prompt: &str) -> Value {
    let mut body = prompt_body(prompt);
    body["web_search_options"] = json!({});
    body
}

async fn answer(proxy: &TestProxy, path: &str, body: &Value) -> Value {
    let response = proxy.post(path, body).await;
    assert_eq!(response.status(), 200, "{}", response.text().await.unwrap());
    response.json().await.unwrap()
}

/// What the annotations of a text refer to, with their addresses.
fn cited(text: &Value, annotations: &Value) -> Vec<(String, String)> {
    let text: Vec<char> = text.as_str().unwrap().chars().collect();
    let place = |annotation: &Value| {
        let citation = if annotation["url"].is_string() { annotation } else { &annotation["url_citation"] };
        let index = |name: &str| usize::try_from(citation[name].as_u64().unwrap()).unwrap();
        let cited = text[index("start_index")..index("end_index")].iter().collect();
        (cited, citation["url"].as_str().unwrap().to_owned())
    };
    annotations.as_array().into_iter().flatten().map(place).collect()
}

fn both() -> [(String, String); 2] {
    [("(a.org)", "https://a.org"), ("(b.org)", "https://b.org")]
        .map(|(cited, url)| (cited.to_owned(), url.to_owned()))
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn a_response_has_its_web_searches_and_the_pages_that_it_cites() {
    let proxy = real().start().await;
    let response = answer(&proxy, "/v1/responses", &responses(ANSWER)).await;
    let output = response["output"].as_array().unwrap();
    let actions: Vec<&Value> =
        output.iter().filter(|item| item["type"] == "web_search_call").map(|item| &item["action"]).collect();
    assert_eq!(
        actions,
        [
            &json!({"type":"search","query":"rust","queries":["rust"]}),
            &json!({"type":"open_page","url":"https://a.org"}),
            &json!({"type":"find_in_page","url":"https://a.org","pattern":"x"})
        ]
    );
    let [searches @ .., message] = output.as_slice() else { panic!("{response}") };
    assert!(searches.iter().all(|item| item["status"] == "completed"), "{response}");
    let part = &message["content"][0];
    assert_eq!(cited(&part["text"], &part["annotations"]), both());
    assert_eq!(part["annotations"][0]["title"], "Page A");
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn a_streamed_response_reports_searches_as_they_happen_and_citations_after_the_text() {
    let proxy = real().start().await;
    let mut body = responses(ANSWER);
    body["stream"] = true.into();
    let events = Events::new(proxy.post("/v1/responses", &body).await).rest().await;
    let kinds: Vec<&str> =
        events.iter().map(|event| event["type"].as_str().unwrap().trim_start_matches("response.")).collect();
    let search = [
        "output_item.added",
        "web_search_call.in_progress",
        "web_search_call.searching",
        "web_search_call.completed",
        "output_item.done",
    ];
    assert_eq!(kinds[2..7], search, "{kinds:?}");
    assert_eq!(kinds[12..17], search, "{kinds:?}");
    let annotations: Vec<usize> =
        (0..kinds.len()).filter(|at| kinds[*at] == "output_text.annotation.added").collect();
    let last_delta = kinds.iter().rposition(|kind| *kind == "output_text.delta").unwrap();
    let done = kinds.iter().position(|kind| *kind == "content_part.done").unwrap();
    assert_eq!(annotations, [last_delta + 1, last_delta + 2]);
    assert!(annotations[1] < done);
    let part = &events[done]["part"];
    assert_eq!(cited(&part["text"], &part["annotations"]), both());
    assert_eq!(events[annotations[1]]["annotation"], part["annotations"][1]);
    assert_eq!(events.last().unwrap()["response"]["output"][3]["content"][0], *part);
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn a_chat_has_the_pages_that_it_cites_whole_and_streamed() {
    let proxy = real().start().await;
    for format in ["parsed", "raw"] {
        let mut body = chat(&format!("[[reasoning=1]] {ANSWER}"));
        body["reasoning_format"] = format.into();
        let whole = answer(&proxy, "/v1/chat/completions", &body).await;
        let message = &whole["choices"][0]["message"];
        assert_eq!(message["content"].as_str().unwrap().contains("<think>"), format == "raw", "{message}");
        assert_eq!(cited(&message["content"], &message["annotations"]), both());

        body["stream"] = true.into();
        let events = proxy.stream_of(&body).await.rest().await;
        let deltas: Vec<&Value> = events.iter().map(|event| &event["choices"][0]["delta"]).collect();
        let text: String = deltas.iter().filter_map(|delta| delta["content"].as_str()).collect();
        let with_annotations: Vec<usize> =
            (0..deltas.len()).filter(|at| deltas[*at]["annotations"].is_array()).collect();
        let last_text = deltas.iter().rposition(|delta| delta["content"].is_string()).unwrap();
        assert_eq!(with_annotations, [last_text + 1]);
        assert_eq!(cited(&text.into(), &deltas[last_text + 1]["annotations"]), both());
    }
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn citations_of_text_that_is_not_sent_are_dropped() {
    let proxy = real().start().await;
    // codex reports citations with the whole message, so an answer that is cut has none.
    for limit in [("stop", json!([", sehr"])), ("max_completion_tokens", json!(5))] {
        let mut body = chat(ANSWER);
        body[limit.0] = limit.1;
        let whole = answer(&proxy, "/v1/chat/completions", &body).await;
        assert_eq!(whole["choices"][0]["message"].get("annotations"), None, "{whole}");
    }
    // JSON is cut out of the text around it.
    let json_text = "Here: {\\\"a\\\": \\\"(a.org)\\\"} (b.org)";
    let mut body = chat(&format!(
        "[[say=\"{json_text}\" cite=\"(a.org)|https://a.org|A\" cite=\"(b.org)|https://b.org|B\"]]"
    ));
    body["response_format"] = json!({"type":"json_object"});
    let whole = answer(&proxy, "/v1/chat/completions", &body).await;
    let message = &whole["choices"][0]["message"];
    assert_eq!(message["content"], "{\"a\": \"(a.org)\"}");
    assert_eq!(cited(&message["content"], &message["annotations"]), both()[..1]);
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn an_answer_sent_back_with_its_searches_and_annotations_continues_its_thread() {
    let proxy = real().start().await;
    let mut body = responses(ANSWER);
    body["store"] = false.into();
    let first = answer(&proxy, "/v1/responses", &body).await;
    let mut input = vec![json!({"role":"user","content":ANSWER})];
    input.extend(first["output"].as_array().unwrap().iter().cloned());
    input.push(json!({"role":"user","content":"[[say=more]]"}));
    body["input"] = input.into();
    let second = answer(&proxy, "/v1/responses", &body).await;
    assert_eq!(second["output"][0]["content"][0]["text"], "more");
    let upstream = proxy.model.request(1).unwrap();
    // The thread has the searches themselves.
    let kinds: Vec<&str> = upstream.items().filter_map(|item| item["type"].as_str()).collect();
    assert_eq!(kinds.iter().filter(|kind| **kind == "web_search_call").count(), 3, "{kinds:?}");

    let message =
        answer(&proxy, "/v1/chat/completions", &chat(ANSWER)).await["choices"][0]["message"].clone();
    let mut body = chat(ANSWER);
    let messages = body["messages"].as_array_mut().unwrap();
    messages.extend([message, json!({"role":"user","content":"[[say=more]]"})]);
    let second = answer(&proxy, "/v1/chat/completions", &body).await;
    assert_eq!(second["choices"][0]["message"]["content"], "more");
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn searches_of_a_stored_response_continue_and_can_be_referred_to() {
    let proxy = real().start().await;
    let first = answer(&proxy, "/v1/responses", &responses(ANSWER)).await;
    let mut body = responses("[[say=more]]");
    body["previous_response_id"] = first["id"].clone();
    let second = answer(&proxy, "/v1/responses", &body).await;
    assert_eq!(second["output"][0]["content"][0]["text"], "more");
    body["previous_response_id"] = Value::Null;
    let reference = json!({"type":"item_reference","id":first["output"][0]["id"]});
    body["input"] =
        json!([{"role":"user","content":"hi"}, reference, {"role":"user","content":"[[say=again]]"}]);
    let third = answer(&proxy, "/v1/responses", &body).await;
    assert_eq!(third["output"][0]["content"][0]["text"], "again");
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn without_the_tool_a_search_of_codex_local_is_a_line_of_its_reasoning() {
    let proxy = real().start().await;
    let body =
        |tools: Value| json!({"model":"codex-local","input":"[[search=rust say=found]]","tools":tools});
    let kinds = |response: &Value| {
        let kind = |item: &Value| item["type"].as_str().unwrap().to_owned();
        response["output"].as_array().unwrap().iter().map(kind).collect::<Vec<_>>()
    };
    let plain = answer(&proxy, "/v1/responses", &body(json!([]))).await;
    assert_eq!(kinds(&plain), ["reasoning", "message"]);
    assert_eq!(plain["output"][0]["summary"][0]["text"], "Searched the web for \"rust\"\n");
    let with_tool = answer(&proxy, "/v1/responses", &body(json!([{"type":"web_search"}]))).await;
    assert_eq!(kinds(&with_tool), ["web_search_call", "message"]);
}
