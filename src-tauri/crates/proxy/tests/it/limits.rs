//! The sandbox and folder limits of keys, with the real codex and its real sandbox.

use std::path::{Path, PathBuf};

use codex_client::SandboxMode;
use proxy::{Key, KeyFile, KeyLimits};
use reqwest::{Method, Response};
use serde_json::{Value, json};

use crate::support::{TestProxy, TestProxyBuilder, fake, real};

/// A proxy with a working folder inside its test's folder, and a subfolder in it.
async fn start(plan: TestProxyBuilder, sandbox: SandboxMode) -> (TestProxy, PathBuf) {
    let plan =
        plan.settings(|settings| (settings.sandbox, settings.workspace) = (sandbox, Some("work".into())));
    let proxy = plan.start().await;
    let work = proxy.folder.path().join("work");
    std::fs::create_dir(work.join("notes")).unwrap();
    (proxy, work)
}

fn keys(proxy: &TestProxy) -> KeyFile {
    KeyFile::in_folder(&proxy.folder.path().join("data"))
}

fn key(proxy: &TestProxy, sandbox: Option<SandboxMode>, workspace: Option<&Path>) -> Key {
    let limits = KeyLimits { sandbox, workspace: workspace.map(Path::to_owned), ..KeyLimits::default() };
    keys(proxy).create_limited("limited", limits, 1).unwrap().0
}

/// A key for plain models only.
fn plain_key(proxy: &TestProxy) -> Key {
    keys(proxy).create_limited("plain", KeyLimits::of_new_key(true), 1).unwrap().0
}

#[tokio::test]
async fn a_key_for_plain_models_neither_sees_nor_uses_codex_local() {
    let (proxy, _) = start(
        fake("").settings(|settings| {
            settings.model_aliases.insert("agent".to_owned(), "codex-local".to_owned());
        }),
        SandboxMode::ReadOnly,
    )
    .await;
    let (plain, free) = (plain_key(&proxy), key(&proxy, None, None));
    let get = async |key: &Key, path: &str| {
        let request = proxy.anonymous(Method::GET, path).bearer_auth(key.reveal());
        let response = request.send().await.unwrap();
        (response.status().as_u16(), response.json::<Value>().await.unwrap())
    };
    let ids = |list: Value| -> Vec<String> {
        let ids = list["data"].as_array().unwrap().iter();
        ids.map(|model| model["id"].as_str().unwrap().to_owned()).collect()
    };
    let (all, listed) = (ids(get(&free, "/v1/models").await.1), ids(get(&plain, "/v1/models").await.1));
    let is_agent = |id: &String| id == "codex-local" || id == "agent";
    assert_eq!(all.iter().filter(|id| is_agent(id)).count(), 2);
    assert_eq!(listed, all.into_iter().filter(|id| !is_agent(id)).collect::<Vec<_>>());
    for model in ["codex-local", "agent"] {
        for (path, mut body) in [
            ("/v1/chat/completions", json!({"messages":[{"role":"user","content":"hi"}]})),
            ("/v1/completions", json!({"prompt":"hi"})),
            ("/v1/responses", json!({"input":"hi"})),
        ] {
            body["model"] = model.into();
            let request = proxy.anonymous(Method::POST, path).bearer_auth(plain.reveal()).json(&body);
            let response = request.send().await.unwrap();
            let status = response.status();
            let error = response.json::<Value>().await.unwrap()["error"].clone();
            assert_eq!((status.as_u16(), &error["code"]), (404, &json!("model_not_found")), "{path} {error}");
            assert!(error["message"].as_str().unwrap().contains("plain models"), "{error}");
        }
        let (status, body) = get(&plain, &format!("/v1/models/{model}")).await;
        assert_eq!((status, &body["error"]["code"]), (404, &json!("model_not_found")));
        assert_eq!(get(&free, &format!("/v1/models/{model}")).await.0, 200);
    }
    assert_eq!(ask(&proxy, &plain, &listed[0], "hi").await.status(), 200);
}

async fn ask(proxy: &TestProxy, key: &Key, model: &str, prompt: &str) -> Response {
    let body = json!({"model":model,"messages":[{"role":"user","content":prompt}]});
    let request = proxy.anonymous(Method::POST, "/v1/chat/completions").bearer_auth(key.reveal());
    request.json(&body).send().await.unwrap()
}

/// Makes codex create a file, and returns whether it exists afterwards.
async fn creates(proxy: &TestProxy, key: &Key, file: &Path) -> bool {
    let prompt = format!("[[shell=\"touch {}\"]]", file.display());
    let answer = ask(proxy, key, "codex-local", &prompt).await;
    assert_eq!(answer.status(), 200, "{}", answer.text().await.unwrap());
    file.exists()
}

// Unix only: Linux' sandbox, and `touch`.
#[cfg(target_os = "linux")]
#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn key_decides_where_a_request_may_write() {
    use SandboxMode::{DangerFullAccess, ReadOnly, WorkspaceWrite};
    let (proxy, work) = start(real(), DangerFullAccess).await;
    let outside = proxy.folder.path().to_owned();
    let read_only = key(&proxy, Some(ReadOnly), None);
    let write = key(&proxy, Some(WorkspaceWrite), None);
    let own = key(&proxy, None, Some(&work.join("notes")));
    let free = key(&proxy, None, None);
    let file = work.join("x");
    assert!(!creates(&proxy, &read_only, &file).await);
    assert!(creates(&proxy, &write, &file).await);
    assert!(!creates(&proxy, &write, &outside.join("of-write")).await);
    // A key with its own folder writes only there, whatever the settings allow.
    assert!(creates(&proxy, &own, &work.join("notes/x")).await);
    assert!(!creates(&proxy, &own, &work.join("of-own")).await);
    assert!(creates(&proxy, &free, &outside.join("of-free")).await);
    let answer = ask(&proxy, &own, "codex-local", "[[shell=\"touch here\"]]").await;
    assert_eq!(answer.status(), 200);
    assert!(work.join("notes/here").exists(), "commands run in the key's folder");
}

// Unix only: Linux' sandbox, and `touch`.
#[cfg(target_os = "linux")]
#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn stricter_global_setting_overrides_the_key() {
    let (proxy, work) = start(real(), SandboxMode::ReadOnly).await;
    let permissive = key(&proxy, Some(SandboxMode::DangerFullAccess), None);
    assert!(!creates(&proxy, &permissive, &work.join("x")).await);
}

// Unix only: Linux' sandbox, and `touch`.
#[cfg(target_os = "linux")]
#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn new_key_limits_apply_to_running_conversations() {
    let (proxy, work) = start(real(), SandboxMode::WorkspaceWrite).await;
    let (key, entry) = keys(&proxy).create("laptop", 1).unwrap();
    let first = "[[shell=\"touch first\"]]";
    let answer: Value = ask(&proxy, &key, "codex-local", first).await.json().await.unwrap();
    assert!(work.join("first").exists());
    let limits = KeyLimits { sandbox: Some(SandboxMode::ReadOnly), ..KeyLimits::default() };
    keys(&proxy).limit(&entry.id, limits).unwrap();
    let body = json!({"model":"codex-local","messages":[
        {"role":"user","content":first},
        answer["choices"][0]["message"],
        {"role":"user","content":"[[shell=\"touch second\"]]"}]});
    let request = proxy.anonymous(Method::POST, "/v1/chat/completions").bearer_auth(key.reveal());
    assert_eq!(request.json(&body).send().await.unwrap().status(), 200);
    assert!(!work.join("second").exists());
}

#[tokio::test]
async fn missing_or_redirected_key_folder_is_an_error() {
    let (proxy, work) = start(fake(""), SandboxMode::WorkspaceWrite).await;
    let notes = work.join("notes");
    let key = key(&proxy, None, Some(&notes));
    assert_eq!(ask(&proxy, &key, "codex-local", "hi").await.status(), 200);
    std::fs::remove_dir(&notes).unwrap();
    let error = rejected(ask(&proxy, &key, "codex-local", "hi").await).await;
    assert!(error.contains("does not exist"), "{error}");
    assert!(!error.contains("notes"), "paths are not shown to clients: {error}");
    // Unix only: Windows makes links only in its developer mode.
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink(proxy.folder.path(), &notes).unwrap();
        let error = rejected(ask(&proxy, &key, "codex-local", "hi").await).await;
        assert!(error.contains("not inside"), "{error}");
    }
    // A plain model does not use the folder.
    assert_eq!(ask(&proxy, &key, "gpt-5.5", "hi").await.status(), 200);
}

async fn rejected(response: Response) -> String {
    assert_eq!(response.status(), 503);
    assert_eq!(response.headers()["x-should-retry"], "false");
    let body: Value = response.json().await.unwrap();
    assert_eq!(body["error"]["code"], "workspace_unavailable");
    body["error"]["message"].as_str().unwrap().to_owned()
}
