//! An app with the real codex and the sample model in a temporary home.

use std::path::{Path, PathBuf};

use codex_client::Environment;
use desktop::app::{App, AppOptions};
use desktop::keychain::MemoryStore;
use reqwest::RequestBuilder;
use sample_model::{SampleModel, codex_home, under_test};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::app::free_port;
use crate::support::{KEY, folder, sample_model};

pub(crate) struct Opened {
    pub(crate) app: App,
    pub(crate) model: SampleModel,
    pub(crate) port: u16,
    environment: Environment,
    home: TempDir,
}

impl Opened {
    /// Opens an app with these settings, whose `CODEX_HOME` is written by `write_home`. codex works in [`work`](Self::work).
    pub(crate) async fn new(write_home: fn(&Path, &str) -> std::io::Result<()>, settings: Value) -> Self {
        let (model, home, port) = (sample_model().await, folder(), free_port());
        let codex_home = home.path().join(".codex");
        let (data, work) = (home.path().join("data"), home.path().join("work"));
        std::fs::create_dir_all(&work).unwrap();
        codex_home::write_installation_id(&data.join("codex-home")).unwrap();
        codex_home::write_installation_id(&codex_home).unwrap();
        write_home(&codex_home, &model.base_url()).unwrap();
        let mut stored = json!({"version": 1, "port": port, "workspace": work});
        stored.as_object_mut().unwrap().extend(settings.as_object().unwrap().clone());
        std::fs::write(data.join("settings.json"), stored.to_string()).unwrap();
        let environment = Environment::from_process()
            .with("HOME", home.path())
            .with("CODEX_HOME", &codex_home)
            .with("TMPDIR", codex_home::temp_dir(home.path()).unwrap())
            .with("CODEX_PATH", under_test::codex_under_test())
            .with("API_KEYS", KEY);
        let app = start(data, environment.clone()).await;
        Self { app, model, port, environment, home }
    }

    /// The app's data folder.
    pub(crate) fn data(&self) -> PathBuf {
        self.home.path().join("data")
    }

    /// The working folder.
    pub(crate) fn work(&self) -> PathBuf {
        self.home.path().join("work")
    }

    /// Quits the app and opens it again.
    pub(crate) async fn restart(&mut self) {
        self.app.shutdown().await;
        self.app = start(self.data(), self.environment.clone()).await;
    }

    /// A chat request.
    pub(crate) fn chat(&self, body: &Value) -> RequestBuilder {
        let url = format!("http://127.0.0.1:{}/v1/chat/completions", self.port);
        reqwest::Client::new().post(url).bearer_auth(KEY).json(body)
    }
}

async fn start(data: PathBuf, environment: Environment) -> App {
    let options = AppOptions::new(data, environment, false);
    App::open(options.with_secrets(MemoryStore::default())).await.unwrap()
}
