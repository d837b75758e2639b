//! Chats that codex keeps: by the settings, the folder and the key, reported to the request log, and found again.

use codex_client::KeptChat;
use proxy::settings::FolderModel;
use proxy::{KeyFile, KeyLimits};
use serde_json::{Value, json};

use crate::support::{TestProxy, data_dir, folder, prompt_body, real};

/// Sends a chat to a model, and returns what the log says about it.
async fn chat(proxy: &TestProxy, key: &str, model: &str, mut body: Value) -> Option<KeptChat> {
    body["model"] = model.into();
    let request = proxy.http.post(format!("http://{}/v1/chat/completions", proxy.address));
    let response = request.bearer_auth(key).json(&body).send().await.unwrap();
    assert_eq!(response.status(), 200, "{}", response.text().await.unwrap());
    proxy.log.newest().chat
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn chats_are_kept_by_the_settings_the_folder_or_the_key() {
    for (setting, of_folder, of_key, keeps) in [
        (false, None, None, false),
        (true, None, None, true),
        (false, None, Some(true), true),
        (true, None, Some(false), false),
        (true, Some(None), None, true),
        (false, Some(Some(true)), None, true),
        (true, Some(Some(false)), None, false),
        (true, Some(Some(true)), Some(false), false),
    ] {
        let below = folder();
        let web = |keep| FolderModel {
            name: "web".to_owned(),
            folder: below.path().to_owned(),
            keep,
            ..FolderModel::default()
        };
        let folders: Vec<_> = of_folder.map(web).into_iter().collect();
        let model = folders.first().map_or("codex-local".to_owned(), FolderModel::id);
        let proxy =
            real().settings(|settings| (settings.keep_chats, settings.folders) = (setting, folders)).start();
        let proxy = proxy.await;
        let keys = KeyFile::in_folder(&data_dir(proxy.folder.path()));
        let limits = KeyLimits { keep_chats: of_key, ..KeyLimits::default() };
        let (key, _) = keys.create_limited("laptop", limits, 5).unwrap();
        let kept = chat(&proxy, key.reveal(), &model, prompt_body("[[words=1]]")).await;
        assert_eq!(kept.is_some(), keeps, "{setting} {of_folder:?} {of_key:?}");
        if let Some(KeptChat { thread, folder }) = kept {
            assert!(folder.is_absolute() && folder.is_dir(), "{folder:?}");
            let list =
                std::fs::read_to_string(data_dir(proxy.folder.path()).join("kept-chats.json")).unwrap();
            assert!(list.contains(&thread) && !list.contains("words"), "{list}");
        }
    }
    assert!(!proxy::settings::Settings::default().keep_chats);
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn several_answers_and_those_of_plain_models_are_not_kept() {
    let proxy = real().settings(|settings| settings.keep_chats = true).start().await;
    let (key, _) = KeyFile::in_folder(&data_dir(proxy.folder.path())).create("laptop", 5).unwrap();
    let mut two = prompt_body("[[words=1]]");
    two["n"] = 2.into();
    assert_eq!(chat(&proxy, key.reveal(), "codex-local", two).await, None);
    assert_eq!(chat(&proxy, key.reveal(), "gpt-5.5", prompt_body("[[words=1]]")).await, None);
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn follow_up_goes_on_in_the_kept_chat_and_only_with_its_key() {
    let proxy = real().settings(|settings| settings.keep_chats = true).start().await;
    let keys = KeyFile::in_folder(&data_dir(proxy.folder.path()));
    let [mine, other] = ["mine", "other"].map(|name| keys.create(name, 5).unwrap().0);
    let follow_up = || {
        json!({"messages": [
            {"role": "user", "content": "[[words=1]]"},
            {"role": "assistant", "content": "word1 "},
            {"role": "user", "content": "[[words=2]]"},
        ]})
    };
    let first = chat(&proxy, mine.reveal(), "codex-local", prompt_body("[[words=1]]")).await.unwrap();
    let others = chat(&proxy, other.reveal(), "codex-local", follow_up()).await.unwrap();
    assert_ne!(others.thread, first.thread);
    // The next codex has no cached threads.
    proxy.handle.codex().restart();
    assert_eq!(chat(&proxy, mine.reveal(), "codex-local", follow_up()).await, Some(first));
}
