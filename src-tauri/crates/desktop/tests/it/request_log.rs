//! What real requests leave on disk.

use std::path::Path;
use std::sync::Arc;

use desktop::request_log::{ExchangeQuery, MAX_DATABASE_BYTES, RequestDatabase, RequestDatabaseOptions};
use proxy::KeyFile;

use crate::key_places::{CHOSEN, WRONG, assert_contains_no_key, files, requests};
use crate::support::{KEY, fake, folder, prompt_body, real};

async fn open_log(folder: &Path, keep_texts: bool) -> RequestDatabase {
    let options = RequestDatabaseOptions {
        path: folder.join("requests.sqlite"),
        keep_days: 30,
        keep_texts,
        max_bytes: MAX_DATABASE_BYTES,
        now_ms: Arc::new(|| proxy::unix_now() * 1000),
    };
    RequestDatabase::open(options).await
}

#[tokio::test]
async fn no_key_is_in_the_request_log_or_its_database() {
    let folder = folder();
    // With texts, the most that can be stored.
    let log = open_log(folder.path(), true).await;
    let mut plan = fake("");
    plan.settings.api_keys = CHOSEN.map(proxy::Key::new).into();
    plan.request_log = Some(log.reports());
    let proxy = plan.start().await;
    let (made, _) = KeyFile::in_folder(&proxy.folder.path().join("data")).create("made", 1).unwrap();
    let keys: Vec<&str> = CHOSEN.into_iter().chain([WRONG[0], made.reveal()]).collect();
    for key in &keys {
        for request in requests(|method, path| proxy.anonymous(method, path), key, made.reveal()) {
            request.send().await.unwrap().bytes().await.unwrap();
        }
    }
    let rows = log.query(ExchangeQuery::default()).await;
    assert!(rows.len() > 20);
    for row in rows {
        let detail = format!("{:?}", log.detail(&row.id).await);
        assert_contains_no_key("a row", detail.as_bytes(), &keys);
    }
    log.close().await;
    let files = files(folder.path());
    assert!(files.iter().any(|(name, _)| name.ends_with("requests.sqlite")));
    for (name, bytes) in files {
        assert_contains_no_key(&name, &bytes, &keys);
    }
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn no_prompt_answer_or_key_is_on_disk() {
    let folder = folder();
    let log = open_log(folder.path(), false).await;
    let mut plan = real();
    plan.request_log = Some(log.reports());
    let proxy = plan.start().await;
    assert_eq!(proxy.chat(&prompt_body("[[say=\"unmistakable words\"]]")).await.status(), 200);
    log.close().await;
    for entry in std::fs::read_dir(folder.path()).unwrap().flatten() {
        if entry.file_type().unwrap().is_file() {
            let bytes = std::fs::read(entry.path()).unwrap();
            let text = String::from_utf8_lossy(&bytes);
            assert!(!text.contains("unmistakable") && !text.contains(KEY), "{entry:?}");
        }
    }
}
