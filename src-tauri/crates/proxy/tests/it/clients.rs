//! Third-party clients against the proxy and the real codex: OpenAI's packages for Python and Node, its Agents
//! SDK, LangChain, the Vercel AI SDK; and by the scripts in `dev/clients` that install and start fast.
//!
//! The scripts contain the assertions; here we check that all of them ran, and that everything the proxy sent conforms to
//! OpenAI's schema. `cargo xtask test` installs the packages and passes their paths.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::{Output, Stdio};

use sample_model::{not_under_wine, under_test};
use serde_json::Value;
use tokio::process::Command;

use crate::relay::Relay;
use crate::support::{KEY, TIMEOUT, TestProxy, real};

/// The checks of `python_client.py` and `node_client.mjs`, in order.
const CLIENT: [&str; 18] = [
    "models",
    "retrieve",
    "complete",
    "stream",
    "stream_without_usage",
    "stream_helper",
    "concurrent",
    "wrong_key",
    "unknown_model",
    "no_messages",
    "unsupported_parameter",
    "headers",
    "reasoning",
    "schema",
    "closed_mid_stream",
    "rate_limited",
    "quota_exhausted",
    "fails_mid_stream",
];

/// The checks of `python_tools.py` and `node_tools.mjs`; the Python package has no tool runner for chats.
const TOOLS: [&str; 8] = [
    "tool_loop",
    "agent_tool_loop",
    "tool_results",
    "tool_stream",
    "tool_stream_helper",
    "tool_runner",
    "tool_choice",
    "functions",
];

/// The checks of `python_chat.py` and `node_chat.mjs`.
const CHAT: [&str; 8] =
    ["image", "schema", "json_object", "several_answers", "stop", "max_tokens", "effort", "completions"];

/// The checks of `python_responses.py` and `node_responses.mjs`.
const RESPONSES: [&str; 15] = [
    "complete",
    "items",
    "stream",
    "stream_helper",
    "parse",
    "tools",
    "tools_with_previous_response",
    "streamed_tools",
    "tool_runner",
    "previous_response",
    "retrieve_and_delete",
    "image",
    "reasoning",
    "incomplete",
    "errors",
];

/// The checks of `python_stored.py` and `node_stored.mjs`.
const STORED: [&str; 6] = [
    "conversations",
    "conversation_items",
    "conversation_responses",
    "stored_chats",
    "stored_chat_messages",
    "stored_chat_streams",
];

/// The checks of `python_websocket.py` and `node_websocket.mjs`.
const WEBSOCKET: [&str; 5] = ["conversation", "tools", "prepared", "lanes", "errors"];

/// The checks of `python_images.py` and `node_images.mjs`.
const IMAGES: [&str; 5] = ["generate", "stream", "edit", "errors", "hosted_tool"];

/// The checks of `python_background.py` and `node_background.mjs`; the Python script also lists the package's parameters.
const BACKGROUND: [&str; 8] = [
    "polled",
    "left_and_resumed",
    "resumed_by_the_helper",
    "cancelled",
    "input_items",
    "input_tokens",
    "compact",
    "parameters",
];

/// The checks of `langchain_client.py`.
const LANGCHAIN: [&str; 10] = [
    "invoke",
    "stream",
    "concurrent",
    "tool_loop",
    "tool_results",
    "structured_output",
    "image",
    "limits",
    "previous_response",
    "errors",
];

/// The checks of `ai_sdk_client.mjs`.
const AI_SDK: [&str; 12] = [
    "generate_text",
    "stream_text",
    "reasoning",
    "tool_loop",
    "streamed_tool_loop",
    "tool_choice",
    "object",
    "object_after_tools",
    "image",
    "limits",
    "completion_model",
    "errors",
];

/// The checks of `agents_client.py` and `agents_client.mjs`.
const AGENTS: [&str; 3] = ["quickstart", "tool", "handoff"];

/// The APIs and the checks of most scripts in `dev/clients`.
const BOTH: &[&str] = &["chat", "responses"];
const ALL: &str = "answer stream tools schema picture";

fn scripts() -> PathBuf {
    under_test::absolute(env!("CARGO_MANIFEST_DIR")).join("tests/clients")
}

/// The path in `variable`, which `cargo xtask test` sets, or the default path.
fn installed(variable: &str, default: &str) -> PathBuf {
    let default =
        under_test::absolute(env!("CARGO_MANIFEST_DIR")).join("../../../target/clients").join(default);
    let path = std::env::var_os(variable).map_or(default, PathBuf::from);
    assert!(path.exists(), "{} is missing: run `cargo xtask test` once", path.display());
    path
}

async fn python(proxy: &TestProxy, script: &str) -> Output {
    run(proxy, installed("CLIENTS_PYTHON", "python/bin/python"), scripts().join(script)).await
}

async fn node(proxy: &TestProxy, script: &str) -> Output {
    // Node looks for packages in the script's folder and its parents, so the scripts are copied below the packages, into a
    // separate folder for each test because the tests run concurrently.
    let folder = tempfile::tempdir_in(installed("CLIENTS_NODE_DIR", "node")).unwrap();
    for name in ["checks.mjs", "library.mjs", script] {
        std::fs::copy(scripts().join(name), folder.path().join(name)).unwrap();
    }
    run(proxy, "node".into(), folder.path().join(script)).await
}

async fn run(proxy: &TestProxy, program: PathBuf, script: PathBuf) -> Output {
    run_with(proxy, program, script, &[]).await
}

async fn run_with(
    proxy: &TestProxy,
    program: PathBuf,
    script: PathBuf,
    environment: &[(&str, OsString)],
) -> Output {
    // The relay passes no WebSocket on. What is sent there is checked in `websocket.rs`.
    if script.file_stem().is_some_and(|name| name.to_string_lossy().ends_with("_websocket")) {
        return run_at(&proxy.address, program, script, environment).await;
    }
    let relay = Relay::new(&proxy.address).await;
    let output = run_at(&relay.address, program, script, environment).await;
    relay.assert_conforms().await;
    output
}

#[expect(clippy::disallowed_methods, reason = "clients are started like a user starts them")]
async fn run_at(
    address: &str,
    program: PathBuf,
    script: PathBuf,
    environment: &[(&str, OsString)],
) -> Output {
    let mut command = Command::new(program);
    command
        .arg(script)
        .env("BASE_URL", format!("http://{address}/v1"))
        .env("API_KEY", KEY)
        .env("PYTHONUTF8", "1")
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("NO_PROXY", "127.0.0.1,localhost")
        .envs(environment.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::null())
        .kill_on_drop(true);
    for variable in
        ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy", "OPENAI_API_KEY"]
    {
        command.env_remove(variable);
    }
    let output =
        tokio::time::timeout(TIMEOUT * 2, command.output()).await.expect("the client hangs").unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output
}

/// Drives a client by its script in `dev/clients`. It must pass `checks` on each of `apis`, and have no others.
async fn drive(script: &str, apis: &[&str], checks: &str) {
    let proxy = real().start().await;
    let scripts = under_test::absolute(env!("CARGO_MANIFEST_DIR")).join("../../dev/clients");
    let output = if script.ends_with(".mjs") {
        let folder = tempfile::tempdir_in(installed("CLIENTS_NODE_DIR", "node")).unwrap();
        for name in ["harness.mjs", script] {
            std::fs::copy(scripts.join(name), folder.path().join(name)).unwrap();
        }
        run(&proxy, "node".into(), folder.path().join(script)).await
    } else {
        // The programs of the packages, and codex.
        let python = installed("CLIENTS_PYTHON", "python/bin/python");
        let codex = PathBuf::from(std::env::var_os("CODEX_TEST_BIN").unwrap());
        let own = [&python, &codex].map(|program| program.parent().unwrap().to_owned());
        let inherited = std::env::var_os("PATH").unwrap_or_default();
        let path = std::env::join_paths(own.into_iter().chain(std::env::split_paths(&inherited))).unwrap();
        run_with(&proxy, python, scripts.join(script), &[("PATH", path)]).await
    };
    let text = String::from_utf8_lossy(&output.stdout);
    let mut lines: Vec<&str> = text.lines().filter(|line| line.contains('\t')).collect();
    let expected =
        apis.iter().flat_map(|api| checks.split(' ').map(move |check| format!("{api}\t{check}\tok")));
    for line in expected {
        let at = lines.iter().position(|one| *one == line);
        lines.remove(at.unwrap_or_else(|| panic!("{line}: not in\n{text}")));
    }
    assert_eq!(lines, Vec::<&str>::new(), "further checks");
}

fn checks(output: &Output) -> Vec<String> {
    let text = String::from_utf8_lossy(&output.stdout);
    text.lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["check"].as_str().unwrap().to_owned())
        .collect()
}

/// Asserts that the model got the image of `checks.py` unchanged: the scripts only see that there was one.
fn assert_image_sent(proxy: &TestProxy) {
    let image = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAgAAAAICAIAAAB";
    let requests = proxy.model.requests();
    assert!(requests.iter().any(|request| request.body().to_string().contains(image)));
}

fn assert_example(output: &Output) {
    let text = String::from_utf8_lossy(&output.stdout);
    for expected in ["Available models: [", "codex-local", "Paris", "Oct 31 = Dec 25"] {
        assert!(text.contains(expected), "{expected} is missing in {text}");
    }
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn original_python_example_works_unchanged() {
    not_under_wine!("Wine has no Python and no Node");
    assert_example(&python(&real().start().await, "original_example.py").await);
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn node_example_works_unchanged() {
    not_under_wine!("Wine has no Python and no Node");
    assert_example(&node(&real().start().await, "original_example.mjs").await);
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn python_package_passes_its_checks() {
    not_under_wine!("Wine has no Python and no Node");
    assert_eq!(checks(&python(&real().start().await, "python_client.py").await), CLIENT);
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn node_package_passes_its_checks() {
    not_under_wine!("Wine has no Python and no Node");
    assert_eq!(checks(&node(&real().start().await, "node_client.mjs").await), CLIENT);
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn python_package_keeps_conversations_and_chats() {
    not_under_wine!("Wine has no Python and no Node");
    assert_eq!(checks(&python(&real().start().await, "python_stored.py").await), STORED);
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn node_package_keeps_conversations_and_chats() {
    not_under_wine!("Wine has no Python and no Node");
    assert_eq!(checks(&node(&real().start().await, "node_stored.mjs").await), STORED);
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn python_package_runs_tool_loops() {
    not_under_wine!("Wine has no Python and no Node");
    let mut expected = TOOLS.to_vec();
    expected.retain(|check| *check != "tool_runner");
    assert_eq!(checks(&python(&real().start().await, "python_tools.py").await), expected);
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn node_package_runs_tool_loops() {
    not_under_wine!("Wine has no Python and no Node");
    assert_eq!(checks(&node(&real().start().await, "node_tools.mjs").await), TOOLS);
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn python_package_uses_images_schemas_and_limits() {
    not_under_wine!("Wine has no Python and no Node");
    let proxy = real().start().await;
    assert_eq!(checks(&python(&proxy, "python_chat.py").await), CHAT);
    assert_image_sent(&proxy);
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn node_package_uses_images_schemas_and_limits() {
    not_under_wine!("Wine has no Python and no Node");
    let proxy = real().start().await;
    assert_eq!(checks(&node(&proxy, "node_chat.mjs").await), CHAT);
    assert_image_sent(&proxy);
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn python_package_uses_the_responses_api() {
    not_under_wine!("Wine has no Python and no Node");
    assert_eq!(checks(&python(&real().start().await, "python_responses.py").await), RESPONSES);
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn node_package_uses_the_responses_api() {
    not_under_wine!("Wine has no Python and no Node");
    assert_eq!(checks(&node(&real().start().await, "node_responses.mjs").await), RESPONSES);
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn python_package_generates_pictures() {
    not_under_wine!("Wine has no Python and no Node");
    assert_eq!(checks(&python(&real().signed_in().start().await, "python_images.py").await), IMAGES);
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn python_package_uses_responses_over_a_websocket() {
    not_under_wine!("Wine has no Python and no Node");
    assert_eq!(checks(&python(&real().start().await, "python_websocket.py").await), WEBSOCKET);
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn python_package_uses_the_background_and_every_parameter_is_documented() {
    not_under_wine!("Wine has no Python and no Node");
    let output = python(&real().start().await, "python_background.py").await;
    assert_eq!(checks(&output), BACKGROUND);
    let last = String::from_utf8_lossy(&output.stdout).lines().last().unwrap().to_owned();
    let api = include_str!("../../../../../docs/api.md");
    let (_, api) = api.split_once("\n### Responses\n").unwrap();
    let (table, _) = api.split_once("\n### ").unwrap();
    for name in serde_json::from_str::<Value>(&last).unwrap()["names"].as_array().unwrap() {
        let name = name.as_str().unwrap();
        assert!(
            table.contains(&format!("`{name}`")) || table.contains(&format!("`{name}.")),
            "docs/api.md says nothing of {name}: decide in translate/parameters.rs what happens to it"
        );
    }
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn node_package_generates_pictures() {
    not_under_wine!("Wine has no Python and no Node");
    assert_eq!(checks(&node(&real().signed_in().start().await, "node_images.mjs").await), IMAGES);
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn node_package_uses_responses_over_a_websocket() {
    not_under_wine!("Wine has no Python and no Node");
    assert_eq!(checks(&node(&real().start().await, "node_websocket.mjs").await), WEBSOCKET);
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn node_package_uses_the_background() {
    not_under_wine!("Wine has no Python and no Node");
    let checks = checks(&node(&real().start().await, "node_background.mjs").await);
    assert_eq!(checks, BACKGROUND[..BACKGROUND.len() - 1]);
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn langchain_passes_its_checks() {
    not_under_wine!("Wine has no Python and no Node");
    let proxy = real().start().await;
    assert_eq!(checks(&python(&proxy, "langchain_client.py").await), LANGCHAIN);
    assert_image_sent(&proxy);
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn ai_sdk_passes_its_checks() {
    not_under_wine!("Wine has no Python and no Node");
    let proxy = real().start().await;
    assert_eq!(checks(&node(&proxy, "ai_sdk_client.mjs").await), AI_SDK);
    assert_image_sent(&proxy);
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn python_agents_sdk_passes_its_quickstart() {
    not_under_wine!("Wine has no Python and no Node");
    assert_eq!(checks(&python(&real().start().await, "agents_client.py").await), AGENTS);
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn node_agents_sdk_passes_its_quickstart() {
    not_under_wine!("Wine has no Python and no Node");
    assert_eq!(checks(&node(&real().start().await, "agents_client.mjs").await), AGENTS);
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn pydantic_ai_passes_the_checks_of_every_client() {
    not_under_wine!("Wine has no Python and no Node");
    drive("pydantic_ai_client.py", BOTH, ALL).await;
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn litellm_passes_the_checks_of_every_client() {
    not_under_wine!("Wine has no Python and no Node");
    drive("litellm_client.py", BOTH, ALL).await;
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn haystack_passes_the_checks_of_every_client() {
    not_under_wine!("Wine has no Python and no Node");
    drive("haystack_client.py", BOTH, ALL).await;
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn dspy_passes_the_checks_of_every_client() {
    not_under_wine!("Wine has no Python and no Node");
    drive("dspy_client.py", BOTH, ALL).await;
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn smolagents_passes_the_checks_of_every_client() {
    not_under_wine!("Wine has no Python and no Node");
    drive("smolagents_client.py", &["chat"], ALL).await;
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn llm_passes_the_checks_of_every_client() {
    not_under_wine!("Wine has no Python and no Node");
    drive("llm.py", &["chat"], ALL).await;
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn codex_as_a_client_passes_the_checks_of_every_client() {
    not_under_wine!("Wine has no Python and no Node");
    drive("codex.py", &["responses"], "answer tools schema picture").await;
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn ai_sdk_with_both_providers_passes_the_checks_of_every_client() {
    not_under_wine!("Wine has no Python and no Node");
    drive("ai_sdk_client.mjs", &["openai, chat", "openai, responses", "openai-compatible"], ALL).await;
}
