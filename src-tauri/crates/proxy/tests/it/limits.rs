//! What codex may do for a key, with the real codex and its real sandbox.

use std::path::{Path, PathBuf};

use codex_client::SandboxMode;
use proxy::{Key, KeyFile, KeyLimits};
use reqwest::{Method, Response};
use serde_json::{Value, json};

use crate::support::{TestProxy, TestProxyBuilder, fake, real};

/// A proxy with a working folder below its test's own one, and a folder within that.
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
    let limits = KeyLimits { sandbox, workspace: workspace.map(Path::to_owned) };
    keys(proxy).create_limited("limited", limits, 1).unwrap().0
}

async fn ask(proxy: &TestProxy, key: &Key, model: &str, prompt: &str) -> Response {
    let body = json!({"model":model,"messages":[{"role":"user","content":prompt}]});
    let request = proxy.anonymous(Method::POST, "/v1/chat/completions").bearer_auth(key.reveal());
    request.json(&body).send().await.unwrap()
}

/// Has codex make a file, and says whether it is there afterwards.
async fn makes(proxy: &TestProxy, key: &Key, file: &Path) -> bool {
    let prompt = format!("[[shell=\"touch {}\"]]", file.display());
    let answer = ask(proxy, key, "codex-local", &prompt).await;
    assert_eq!(answer.status(), 200, "{}", answer.text().await.unwrap());
    file.exists()
}

#[cfg(target_os = "linux")]
#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn the_same_request_writes_or_not_by_its_key() {
    use SandboxMode::{DangerFullAccess, ReadOnly, WorkspaceWrite};
    let (proxy, work) = start(real(), DangerFullAccess).await;
    let outside = proxy.folder.path().to_owned();
    let read_only = key(&proxy, Some(ReadOnly), None);
    let write = key(&proxy, Some(WorkspaceWrite), None);
    let own = key(&proxy, None, Some(&work.join("notes")));
    let free = key(&proxy, None, None);
    let file = work.join("x");
    assert!(!makes(&proxy, &read_only, &file).await);
    assert!(makes(&proxy, &write, &file).await);
    assert!(!makes(&proxy, &write, &outside.join("of-write")).await);
    // A folder of its own: there, and not beside it, for all that the settings would allow.
    assert!(makes(&proxy, &own, &work.join("notes/x")).await);
    assert!(!makes(&proxy, &own, &work.join("of-own")).await);
    assert!(makes(&proxy, &free, &outside.join("of-free")).await);
    let answer = ask(&proxy, &own, "codex-local", "[[shell=\"touch here\"]]").await;
    assert_eq!(answer.status(), 200);
    assert!(work.join("notes/here").exists(), "commands run in the key's folder");
}

#[cfg(target_os = "linux")]
#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn a_setting_that_is_stricter_than_the_key_counts() {
    let (proxy, work) = start(real(), SandboxMode::ReadOnly).await;
    let hopeful = key(&proxy, Some(SandboxMode::DangerFullAccess), None);
    assert!(!makes(&proxy, &hopeful, &work.join("x")).await);
}

#[cfg(target_os = "linux")]
#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn a_key_that_is_limited_later_is_limited_in_a_conversation_that_goes_on() {
    let (proxy, work) = start(real(), SandboxMode::WorkspaceWrite).await;
    let (key, entry) = keys(&proxy).create("laptop", 1).unwrap();
    let first = "[[shell=\"touch first\"]]";
    let answer: Value = ask(&proxy, &key, "codex-local", first).await.json().await.unwrap();
    assert!(work.join("first").exists());
    let limits = KeyLimits { sandbox: Some(SandboxMode::ReadOnly), workspace: None };
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
async fn a_folder_that_is_gone_or_leads_elsewhere_is_an_error_and_not_the_default_folder() {
    let (proxy, work) = start(fake(""), SandboxMode::WorkspaceWrite).await;
    let notes = work.join("notes");
    let key = key(&proxy, None, Some(&notes));
    assert_eq!(ask(&proxy, &key, "codex-local", "hi").await.status(), 200);
    std::fs::remove_dir(&notes).unwrap();
    let error = refused(ask(&proxy, &key, "codex-local", "hi").await).await;
    assert!(error.contains("is not there"), "{error}");
    assert!(!error.contains("notes"), "a client is told no paths: {error}");
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink(proxy.folder.path(), &notes).unwrap();
        let error = refused(ask(&proxy, &key, "codex-local", "hi").await).await;
        assert!(error.contains("not within"), "{error}");
    }
    // A plain model works in no folder.
    assert_eq!(ask(&proxy, &key, "gpt-5.5", "hi").await.status(), 200);
}

async fn refused(response: Response) -> String {
    assert_eq!(response.status(), 503);
    assert_eq!(response.headers()["x-should-retry"], "false");
    let body: Value = response.json().await.unwrap();
    assert_eq!(body["error"]["code"], "workspace_unavailable");
    body["error"]["message"].as_str().unwrap().to_owned()
}
