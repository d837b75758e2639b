//! The model list, aliases, and the model for Open WebUI's background tasks.

use serde_json::{Value, json};

use crate::support::{TestProxy, TestProxyBuilder, fake, home_for, prompt_body, real};

fn aliases(plan: TestProxyBuilder, aliases: &[&str]) -> TestProxyBuilder {
    plan.settings(|settings| {
        let pairs = aliases.iter().filter_map(|alias| alias.split_once('='));
        settings.model_aliases = pairs.map(|(alias, model)| (alias.to_owned(), model.to_owned())).collect();
    })
}

async fn list(proxy: &TestProxy) -> Vec<Value> {
    let list: Value = proxy.get("/v1/models").send().await.unwrap().json().await.unwrap();
    list["data"].as_array().unwrap().clone()
}

async fn answer(proxy: &TestProxy, model: &str, prompt: &str) -> (u16, Value) {
    let body = json!({"model":model,"messages":[{"role":"user","content":prompt}]});
    let response = proxy.chat(&body).await;
    (response.status().as_u16(), response.json().await.unwrap())
}

/// Whether the model was offered a shell, which only the agent is.
fn has_shell(proxy: &TestProxy, n: u64) -> bool {
    let tools = proxy.model.request(n).unwrap().tools();
    tools.iter().any(|name| name.contains("shell") || name.contains("exec"))
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn alias_is_listed_and_answers_as_its_model() {
    let proxy = aliases(real(), &["gpt-4o=gpt-5.5", "agent=codex-local"]).start().await;
    let list = list(&proxy).await;
    let of = |id: &str| list.iter().filter(|model| model["id"] == id).collect::<Vec<_>>();
    let [alias] = of("gpt-4o")[..] else { panic!("{list:?}") };
    assert_eq!(alias["owned_by"], "openai");
    assert!(alias["info"]["meta"]["description"].as_str().unwrap().starts_with("Alias of gpt-5.5. "));
    assert_eq!(of("agent")[0]["owned_by"], "codex");
    let one: Value = proxy.get("/v1/models/gpt-4o").send().await.unwrap().json().await.unwrap();
    assert_eq!(one, *alias);
    let (_, plain) = answer(&proxy, "gpt-4o", "[[words=1]]").await;
    assert_eq!(plain["model"], "gpt-5.5", "the answer names the real model");
    assert!(!has_shell(&proxy, 0));
    let (_, agent) = answer(&proxy, "agent", "[[words=1]]").await;
    assert_eq!(agent["model"], "gpt-5.5");
    assert!(has_shell(&proxy, 1), "the agent has its tools");
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn alias_of_an_unknown_model_or_another_alias_is_not_listed_and_is_404() {
    let proxy = aliases(real(), &["lost=gpt-9", "chain=gpt-4o", "gpt-4o=gpt-5.5"]).start().await;
    let ids: Vec<Value> = list(&proxy).await.iter().map(|model| model["id"].clone()).collect();
    assert!(!ids.contains(&json!("lost")) && !ids.contains(&json!("chain")), "{ids:?}");
    for (alias, real) in [("lost", "gpt-9"), ("chain", "gpt-4o")] {
        let (status, error) = answer(&proxy, alias, "hi").await;
        assert_eq!((status, &error["error"]["code"]), (404, &json!("model_not_found")));
        let message = error["error"]["message"].as_str().unwrap();
        assert!(message.contains(&format!("\"{alias}\" is an alias for \"{real}\"")), "{message}");
    }
    let (_, error) = answer(&proxy, "gpt-4o-mini", "hi").await;
    assert!(
        error["error"]["message"].as_str().unwrap().contains("gpt-4o"),
        "an alias may be suggested: {error}"
    );
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn alias_with_a_models_name_replaces_that_model() {
    let proxy = aliases(fake(""), &["gpt-5.5=gpt-5.5-mini"]).start().await;
    let list = list(&proxy).await;
    let of: Vec<&Value> = list.iter().filter(|model| model["id"] == "gpt-5.5").collect();
    assert_eq!(of.len(), 1, "{list:?}");
    assert_eq!(answer(&proxy, "gpt-5.5", "hi").await.1["model"], "gpt-5.5-mini");
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn model_list_follows_a_replaced_codex() {
    let folder = crate::support::folder();
    let program = folder.path().join(if cfg!(windows) { "codex.cmd" } else { "codex" });
    let replace_with = |codex: &std::path::Path| {
        let codex = codex.display();
        let script = if cfg!(windows) {
            format!("@\"{codex}\" %*\r\n")
        } else {
            format!("#!/bin/sh\nexec '{codex}' \"$@\"\n")
        };
        std::fs::write(&program, script).unwrap();
        #[cfg(unix)]
        std::fs::set_permissions(&program, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    };
    replace_with(&sample_model::under_test::fake_codex());
    let proxy = TestProxyBuilder { codex: program.clone(), ..fake("") }.start().await;
    let is_fake = |list: &[Value]| list.iter().any(|model| model.to_string().contains("of fake-codex"));
    assert!(is_fake(&list(&proxy).await));
    replace_with(&sample_model::under_test::codex_under_test());
    home_for(proxy.folder.path(), &proxy.model);
    assert_eq!(answer(&proxy, "gpt-5.5", "[[words=1]]").await.0, 200);
    let list = list(&proxy).await;
    assert!(!is_fake(&list) && list.len() > 2, "{list:?}");
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn model_unavailable_to_the_account_reports_upstreams_reason() {
    let proxy = real().start().await;
    let reason = "The 'gpt-5.5' model is not supported when using Codex with a ChatGPT account.";
    for more in ["", "type=invalid_request_error code=model_not_found"] {
        let (status, error) =
            answer(&proxy, "gpt-5.5", &format!("[[status=400 message=\"{reason}\" {more}]]")).await;
        assert!(matches!(status, 400 | 404), "{status} {error}");
        assert!(error["error"]["message"].as_str().unwrap().contains(reason), "{error}");
    }
    let (status, error) =
        answer(&proxy, "gpt-5.5", &format!("[[status=404 message=\"{reason}\" code=model_not_found]]")).await;
    assert_eq!((status, &error["error"]["code"]), (404, &json!("model_not_found")), "{error}");
    assert!(error["error"]["message"].as_str().unwrap().contains(reason), "{error}");
}

/// The start of each of Open WebUI's task prompts.
const TASKS: [&str; 8] = [
    "### Task:\nGenerate a concise title summarizing the chat history.\n### Guidelines:\n",
    "### Task:\nGenerate a concise, 3-5 word title with an emoji summarizing the chat history.\n### Guidelines:\n",
    "### Task:\nGenerate 1-3 broad tags categorizing the main themes of the chat history, along with 1-3 more specific subtopic tags.\n",
    "### Task:\nPredict 3-5 useful messages this user might naturally send next to advance their current objective.\n",
    "### Task:\nGenerate a detailed prompt for am image generation task based on the given language and context.",
    "### Task:\nAnalyze the chat history to determine the necessity of generating search queries, in the given language.",
    "### Task:\nYou are an autocompletion system. Continue the text in `<text>` based on the **completion type** in `<type>`",
    "Your task is to reflect the speaker's likely facial expression through a fitting emoji. Interpret emotions",
];

/// The body of Open WebUI's request for a title.
fn title_body(model: &str) -> Value {
    let mut body = prompt_body(&format!("{} [[echo]]", TASKS[0]));
    body["model"] = model.into();
    body["stream"] = false.into();
    body["max_tokens"] = 1000.into();
    body
}

/// Requests a title, and returns the answer and the logged model.
async fn title(proxy: &TestProxy, model: &str) -> (Value, String) {
    let answer: Value = proxy.chat(&title_body(model)).await.json().await.unwrap();
    let row = proxy.log.newest();
    assert!(row.arrival.background);
    (answer, row.model)
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn background_task_uses_the_smallest_model_at_its_lowest_effort() {
    let proxy = real().start().await;
    let ids: Vec<String> =
        list(&proxy).await.iter().map(|model| model["id"].as_str().unwrap().to_owned()).collect();
    let (title, logged) = title(&proxy, "gpt-5.5").await;
    let small = title["model"].as_str().unwrap();
    let is_small = ["nano", "mini", "luna"].iter().any(|word| small.contains(word));
    assert!(is_small && ids.iter().any(|id| id == small), "{small} of {ids:?}");
    assert_eq!(logged, small);
    let sent = proxy.model.requests().last().unwrap().body().clone();
    assert_eq!((&sent["model"], &sent["reasoning"]["effort"]), (&json!(small), &json!("low")));
    assert!(!has_shell(&proxy, proxy.model.requests().len() as u64 - 1), "a plain model");
    // A user's prompt goes to the requested model.
    assert_eq!(answer(&proxy, "gpt-5.5", "[[words=1]]").await.1["model"], "gpt-5.5");
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn every_open_webui_task_uses_the_smallest_model() {
    let proxy = real().start().await;
    for task in TASKS {
        let prompt = format!("{task}\n[[words=1]]");
        let answer: Value = proxy.ask(&prompt).await.json().await.unwrap();
        assert_ne!(answer["model"], "gpt-5.5", "{task}");
        assert!(proxy.log.newest().arrival.background, "{task}");
        let body = json!({"model":"gpt-5.5","input":prompt,"stream":false});
        let response: Value = proxy.post("/v1/responses", &body).await.json().await.unwrap();
        assert_eq!(response["model"], answer["model"], "{task}");
        assert!(proxy.log.newest().arrival.background, "{task}");
    }
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn user_prompt_with_a_task_heading_uses_the_requested_model() {
    let proxy = real().start().await;
    let prompt = "### Task:\nGenerate a concise title for my essay on tides. [[words=1]]";
    assert_eq!(answer(&proxy, "gpt-5.5", prompt).await.1["model"], "gpt-5.5");
    assert!(!proxy.log.newest().arrival.background);
    let body = json!({"model":"gpt-5.5","input":prompt});
    let response: Value = proxy.post("/v1/responses", &body).await.json().await.unwrap();
    assert_eq!(response["model"], "gpt-5.5");
    assert!(!proxy.log.newest().arrival.background);
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn task_with_stream_tools_or_effort_uses_the_requested_model() {
    let proxy = real().start().await;
    let function = json!({"name":"search","parameters":{"type":"object"}});
    let chat_tools = json!([{"type":"function","function":function}]);
    let mut tool = function.clone();
    tool["type"] = "function".into();
    let prompt = format!("{}[[words=1]]", TASKS[0]);
    let (chat, responses) = ("/v1/chat/completions", "/v1/responses");
    for (route, field, value) in [
        (chat, "stream", json!(true)),
        (chat, "tools", chat_tools),
        (chat, "functions", json!([function])),
        (chat, "reasoning_effort", json!("high")),
        (responses, "stream", json!(true)),
        (responses, "tools", json!([tool])),
        (responses, "reasoning", json!({"effort":"high"})),
    ] {
        let mut body = prompt_body(&prompt);
        if route == responses {
            body = json!({"model":"gpt-5.5","input":prompt});
        }
        body[field] = value;
        let response = proxy.post(route, &body).await;
        assert_eq!(response.status(), 200, "{route} {field}");
        response.text().await.unwrap();
        assert_eq!(proxy.model.requests().last().unwrap().body()["model"], "gpt-5.5", "{route} {field}");
        let row = proxy.log.newest();
        assert_eq!((row.model.as_str(), row.arrival.background), ("gpt-5.5", false), "{route} {field}");
    }
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn task_for_codex_local_is_answered_by_codex_local() {
    let proxy = aliases(real(), &["agent=codex-local"]).start().await;
    for (n, model) in ["codex-local", "agent"].into_iter().enumerate() {
        let answer: Value = proxy.chat(&title_body(model)).await.json().await.unwrap();
        assert_eq!(answer["model"], "gpt-5.5", "{model}");
        assert!(has_shell(&proxy, 2 * n as u64), "{model}");
        assert!(!proxy.log.newest().arrival.background);
        let body = json!({"model":model,"input":TASKS[0]});
        let response: Value = proxy.post("/v1/responses", &body).await.json().await.unwrap();
        assert_eq!(response["status"], "completed", "{response}");
        assert!(has_shell(&proxy, 2 * n as u64 + 1), "{model}");
        assert!(!proxy.log.newest().arrival.background);
    }
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn background_task_keeps_its_response_format_and_tools() {
    let proxy = real().start().await;
    let mut body = prompt_body("### Task:\nSearch queries. [[tool=search:{}]]");
    body["tools"] = json!([{"type":"function","function":{"name":"search","parameters":{"type":"object"}}}]);
    let answer: Value = proxy.chat(&body).await.json().await.unwrap();
    assert_eq!(answer["choices"][0]["finish_reason"], "tool_calls", "{answer}");
    let schema = json!({"type":"object","properties":{"title":{"type":"string"}},"required":["title"],"additionalProperties":false});
    let mut body = prompt_body(TASKS[0]);
    body["response_format"] = json!({"type":"json_schema","json_schema":{"name":"t","schema":schema}});
    let answer: Value = proxy.chat(&body).await.json().await.unwrap();
    let text = answer["choices"][0]["message"]["content"].as_str().unwrap();
    assert!(serde_json::from_str::<Value>(text).unwrap()["title"].is_string(), "{answer}");
    assert!(proxy.log.newest().arrival.background);
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn background_tasks_use_the_requested_model_when_the_feature_is_off() {
    let off = real().settings(|settings| settings.task_model = false);
    let proxy = off.start().await;
    let (answer, logged) = title(&proxy, "gpt-5.5").await;
    assert_eq!((answer["model"].as_str(), logged.as_str()), (Some("gpt-5.5"), "gpt-5.5"));
    // A configured model that codex does not list means that the list is not the provider's.
    let own = real().settings(|settings| settings.model = Some("my-own".to_owned()));
    let proxy = own.start().await;
    assert_eq!(title(&proxy, "my-own").await.1, "my-own");
}
