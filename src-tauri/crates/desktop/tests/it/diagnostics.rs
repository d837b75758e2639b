//! Tests of Copy diagnostics.

use std::path::Path;

use codex_client::Environment;
use desktop::app::{App, AppOptions};
use desktop::keychain::MemoryStore;
use desktop::request_log::{MAX_DATABASE_BYTES, RequestDatabase, RequestDatabaseOptions};
use proxy::{Arrival, Recorder};
use proxy::{Key, KeyFile};
use serde_json::json;

use crate::support::{eventually, folder, home_for, sample_model};

/// Adds a failed request with private texts to the app's log.
async fn add_failed_request(data: &Path) {
    let options = RequestDatabaseOptions {
        path: data.join("requests.sqlite"),
        keep_days: 3650,
        keep_texts: true,
        max_bytes: MAX_DATABASE_BYTES,
        now_ms: std::sync::Arc::new(|| proxy::unix_now() * 1000),
    };
    let log = RequestDatabase::open(options).await;
    let arrival = Arrival {
        id: "1".into(),
        request_id: "req_of_the_failed_one".into(),
        key: "my own laptop".into(),
        client: "an odd client".into(),
        model: "model's name".into(),
        request_text: Some("an unmistakable prompt".into()),
        ..Arrival::default()
    };
    let entry = Recorder::begin(&log.reports(), arrival);
    entry.text("an unmistakable answer");
    entry.failed(404, "model_not_found", "The model \"model's name\" does not exist.");
    log.close().await;
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn diagnostics_contain_versions_settings_and_errors_but_no_keys_or_texts() {
    let (folder, model) = (folder(), sample_model().await);
    home_for(folder.path(), &model);
    let data = folder.path().join("data");
    std::fs::create_dir_all(&data).unwrap();
    let settings = json!({"version":1,"start_proxy":false,"keep_texts":true,"port":8123,
        "workspace":folder.path().join("work"),"model_aliases":{"gpt-4o":"gpt-5.5"}});
    std::fs::write(data.join("settings.json"), settings.to_string()).unwrap();
    let (stored, _) = KeyFile::in_folder(&data).create("my own laptop", 1).unwrap();
    add_failed_request(&data).await;
    let environment = Environment::from_process()
        .with("HOME", folder.path())
        .with("USERPROFILE", folder.path())
        .with("CODEX_HOME", folder.path().join(".codex"))
        .with("CODEX_PATH", sample_model::under_test::codex_under_test())
        .with("API_KEYS", "env-key");
    let options = AppOptions::new(data, environment, false).with_secrets(MemoryStore::default());
    let app = App::open(options).await.unwrap();
    eventually("codex was probed", || app.overview().codex.version.is_some()).await;
    let text = app.diagnostics().await;
    for wanted in [
        concat!("Codex Proxy ", env!("CARGO_PKG_VERSION")),
        std::env::consts::ARCH,
        "--  the proxy is stopped",
        "ok  codex 0.",
        "streams answers",
        "keys: 1\n",
        "GMT  404  model_not_found  req_of_the_failed_one\n",
        "port: 8123",
        &format!("{:?}", Path::new("~").join("work")),
        "\"gpt-4o\": \"gpt-5.5\"",
    ] {
        assert!(text.contains(wanted), "{wanted} in {text}");
    }
    let home = folder.path().display().to_string();
    let secret = Key::reveal(&stored);
    for not in [secret, "env-key", "unmistakable", "laptop", "odd client", "model's name", &home] {
        assert!(!text.contains(not), "{not} in {text}");
    }
    app.shutdown().await;
}
