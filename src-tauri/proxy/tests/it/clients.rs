//! The OpenAI packages for Python and Node, which nobody here wrote, against the proxy and the real codex.
//!
//! What each script checks, it asserts itself; here it is made sure that all of it was run. `cargo xtask test` installs the
//! packages and names them to us.

use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use serde_json::Value;
use tokio::process::Command;

use crate::support::{KEY, LONG, Running, real};

/// What the two deep clients check, in this order.
const CHECKS: [&str; 18] = [
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

fn scripts() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients")
}

/// A path that `cargo xtask test` names, or the place where it puts it.
fn installed(variable: &str, usual: &str) -> PathBuf {
    let usual = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/clients").join(usual);
    let path = std::env::var_os(variable).map_or(usual, PathBuf::from);
    assert!(path.exists(), "{} is missing: run `cargo xtask test` once", path.display());
    path
}

async fn python(proxy: &Running, script: &str) -> Output {
    run(proxy, installed("CLIENTS_PYTHON", "python/bin/python"), scripts().join(script)).await
}

async fn node(proxy: &Running, script: &str) -> Output {
    // Node looks for packages beside the script, so the script goes beside the packages.
    let beside = installed("CLIENTS_NODE_DIR", "node").join(script);
    std::fs::copy(scripts().join(script), &beside).unwrap();
    run(proxy, "node".into(), beside).await
}

#[expect(clippy::disallowed_methods, reason = "a client is started as a user does")]
async fn run(proxy: &Running, program: PathBuf, script: PathBuf) -> Output {
    let mut command = Command::new(program);
    command
        .arg(script)
        .env("BASE_URL", format!("http://{}/v1", proxy.address))
        .env("API_KEY", KEY)
        .env("PYTHONUTF8", "1")
        .env("NO_PROXY", "127.0.0.1,localhost")
        .stdin(Stdio::null())
        .kill_on_drop(true);
    for variable in
        ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy", "OPENAI_API_KEY"]
    {
        command.env_remove(variable);
    }
    let output = tokio::time::timeout(LONG * 2, command.output()).await.expect("the client hangs").unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output
}

fn checks(output: &Output) -> Vec<String> {
    let text = String::from_utf8_lossy(&output.stdout);
    text.lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["check"].as_str().unwrap().to_owned())
        .collect()
}

fn assert_example(output: &Output) {
    let text = String::from_utf8_lossy(&output.stdout);
    for words in ["Available models: [", "codex-local", "Paris", "Oct 31 = Dec 25"] {
        assert!(text.contains(words), "{words} is missing in {text}");
    }
}

#[tokio::test]
async fn the_originals_python_example_works_as_written() {
    assert_example(&python(&real().start().await, "original_example.py").await);
}

#[tokio::test]
async fn the_node_example_works_as_written() {
    assert_example(&node(&real().start().await, "original_example.mjs").await);
}

#[tokio::test]
async fn the_python_package_gets_everything_that_it_asks_for() {
    assert_eq!(checks(&python(&real().start().await, "python_client.py").await), CHECKS);
}

#[tokio::test]
async fn the_node_package_gets_everything_that_it_asks_for() {
    assert_eq!(checks(&node(&real().start().await, "node_client.mjs").await), CHECKS);
}
