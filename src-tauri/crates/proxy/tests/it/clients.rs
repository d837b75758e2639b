//! Clients that nobody here wrote, against the proxy and the real codex: OpenAI's packages for Python and Node, LangChain, and the
//! Vercel AI SDK.
//!
//! What each script checks, it asserts itself; here it is made sure that all of it was run, and that all that the proxy sent is as
//! OpenAI's schema has it. `cargo xtask test` installs the
//! packages and names them to us.

use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use serde_json::Value;
use tokio::process::Command;

use crate::relay::Relay;
use crate::support::{KEY, TIMEOUT, TestProxy, real};

/// What `python_client.py` and `node_client.mjs` check, in this order.
const CLIENT: [&str; 18] = [
    "models",
    "retrieve",
    "whole",
    "stream",
    "stream_without_usage",
    "stream_helper",
    "at_once",
    "wrong_key",
    "unknown_model",
    "no_messages",
    "unsupported_parameter",
    "headers",
    "reasoning",
    "schema",
    "closed_half_way",
    "rate_limited",
    "used_up",
    "fails_half_way",
];

/// What `python_tools.py` and `node_tools.mjs` check; Python's package has no tool runner for chats.
const TOOLS: [&str; 8] = [
    "tool_loop",
    "tool_loop_of_the_agent",
    "tool_results",
    "tool_stream",
    "tool_stream_helper",
    "tool_runner",
    "tool_choice",
    "functions",
];

/// What `python_chat.py` and `node_chat.mjs` check.
const CHAT: [&str; 8] =
    ["image", "schema", "json_object", "several_answers", "stop", "max_tokens", "effort", "completions"];

/// What `python_responses.py` and `node_responses.mjs` check.
const RESPONSES: [&str; 15] = [
    "whole",
    "items",
    "stream",
    "stream_helper",
    "parse",
    "tools",
    "tools_of_a_previous_response",
    "tools_in_a_stream",
    "tool_runner",
    "previous_response",
    "retrieve_and_delete",
    "image",
    "reasoning",
    "incomplete",
    "errors",
];

/// What `langchain_client.py` checks.
const LANGCHAIN: [&str; 10] = [
    "invoke",
    "stream",
    "at_once",
    "tool_loop",
    "tool_results",
    "structured_output",
    "image",
    "limits",
    "previous_response",
    "errors",
];

/// What `ai_sdk_client.mjs` checks.
const AI_SDK: [&str; 12] = [
    "generate_text",
    "stream_text",
    "reasoning",
    "tool_loop",
    "tool_loop_in_a_stream",
    "tool_choice",
    "object",
    "object_after_tools",
    "image",
    "limits",
    "completion_model",
    "errors",
];

fn scripts() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients")
}

/// A path that `cargo xtask test` names, or the place where it puts it.
fn installed(variable: &str, usual: &str) -> PathBuf {
    let usual = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../target/clients").join(usual);
    let path = std::env::var_os(variable).map_or(usual, PathBuf::from);
    assert!(path.exists(), "{} is missing: run `cargo xtask test` once", path.display());
    path
}

async fn python(proxy: &TestProxy, script: &str) -> Output {
    run(proxy, installed("CLIENTS_PYTHON", "python/bin/python"), scripts().join(script)).await
}

async fn node(proxy: &TestProxy, script: &str) -> Output {
    // Node looks for packages beside and above the script, so the scripts go below the packages: into a folder of each test,
    // since the tests run at once.
    let below = tempfile::tempdir_in(installed("CLIENTS_NODE_DIR", "node")).unwrap();
    for name in ["checks.mjs", "library.mjs", script] {
        std::fs::copy(scripts().join(name), below.path().join(name)).unwrap();
    }
    run(proxy, "node".into(), below.path().join(script)).await
}

#[expect(clippy::disallowed_methods, reason = "a client is started as a user does")]
async fn run(proxy: &TestProxy, program: PathBuf, script: PathBuf) -> Output {
    let relay = Relay::new(&proxy.address).await;
    let mut command = Command::new(program);
    command
        .arg(script)
        .env("BASE_URL", format!("http://{}/v1", relay.address))
        .env("API_KEY", KEY)
        .env("PYTHONUTF8", "1")
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("NO_PROXY", "127.0.0.1,localhost")
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
    relay.assert_conforms().await;
    output
}

fn checks(output: &Output) -> Vec<String> {
    let text = String::from_utf8_lossy(&output.stdout);
    text.lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["check"].as_str().unwrap().to_owned())
        .collect()
}

/// The model has been sent the picture of `checks.py` as it is: the scripts themselves only see that there was one.
fn assert_seen(proxy: &TestProxy) {
    let picture = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAgAAAAICAIAAAB";
    let requests = proxy.model.requests();
    assert!(requests.iter().any(|request| request.body().to_string().contains(picture)));
}

fn assert_example(output: &Output) {
    let text = String::from_utf8_lossy(&output.stdout);
    for words in ["Available models: [", "codex-local", "Paris", "Oct 31 = Dec 25"] {
        assert!(text.contains(words), "{words} is missing in {text}");
    }
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn the_originals_python_example_works_as_written() {
    assert_example(&python(&real().start().await, "original_example.py").await);
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn the_node_example_works_as_written() {
    assert_example(&node(&real().start().await, "original_example.mjs").await);
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn the_python_package_gets_everything_that_it_asks_for() {
    assert_eq!(checks(&python(&real().start().await, "python_client.py").await), CLIENT);
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn the_node_package_gets_everything_that_it_asks_for() {
    assert_eq!(checks(&node(&real().start().await, "node_client.mjs").await), CLIENT);
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn the_python_package_goes_through_tool_loops() {
    let mut expected = TOOLS.to_vec();
    expected.retain(|check| *check != "tool_runner");
    assert_eq!(checks(&python(&real().start().await, "python_tools.py").await), expected);
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn the_node_package_goes_through_tool_loops() {
    assert_eq!(checks(&node(&real().start().await, "node_tools.mjs").await), TOOLS);
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn the_python_package_gets_images_schemas_and_limits() {
    let proxy = real().start().await;
    assert_eq!(checks(&python(&proxy, "python_chat.py").await), CHAT);
    assert_seen(&proxy);
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn the_node_package_gets_images_schemas_and_limits() {
    let proxy = real().start().await;
    assert_eq!(checks(&node(&proxy, "node_chat.mjs").await), CHAT);
    assert_seen(&proxy);
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn the_python_package_speaks_the_responses_api() {
    assert_eq!(checks(&python(&real().start().await, "python_responses.py").await), RESPONSES);
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn the_node_package_speaks_the_responses_api() {
    assert_eq!(checks(&node(&real().start().await, "node_responses.mjs").await), RESPONSES);
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn langchain_gets_everything_that_it_asks_for() {
    let proxy = real().start().await;
    assert_eq!(checks(&python(&proxy, "langchain_client.py").await), LANGCHAIN);
    assert_seen(&proxy);
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn the_ai_sdk_gets_everything_that_it_asks_for() {
    let proxy = real().start().await;
    assert_eq!(checks(&node(&proxy, "ai_sdk_client.mjs").await), AI_SDK);
    assert_seen(&proxy);
}
