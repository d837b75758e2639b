//! Settings that change while the proxy runs.

use proxy::Key;
use proxy::settings::{Aliases, ReasoningFormat, Settings};
use sample_model::under_test::{codex_under_test, fake_codex};
use serde_json::{Value, json};

use crate::support::{KEY, data_dir, eventually, fake, prompt_body, real};

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn changed_settings_apply_to_new_requests_and_keep_answers_responses_and_threads() {
    let proxy = real().start().await;
    let body = json!({"model": "gpt-5.5", "input": "[[say=stored]]"});
    let stored: Value = proxy.post("/v1/responses", &body).await.json().await.unwrap();
    let mut open = proxy.stream("[[words=3 hold=1]]").await;
    open.next_text().await;
    let cached = proxy.handle.codex().plain().cached_threads().await.unwrap();

    let changed = Settings {
        api_keys: vec![Key::new(KEY)],
        codex_path: Some(codex_under_test()),
        data_dir: data_dir(proxy.folder.path()),
        max_turns: serde_json::from_value(json!(3)).unwrap(),
        model_aliases: Aliases::from([("gpt-4o".to_owned(), "gpt-5.5".to_owned())]),
        reasoning: ReasoningFormat::Think,
        allowed_hosts: vec!["laptop.lan".to_owned()],
        ..Settings::default()
    };
    proxy.handle.apply(changed).unwrap();

    let mut body = prompt_body("[[reasoning=1 say=renamed]]");
    body["model"] = "gpt-4o".into();
    let answer: Value = proxy.chat(&body).await.json().await.unwrap();
    let content = answer["choices"][0]["message"]["content"].as_str().unwrap();
    assert!(content.starts_with("<think>") && content.ends_with("renamed"), "{content}");
    let by_name = proxy.get("/health").header("host", "laptop.lan");
    let health: Value = by_name.send().await.unwrap().json().await.unwrap();
    assert_eq!(health["turns"]["most"], 3, "{health}");

    assert_eq!(proxy.handle.codex().plain().cached_threads().await.unwrap(), cached + 1);
    let again = proxy.get(&format!("/v1/responses/{}", stored["id"].as_str().unwrap()));
    assert_eq!(again.send().await.unwrap().json::<Value>().await.unwrap()["id"], stored["id"]);
    proxy.release_model().await;
    let rest = open.rest().await;
    assert_eq!(rest.last().unwrap(), "[DONE]", "{rest:?}");
}

#[tokio::test]
async fn fewer_turns_at_once_end_prewarmed_threads() {
    let proxy = fake("methods-file={folder}/methods").start().await;
    proxy.handle.codex().plain().ready().await.unwrap();
    let methods = proxy.folder.path().join("methods");
    let count = |method: &str| {
        std::fs::read_to_string(&methods).unwrap().lines().filter(|line| *line == method).count()
    };
    // What codex can do is probed with a call that fails.
    let probed = count("thread/start");
    assert_eq!(proxy.ask("hi").await.status(), 200);
    eventually("a chat has a thread, and two are prewarmed", || count("thread/start") == probed + 3).await;
    let changed = Settings {
        api_keys: vec![Key::new(KEY)],
        codex_path: Some(fake_codex()),
        data_dir: data_dir(proxy.folder.path()),
        max_turns: serde_json::from_value(json!(1)).unwrap(),
        ..Settings::default()
    };
    proxy.handle.apply(changed).unwrap();
    eventually("one of them ends", || count("thread/unsubscribe") == 1).await;
}
