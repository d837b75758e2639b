//! Answers that apps asked to keep: what survives a restart, and what removes them.

use std::path::Path;

use codex_client::Environment;
use desktop::app::{App, AppOptions};
use desktop::keychain::{KeyLimitsForm, MemoryStore};
use reqwest::Method;
use sample_model::{codex_home, under_test};
use serde_json::{Value, json};

use crate::app::free_port;
use crate::opened::Opened;
use crate::support::{KEY, folder};

/// An app with fake-codex, at the same port after each start.
struct Started {
    app: App,
    port: u16,
}

impl Started {
    async fn new(folder: &Path, port: u16) -> Self {
        let environment = Environment::from_process()
            .with("HOME", folder)
            .with("CODEX_HOME", folder.join(".codex"))
            .with("CODEX_PATH", under_test::fake_codex())
            .with("API_KEYS", "sk-of-another-program")
            .with("CODEX_PROXY_API_KEYS", KEY);
        let options = AppOptions::new(folder.to_owned(), environment, false);
        Self { app: App::open(options.with_secrets(MemoryStore::default())).await.unwrap(), port }
    }

    async fn with(folder: &Path, keep_texts: bool) -> Self {
        let port = free_port();
        let settings = json!({"version": 1, "port": port, "keep_texts": keep_texts});
        std::fs::write(folder.join("settings.json"), settings.to_string()).unwrap();
        Self::new(folder, port).await
    }

    async fn restarted(self, folder: &Path) -> Self {
        self.app.shutdown().await;
        Self::new(folder, self.port).await
    }

    async fn call(&self, key: &str, method: Method, path: &str, body: Option<Value>) -> (u16, Value) {
        let url = format!("http://127.0.0.1:{}/v1/{path}", self.port);
        let mut request = reqwest::Client::new().request(method, url).bearer_auth(key);
        if let Some(body) = body {
            request = request.json(&body);
        }
        let response = request.send().await.unwrap();
        (response.status().as_u16(), response.json().await.unwrap())
    }

    /// Stores a chat, and returns its path.
    async fn store(&self, key: &str) -> String {
        let body = json!({"model":"gpt-5.5","store":true,"metadata":{"label":"a"},
            "messages":[{"role":"user","content":"a secret plan"}]});
        let (status, chat) = self.call(key, Method::POST, "chat/completions", Some(body)).await;
        assert_eq!(status, 200, "{chat}");
        format!("chat/completions/{}", chat["id"].as_str().unwrap())
    }

    async fn status(&self, path: &str) -> u16 {
        self.call(KEY, Method::GET, path, None).await.0
    }
}

/// Whether a text is in a file of the stored answers.
fn on_disk(folder: &Path, text: &str) -> bool {
    let files = std::fs::read_dir(folder).unwrap().flatten();
    let files = files.filter(|file| file.file_name().to_string_lossy().starts_with("answers.sqlite"));
    let mut contents = files.map(|file| std::fs::read(file.path()).unwrap());
    contents.any(|bytes| bytes.windows(text.len()).any(|window| window == text.as_bytes()))
}

#[tokio::test]
async fn stored_chats_survive_a_restart_where_texts_are_kept() {
    let folder = folder();
    let started = Started::with(folder.path(), true).await;
    let path = started.store(KEY).await;
    let (_, before) = started.call(KEY, Method::GET, &path, None).await;
    assert_eq!(before["metadata"], json!({"label":"a"}));
    let started = started.restarted(folder.path()).await;
    assert_eq!(started.app.stored_answers().await.on_disk.answers, 1);
    assert_eq!(started.call(KEY, Method::GET, &path, None).await, (200, before));
    let (_, messages) = started.call(KEY, Method::GET, &format!("{path}/messages"), None).await;
    assert_eq!(messages["data"][0]["content"], "a secret plan");
    let (_, list) = started.call(KEY, Method::GET, "chat/completions?metadata[label]=a", None).await;
    assert_eq!(list["data"].as_array().unwrap().len(), 1);
    assert_eq!(started.call(KEY, Method::DELETE, &path, None).await.0, 200);
    let started = started.restarted(folder.path()).await;
    assert_eq!(started.status(&path).await, 404);
    started.app.shutdown().await;
    assert!(!on_disk(folder.path(), "a secret plan"));
}

#[tokio::test]
async fn without_texts_stored_chats_are_in_memory_only() {
    let folder = folder();
    let started = Started::with(folder.path(), false).await;
    let path = started.store(KEY).await;
    assert_eq!(started.status(&path).await, 200);
    let stored = started.app.stored_answers().await;
    assert_eq!((stored.on_disk.answers, stored.in_memory), (0, 1));
    let started = started.restarted(folder.path()).await;
    assert!(!on_disk(folder.path(), "a secret plan"));
    assert_eq!(started.status(&path).await, 404);
    started.app.shutdown().await;
}

#[tokio::test]
async fn switching_texts_off_deletes_what_is_on_disk() {
    let folder = folder();
    let started = Started::with(folder.path(), true).await;
    started.store(KEY).await;
    started.app.set_setting("keep_texts", json!(false)).await.unwrap();
    assert_eq!(started.app.stored_answers().await.on_disk.answers, 0);
    started.app.shutdown().await;
    assert!(!on_disk(folder.path(), "a secret plan"));
}

#[tokio::test]
async fn the_button_deletes_stored_answers_everywhere() {
    let folder = folder();
    let started = Started::with(folder.path(), true).await;
    let path = started.store(KEY).await;
    started.app.forget_stored_answers().await.unwrap();
    let stored = started.app.stored_answers().await;
    assert_eq!((stored.on_disk.answers, stored.in_memory), (0, 0));
    assert_eq!(started.status(&path).await, 404);
    started.app.shutdown().await;
    assert!(!on_disk(folder.path(), "a secret plan"));
}

#[tokio::test]
async fn clearing_the_log_deletes_stored_answers_once_it_cannot_be_undone() {
    let folder = folder();
    let started = Started::with(folder.path(), true).await;
    let path = started.store(KEY).await;
    started.app.clear_exchanges().await;
    started.app.undo_clear().await;
    let started = started.restarted(folder.path()).await;
    assert_eq!(started.status(&path).await, 200, "it was taken back");
    started.app.clear_exchanges().await;
    // Quitting ends the time in which it can be undone.
    let started = started.restarted(folder.path()).await;
    assert_eq!(started.status(&path).await, 404);
    started.app.shutdown().await;
    assert!(!on_disk(folder.path(), "a secret plan"));
}

#[tokio::test]
async fn a_revoked_keys_answers_are_deleted() {
    let folder = folder();
    let started = Started::with(folder.path(), true).await;
    let key = started.app.create_key("Tablet", KeyLimitsForm::default()).await.unwrap();
    let kept = started.store(KEY).await;
    started.store(&key.secret).await;
    let started = started.restarted(folder.path()).await;
    assert_eq!(started.app.stored_answers().await.on_disk.answers, 2);
    started.app.revoke_key(&key.row.id).await.unwrap();
    assert_eq!(started.app.stored_answers().await.on_disk.answers, 1);
    assert_eq!(started.status(&kept).await, 200);
    started.app.shutdown().await;
}

/// Sends a request to the app with the real codex.
async fn send(opened: &Opened, path: &str, body: Value) -> Value {
    let url = format!("http://127.0.0.1:{}/v1/{path}", opened.port);
    let response = reqwest::Client::new().post(url).bearer_auth(KEY).json(&body).send().await.unwrap();
    assert_eq!(response.status(), 200, "{path}");
    response.json().await.unwrap()
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn responses_and_conversations_continue_after_a_restart() {
    let mut opened = Opened::new(codex_home::write, json!({"keep_texts": true})).await;
    let ask = |input: &str, more: Value| {
        let mut body = json!({"model":"gpt-5.5","input":input});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    let one = send(&opened, "responses", ask("[[say=\"one\"]]", json!({}))).await;
    let previous = json!({"previous_response_id": one["id"]});
    let two = send(&opened, "responses", ask("[[say=\"two\"]]", previous)).await;
    let items = json!([{"role":"user","content":"first"}]);
    let conversation = send(&opened, "conversations", json!({ "items": items })).await;
    let belongs = json!({"conversation": conversation["id"]});
    send(&opened, "responses", ask("[[say=\"three\"]]", belongs.clone())).await;

    opened.restart().await;
    let seen = async |previous: Value, input: &str| -> Vec<String> {
        send(&opened, "responses", ask(input, previous)).await;
        let requests = opened.model.requests();
        let said = requests.last().unwrap().input();
        said.into_iter().filter(|(role, _)| role != "developer").map(|(_, text)| text).collect()
    };
    let previous = json!({"previous_response_id": two["id"]});
    assert_eq!(
        seen(previous, "[[say=\"four\"]]").await,
        ["[[say=\"one\"]]", "one", "[[say=\"two\"]]", "two", "[[say=\"four\"]]"]
    );
    assert_eq!(
        seen(belongs, "[[say=\"five\"]]").await,
        ["first", "[[say=\"three\"]]", "three", "[[say=\"five\"]]"]
    );
    // An item of a response from before the restart.
    let referred =
        json!([{"type":"item_reference","id":one["output"][0]["id"]},{"role":"user","content":"[[echo]]"}]);
    let body = json!({"model":"gpt-5.5","input":referred});
    let echo = send(&opened, "responses", body).await;
    assert!(echo["output"][0]["content"][0]["text"].as_str().unwrap().contains("\"one\""), "{echo}");
    opened.app.shutdown().await;
}
