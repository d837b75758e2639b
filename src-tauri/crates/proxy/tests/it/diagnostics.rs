//! What can be shown to others who help: from the window's button, and from `codex-proxyd doctor --report`.

use std::path::Path;

use codex_client::Environment;
use proxy::app::{App, AppOptions};
use proxy::journal::{Arrival, Journal, JournalOptions};
use proxy::keychain::MemoryStore;
use proxy::keys::{Key, KeyFile};
use serde_json::json;

use crate::daemon::{a_home, codex_proxyd, run};
use crate::support::{eventually, folder};

/// Fails a request that was made with this text and this name of a key, in the log that the app opens.
async fn with_a_failed_request(data: &Path) {
    let options = JournalOptions {
        path: Some(data.join("requests.sqlite")),
        keep_days: 3650,
        keep_texts: true,
        now_ms: std::sync::Arc::new(|| proxy::server::unix_now() * 1000),
    };
    let journal = Journal::open(options).await;
    let arrival = Arrival {
        id: "1".into(),
        request_id: "req_of_the_failed_one".into(),
        key: "my own laptop".into(),
        client: "an odd client".into(),
        model: "model's name".into(),
        request_text: Some("an unmistakable prompt".into()),
        ..Arrival::default()
    };
    let entry = journal.begin(arrival);
    entry.text("an unmistakable answer");
    entry.failed(404, "model_not_found", "The model \"model's name\" does not exist.");
    journal.close().await;
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn the_window_copies_versions_settings_and_the_last_errors_and_no_key_and_no_word() {
    let (folder, _model) = a_home().await;
    let data = folder.path().join("data");
    std::fs::create_dir_all(&data).unwrap();
    let settings = json!({"version":1,"start_proxy":false,"keep_texts":true,"port":8123,
        "workspace":folder.path().join("work"),"model_aliases":{"gpt-4o":"gpt-5.5"}});
    std::fs::write(data.join("settings.json"), settings.to_string()).unwrap();
    let (stored, _) = KeyFile::in_folder(&data).create("my own laptop", 1).unwrap();
    with_a_failed_request(&data).await;
    let environment = Environment::of_this_process()
        .with("HOME", folder.path())
        .with("USERPROFILE", folder.path())
        .with("CODEX_HOME", folder.path().join(".codex"))
        .with("CODEX_PATH", sample_model::under_test::codex_under_test())
        .with("API_KEYS", "brought-along");
    let options = AppOptions::new(data, environment, false).with_secrets(MemoryStore::default());
    let app = App::open(options).await.unwrap();
    eventually("codex was looked at", || app.overview().codex.version.is_some()).await;
    let text = app.diagnostics().await;
    for wanted in [
        concat!("Codex Proxy ", env!("CARGO_PKG_VERSION")),
        std::env::consts::ARCH,
        "--  the proxy does not run",
        "ok  codex 0.",
        "answers word by word",
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
    for not in [secret, "brought-along", "unmistakable", "laptop", "odd client", "model's name", &home] {
        assert!(!text.contains(not), "{not} in {text}");
    }
    app.shutdown().await;
}

#[tokio::test]
async fn the_doctor_prints_the_same_for_the_proxy_without_a_window() {
    let folder = folder();
    let mut command = codex_proxyd(folder.path());
    let command = command
        .env("CODEX_PATH", sample_model::under_test::fake_codex())
        .env("API_KEYS", "sk-local-key,my-own-secret")
        .args(["doctor", "--report", "--port", "0", "--data-dir", "data", "--log-level", "debug"]);
    let (ok, text, error) = run(command).await;
    assert!(ok && error.is_empty(), "{text}{error}");
    for wanted in [
        concat!("codex-proxyd ", env!("CARGO_PKG_VERSION"), "\n"),
        "ok  there are 2 keys",
        &format!("the data folder {} can be written", Path::new("~").join("data").display()),
        "log_level: Debug",
        "Last errors",
    ] {
        assert!(text.contains(wanted), "{wanted} in {text}");
    }
    let home = folder.path().display().to_string();
    for not in ["sk-local", "my-own-secret", &home] {
        assert!(!text.contains(not), "{not} in {text}");
    }
}
