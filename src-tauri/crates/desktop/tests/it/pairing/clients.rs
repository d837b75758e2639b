//! Copied code, run with the packages that it imports. Only `cargo xtask test` installs them.

use std::path::PathBuf;

use sample_model::under_test;

use super::*;

/// A program installed by `cargo xtask test`, or named by the variable.
fn installed(variable: &str, usual: &str) -> PathBuf {
    let usual = under_test::absolute(env!("CARGO_MANIFEST_DIR")).join("../../../target/clients").join(usual);
    let path = std::env::var_os(variable).map_or(usual, PathBuf::from);
    assert!(path.exists(), "{} is missing: run `cargo xtask test` once", path.display());
    path
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn the_python_recipe_works_as_copied() {
    sample_model::not_under_wine!("Wine has no Python");
    let proxy = real().start().await;
    let python = installed("CLIENTS_PYTHON", "python/bin/python");
    let answer = text(&run(python, &["-c", &copied(&proxy, "python", "ask.py")]).await);
    assert!(answer.contains("built-in sample model"), "{answer}");
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn the_node_recipe_works_as_copied() {
    sample_model::not_under_wine!("Wine has no Node");
    let proxy = real().start().await;
    let program = installed("CLIENTS_NODE_DIR", "node").join("ask.mjs");
    std::fs::write(&program, copied(&proxy, "node", "ask.mjs")).unwrap();
    let answer = text(&run("node", &[program.to_str().unwrap()]).await);
    assert!(answer.contains("built-in sample model"), "{answer}");
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn a_conversation_copied_as_code_sends_the_same_messages() {
    sample_model::not_under_wine!("Wine has neither Python nor Node");
    let proxy = real().start().await;
    let code = |language| conversation_code(language, &conversation(), &input(&proxy), Some(&Key::new(KEY)));
    let folder = tempfile::tempdir().unwrap();
    let python = folder.path().join("ask.py");
    std::fs::write(&python, code(CodeLanguage::Python)).unwrap();
    let interpreter = installed("CLIENTS_PYTHON", "python/bin/python");
    let python = text(&run(interpreter, &[python.to_str().unwrap()]).await);

    let packages = installed("CLIENTS_NODE_DIR", "node");
    let node = tempfile::Builder::new().suffix(".mjs").tempfile_in(packages).unwrap();
    std::fs::write(node.path(), code(CodeLanguage::Node)).unwrap();
    let node = text(&run("node", &[node.path().to_str().unwrap()]).await);
    for answer in [python, node] {
        for text in ["brief", "Wie geht's?", "Und dir?"] {
            assert!(answer.contains(text), "{text} is not in {answer}");
        }
    }
}
