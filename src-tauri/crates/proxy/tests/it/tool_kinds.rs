//! Tools that are not functions, on the real codex: custom tools, namespaces and web search, and codex itself as a client.

use sample_model::{codex_home, not_on_windows};
use serde_json::{Value, json};

use crate::support::{Events, KEY, TIMEOUT, TestProxy, prompt_body, real};

async fn respond(proxy: &TestProxy, mut body: Value) -> Value {
    body["model"] = "gpt-5.5".into();
    let response = proxy.post("/v1/responses", &body).await;
    let (status, answer) = (response.status(), response.json::<Value>().await.unwrap());
    assert_eq!(status, 200, "{answer}");
    answer
}

/// The names of the tools in the last upstream request, which begin with `stem`.
fn offered(proxy: &TestProxy, stem: &str) -> String {
    let names = proxy.model.requests().last().unwrap().tools();
    let found = names.iter().find(|name| name.starts_with(stem));
    found.unwrap_or_else(|| panic!("{stem} is not in {names:?}")).clone()
}

fn custom() -> Value {
    json!([{"type":"custom","name":"run","description":"Runs code.",
        "format":{"type":"grammar","syntax":"lark","definition":"start: /.+/"}}])
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn a_custom_tool_is_called_with_a_text_and_its_output_continues_the_response() {
    let proxy = real().start().await;
    let input = "[[tool=run:{\"input\":\"1 + \\\"a\\\"\"}]]";
    let first =
        respond(&proxy, json!({"input":input,"tools":custom(),"tool_choice":{"type":"custom","name":"run"}}))
            .await;
    let call = &first["output"][0];
    assert_eq!(
        (&call["type"], &call["name"], &call["input"]),
        (&json!("custom_tool_call"), &json!("run"), &json!("1 + \"a\""))
    );
    assert_eq!((&first["tools"], &first["tool_choice"]), (&custom(), &json!({"type":"custom","name":"run"})));
    let upstream = proxy.model.request(0).unwrap();
    let tool = &upstream.body()["tools"][0];
    assert!(tool["description"].as_str().unwrap().ends_with("Lark grammar:\nstart: /.+/"), "{tool}");

    let output = json!({"type":"custom_tool_call_output","call_id":call["call_id"],"output":"1a"});
    let stored = json!({"input":[output],"tools":custom(),"previous_response_id":first["id"]});
    let whole = json!({"input":[{"role":"user","content":input}, call, output],"tools":custom()});
    for body in [stored, whole] {
        assert_eq!(respond(&proxy, body).await["output"][0]["content"][0]["text"], "Tool results: 1a");
    }
    let last = proxy.model.requests().last().unwrap().clone();
    let sent: Vec<&Value> = last.items().filter(|item| item["type"] == "function_call").collect();
    assert_eq!(sent[0]["arguments"], "{\"input\":\"1 + \\\"a\\\"\"}");
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn the_input_of_a_custom_tool_is_streamed() {
    let proxy = real().start().await;
    let body =
        json!({"model":"gpt-5.5","input":"[[tool=run:{\"input\":\"abc\"}]]","tools":custom(),"stream":true});
    let events = Events::new(proxy.post("/v1/responses", &body).await).rest().await;
    let kinds: Vec<&str> = events.iter().map(|event| event["type"].as_str().unwrap()).collect();
    assert_eq!(
        kinds[2..],
        [
            "response.output_item.added",
            "response.custom_tool_call_input.delta",
            "response.custom_tool_call_input.done",
            "response.output_item.done",
            "response.completed",
        ]
    );
    assert_eq!((&events[3]["delta"], &events[4]["input"]), (&json!("abc"), &json!("abc")));
    assert_eq!(events[5]["item"]["input"], "abc");
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn a_chat_has_custom_tools_too() {
    let proxy = real().start().await;
    let mut body = prompt_body("[[tool=run:{\"input\":\"abc\"}]]");
    body["tools"] = json!([{"type":"custom","custom":{"name":"run"}}]);
    let answer: Value = proxy.chat(&body).await.json().await.unwrap();
    let message = answer["choices"][0]["message"].clone();
    let call = &message["tool_calls"][0];
    assert_eq!((&call["type"], &call["custom"]), (&json!("custom"), &json!({"name":"run","input":"abc"})));
    assert_eq!(answer["choices"][0]["finish_reason"], "tool_calls");

    let mut streamed = body.clone();
    streamed["stream"] = true.into();
    let events = proxy.stream_of(&streamed).await.rest().await;
    let deltas: Vec<&Value> = events
        .iter()
        .map(|event| &event["choices"][0]["delta"]["tool_calls"][0])
        .filter(|call| call.is_object())
        .collect();
    assert_eq!((&deltas[0]["type"], &deltas[0]["custom"]["name"]), (&json!("custom"), &json!("run")));
    let input: String = deltas.iter().map(|delta| delta["custom"]["input"].as_str().unwrap()).collect();
    assert_eq!(input, "abc");

    let output = json!({"role":"tool","tool_call_id":call["id"],"content":"done"});
    body["messages"].as_array_mut().unwrap().extend([message, output]);
    let answer: Value = proxy.chat(&body).await.json().await.unwrap();
    assert_eq!(answer["choices"][0]["message"]["content"], "Tool results: done");
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn calls_within_a_namespace_name_it_and_tools_in_the_input_are_offered() {
    let proxy = real().start().await;
    let namespace = json!({"type":"namespace","name":"crm","description":"Customers.","tools":[
        {"type":"function","name":"find","parameters":{"type":"object"}},{"type":"custom","name":"query"}]});
    let prompt = json!({"role":"user","content":"[[tool=crm__find:{} tool=crm__query:{\"input\":\"q\"}]]"});
    let more = json!({"type":"additional_tools","role":"developer","tools":[namespace]});
    for body in [json!({"input":[prompt],"tools":[namespace]}), json!({"input":[more, prompt]})] {
        let mut body = body;
        let first = respond(&proxy, body.clone()).await;
        let calls = first["output"].as_array().unwrap();
        let printed: Vec<_> =
            calls.iter().map(|call| (&call["type"], &call["namespace"], &call["name"])).collect();
        let crm = json!("crm");
        let expected = [
            (&json!("function_call"), &crm, &json!("find")),
            (&json!("custom_tool_call"), &crm, &json!("query")),
        ];
        assert_eq!(printed, expected);
        let input = body["input"].as_array_mut().unwrap();
        input.extend(calls.iter().cloned());
        for (call, kind) in calls.iter().zip(["function_call_output", "custom_tool_call_output"]) {
            input.push(json!({"type":kind,"call_id":call["call_id"],"output":"x"}));
        }
        assert_eq!(respond(&proxy, body).await["output"][0]["content"][0]["text"], "Tool results: x; x");
    }
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn web_search_tools_search_the_web_beside_functions() {
    let proxy = real().start().await;
    for (n, kind) in (0..).zip(["web_search", "web_search_preview", "web_search_preview_2025_03_11"]) {
        let search = json!({"type":kind,"search_context_size":"low","user_location":{"type":"approximate","country":"DE"}});
        let responses = json!({"model":"gpt-5.5","input":"[[words=1]]","tool_choice":{"type":kind},
            "tools":[search,{"type":"function","name":"f"},{"type":"tool_search"}]});
        let mut chat = prompt_body("[[words=1]]");
        chat["tools"] = json!([search, {"type":"function","function":{"name":"f"}}, {"type":"tool_search"}]);
        for (m, (path, body)) in (0..).zip([("/v1/responses", responses), ("/v1/chat/completions", chat)]) {
            let answer = proxy.post(path, &body).await;
            let ignored = answer.headers()["x-codex-proxy-ignored"].to_str().unwrap().to_owned();
            assert_eq!(answer.status(), 200, "{}", answer.text().await.unwrap());
            assert_eq!(ignored, if m == 0 { "tool_choice, tool_search" } else { "tool_search" });
            let upstream = proxy.model.request(2 * n + m).unwrap();
            let mut offered = upstream.tools();
            offered.sort();
            assert_eq!(offered, ["f", "web_search"]);
            let tools = upstream.body()["tools"].as_array().unwrap();
            let tool = tools.iter().find(|tool| tool["type"] == "web_search").unwrap();
            assert_eq!(
                (&tool["search_context_size"], &tool["user_location"]["country"]),
                (&json!("low"), &json!("DE"))
            );
        }
    }
    let tool =
        json!({"type":"web_search","external_web_access":false,"filters":{"allowed_domains":["a.org"]}});
    respond(&proxy, json!({"input":"[[words=1]]","tools":[tool]})).await;
    let upstream = proxy.model.requests().last().unwrap().body()["tools"][0].clone();
    assert_eq!(upstream["filters"]["allowed_domains"], json!(["a.org"]));
    assert_eq!(upstream["external_web_access"], false);
}

/// Runs `codex exec` with the proxy as its provider, in a folder of its own, and returns what it prints.
async fn codex_exec(proxy: &TestProxy, model: &str, prompt: &str) -> String {
    codex_exec_over(proxy, false, model, prompt).await
}

/// The same over HTTP or a WebSocket.
#[expect(clippy::disallowed_methods, reason = "a client, not a codex that the proxy runs")]
async fn codex_exec_over(proxy: &TestProxy, websocket: bool, model: &str, prompt: &str) -> String {
    let home = proxy.folder.path().join("client");
    let work = proxy.folder.path().join("work");
    std::fs::create_dir_all(&home).unwrap();
    std::fs::create_dir_all(&work).unwrap();
    let config = format!(
        "model_provider = \"proxy\"\n[model_providers.proxy]\nname = \"proxy\"\nbase_url = \"http://{}/v1\"\n\
         wire_api = \"responses\"\nenv_key = \"PROXY_KEY\"\n\
         supports_websockets = {websocket}\n",
        proxy.address
    );
    codex_home::write_installation_id(&home).unwrap();
    std::fs::write(home.join("config.toml"), config).unwrap();
    let run = tokio::process::Command::new(sample_model::under_test::codex_under_test())
        .args(["exec", "--json", "--skip-git-repo-check", "-s", "workspace-write", "-m", model, prompt])
        .env("CODEX_HOME", home)
        .env("TMPDIR", codex_home::temp_dir(proxy.folder.path()).unwrap())
        .env("PROXY_KEY", KEY)
        .current_dir(&work)
        .stdin(std::process::Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = tokio::time::timeout(10 * TIMEOUT, run).await.expect("codex exec hangs").unwrap();
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{out}\n{err}");
    out.into_owned()
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn codex_itself_is_a_client_with_its_tools() {
    not_on_windows!("codex runs no command there before its sandbox is set up");
    let proxy = real().start().await;
    // Which names its tools have for the model.
    codex_exec(&proxy, "gpt-5.5", "[[words=1]]").await;
    let (shell, patch) = (offered(&proxy, "exec_command"), offered(&proxy, "apply_patch"));
    let command = json!({"cmd":"echo from the shell > shell.txt"});
    let diff = json!({"input":"*** Begin Patch\n*** Add File: patch.txt\n+from a patch\n*** End Patch\n"});
    let prompt = format!("[[tool={shell}:{command} then tool={patch}:{diff} then say=\"all done\"]]");
    let printed = codex_exec(&proxy, "gpt-5.5", &prompt).await;
    assert!(printed.contains("all done"), "{printed}");
    let work = proxy.folder.path().join("work");
    for (file, text) in [("shell.txt", "from the shell\n"), ("patch.txt", "from a patch\n")] {
        assert_eq!(std::fs::read_to_string(work.join(file)).unwrap_or_else(|_| printed.clone()), text);
    }
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn codex_is_a_client_over_a_websocket() {
    not_on_windows!("codex runs no command there before its sandbox is set up");
    let proxy = real().start().await;
    codex_exec_over(&proxy, true, "gpt-5.5", "[[words=1]]").await;
    let shell = offered(&proxy, "exec_command");
    let command = json!({"cmd":"echo from the shell > shell.txt"});
    let prompt = format!("[[tool={shell}:{command} then tool={shell}:{command} then say=\"all done\"]]");
    let printed = codex_exec_over(&proxy, true, "gpt-5.5", &prompt).await;
    assert!(printed.contains("all done") && !printed.contains("\"type\":\"error\""), "{printed}");
    let file = proxy.folder.path().join("work").join("shell.txt");
    assert_eq!(std::fs::read_to_string(file).unwrap_or_else(|_| printed.clone()), "from the shell\n");
    let rows = proxy.log.rows();
    assert!(rows.len() >= 4, "{rows:?}");
    // Requests of a WebSocket are numbered.
    assert!(rows.iter().all(|row| row.arrival.request_id.contains('.')), "{rows:?}");
    assert!(rows.iter().all(|row| row.status == Some(200)), "{rows:?}");
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn codex_is_a_client_with_tools_in_namespaces() {
    not_on_windows!("codex runs no command there before its sandbox is set up");
    let proxy = real().start().await;
    // This model has all its tools in namespaces of `additional_tools`.
    let models: Value = proxy.get("/v1/models").send().await.unwrap().json().await.unwrap();
    let mut ids = models["data"].as_array().unwrap().iter().map(|model| model["id"].as_str().unwrap());
    let model = ids.find(|id| id.starts_with("gpt-6")).expect("codex lists a model of this kind");
    codex_exec(&proxy, model, "[[words=1]]").await;
    let exec = offered(&proxy, "functions__exec");
    let code = json!({"input":"const done = await tools.exec_command({cmd: \"echo from code > code.txt\"}); text(done.output ?? done);"});
    let printed = codex_exec(&proxy, model, &format!("[[tool={exec}:{code} then say=\"all done\"]]")).await;
    assert!(printed.contains("all done"), "{printed}");
    let file = proxy.folder.path().join("work").join("code.txt");
    assert_eq!(std::fs::read_to_string(file).unwrap_or_else(|_| printed.clone()), "from code\n");
}
