//! Tests of the first start, with stand-ins for package managers that install fake-codex.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use codex_client::Environment;
use desktop::app::{App, AppOptions, RecipeText};
use desktop::keychain::MemoryStore;
use desktop::setup::{FirstApp, SetupStep, SetupView};
use sample_model::under_test;
use serde_json::json;
use tempfile::TempDir;

use crate::support::{KEY, TIMEOUT, folder, prompt_body};

/// Answers `prefix` with a folder that is on the `PATH`, and installs codex into it.
const NPM: &str = r#"case "$1 $2" in
"prefix --global") echo "$HOME/prefix" ;;
"install -g") echo "npm http fetch GET 200"; ln -s "$HOME/codex" "$HOME/prefix/bin/codex" ;;
esac"#;

/// A home without codex.
struct Home {
    folder: TempDir,
    port: u16,
}

impl Home {
    fn new() -> Self {
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let home = Self { folder: folder(), port };
        std::fs::create_dir_all(home.path("data")).unwrap();
        let settings = json!({"version": 1, "port": port}).to_string();
        std::fs::write(home.path("data/settings.json"), settings).unwrap();
        // What the stand-ins install: it is signed in once there is an `auth.json`.
        let codex = format!(
            "[ -e \"$HOME/.codex/auth.json\" ] || export FAKE_CODEX=not-signed-in\nexec '{}' \"$@\"",
            under_test::fake_codex().display()
        );
        home.script("codex", &codex);
        home.script("prefix/bin/node", "echo v20.11.0");
        home
    }

    fn path(&self, below: &str) -> PathBuf {
        self.folder.path().join(below)
    }

    fn script(&self, below: &str, text: &str) {
        let path = self.path(below);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn sign_in(&self) {
        std::fs::create_dir_all(self.path(".codex")).unwrap();
        std::fs::write(self.path(".codex/auth.json"), "{}").unwrap();
    }

    async fn open(&self) -> App {
        let environment = Environment::default()
            .with("HOME", self.folder.path())
            .with("PATH", format!("{}:/usr/bin:/bin", self.path("prefix/bin").display()))
            .with("API_KEYS", KEY);
        let options = AppOptions::new(self.path("data"), environment, false);
        App::open(options.with_secrets(MemoryStore::default())).await.unwrap()
    }

    async fn ask(&self, model: &str) -> reqwest::StatusCode {
        let url = format!("http://127.0.0.1:{}/v1/chat/completions", self.port);
        let mut body = prompt_body("hi");
        body["model"] = model.into();
        reqwest::Client::new().post(url).bearer_auth(KEY).json(&body).send().await.unwrap().status()
    }
}

/// Waits until the card is as wanted.
async fn until(app: &App, what: &str, is_so: impl Fn(&SetupView) -> bool) -> SetupView {
    let waiting = async {
        loop {
            if let Some(view) = app.overview().setup
                && is_so(&view)
            {
                return view;
            }
            tokio::task::yield_now().await;
        }
    };
    let waited = tokio::time::timeout(TIMEOUT, waiting).await;
    waited.unwrap_or_else(|_| panic!("never {what}: {:?}", app.overview().setup))
}

async fn can_install(app: &App) -> SetupView {
    until(app, "there is a command", |view| view.install_command.is_some()).await
}

#[tokio::test]
async fn the_first_start_leads_from_no_codex_to_the_first_answer_and_never_comes_back() {
    let home = Home::new();
    home.script("prefix/bin/npm", NPM);
    let app = home.open().await;
    let view = can_install(&app).await;
    assert_eq!((view.step, view.checking), (SetupStep::Codex, false));
    assert_eq!(view.install_command.as_deref(), Some("npm install -g @openai/codex"));
    app.install_codex().unwrap();
    until(&app, "it is installed", |view| view.step == SetupStep::Account && view.install.is_none()).await;
    home.sign_in();
    let view = until(&app, "it is signed in", |view| view.step == SetupStep::FirstApp).await;
    assert_eq!(view.first_app, FirstApp::Waiting);
    // The window's own prompts do not count.
    app.check_connection("openWebUi", None, |_| ()).await.unwrap();
    assert_eq!(home.ask("no-such-model").await, 404);
    until(&app, "the failure is shown", |view| matches!(view.first_app, FirstApp::Failed { .. })).await;
    assert_eq!(home.ask("codex-local").await, 200);
    let view = until(&app, "there is an answer", |view| view.step == SetupStep::Done).await;
    assert!(matches!(view.first_app, FirstApp::Answered { ms: 1.., .. }), "{view:?}");
    app.skip_setup().await.unwrap();
    assert_eq!(app.overview().setup, None);
    app.shutdown().await;

    let app = home.open().await;
    assert_eq!(app.overview().setup, None, "after a restart");
    app.reopen_setup().await;
    let view = until(&app, "it is back", |view| view.step == SetupStep::FirstApp).await;
    assert_eq!(view.first_app, FirstApp::Waiting, "old answers do not count");
    app.shutdown().await;
}

#[tokio::test]
async fn people_whose_apps_had_answers_never_see_the_first_start() {
    let home = Home::new();
    home.script("prefix/bin/codex", &std::fs::read_to_string(home.path("codex")).unwrap());
    home.sign_in();
    let app = home.open().await;
    assert!(app.overview().setup.is_some());
    assert_eq!(home.ask("codex-local").await, 200);
    app.shutdown().await;
    let app = home.open().await;
    assert_eq!(app.overview().setup, None);
    app.shutdown().await;
}

#[tokio::test]
async fn where_npm_may_not_install_globally_codex_goes_into_the_data_folder_and_is_found() {
    let home = Home::new();
    home.script(
        "prefix/bin/npm",
        r#"[ "$1" = prefix ] && echo /proc/none && exit
[ "$1 $2" = "install --prefix" ] && mkdir -p "$3/node_modules/.bin" && ln -s "$HOME/codex" "$3/node_modules/.bin/codex""#,
    );
    let app = home.open().await;
    let command = can_install(&app).await.install_command.unwrap();
    assert!(command.starts_with("npm install --prefix ") && command.ends_with(" @openai/codex"), "{command}");
    app.install_codex().unwrap();
    until(&app, "it is installed", |view| view.step == SetupStep::Account).await;
    app.shutdown().await;
}

#[tokio::test]
async fn homebrew_installs_codex_where_node_is_too_old() {
    let home = Home::new();
    home.script("prefix/bin/node", "echo v14.21.3");
    home.script("prefix/bin/npm", NPM);
    home.script(
        "prefix/bin/brew",
        r#"[ "$*" = "install --cask codex" ] && ln -s "$HOME/codex" "$HOME/prefix/bin/codex""#,
    );
    let app = home.open().await;
    let view = can_install(&app).await;
    assert_eq!(view.install_command.as_deref(), Some("brew install --cask codex"));
    app.install_codex().unwrap();
    until(&app, "it is installed", |view| view.step == SetupStep::Account).await;
    app.shutdown().await;
}

#[tokio::test]
async fn a_failed_installation_is_explained_with_its_output() {
    let home = Home::new();
    home.script(
        "prefix/bin/npm",
        r#"[ "$1" = prefix ] && echo "$HOME/prefix" && exit
echo "npm error code ENOTFOUND" >&2; exit 1"#,
    );
    let app = home.open().await;
    can_install(&app).await;
    app.install_codex().unwrap();
    let failed = |view: &SetupView| view.install.as_ref().is_some_and(|install| install.error.is_some());
    let install = until(&app, "it has failed", failed).await.install.unwrap();
    assert_eq!(install.output, ["npm error code ENOTFOUND"]);
    assert!(install.error.unwrap().contains("can't be reached"));
    // Another try forgets the failure; so does a codex that appears.
    std::os::unix::fs::symlink(home.path("codex"), home.path("prefix/bin/codex")).unwrap();
    until(&app, "codex is there", |view| view.step == SetupStep::Account).await;
    app.shutdown().await;
}

/// Waits until the process has ended.
async fn ends(pid: &str) {
    let ended = async {
        while under_test::is_running(pid) {
            tokio::task::yield_now().await;
        }
    };
    assert!(tokio::time::timeout(TIMEOUT, ended).await.is_ok(), "{pid} runs");
}

async fn written(file: &Path) -> String {
    let wait = async {
        loop {
            let text = std::fs::read_to_string(file).unwrap_or_default();
            if text.ends_with('\n') {
                return text.trim().to_owned();
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(TIMEOUT, wait).await.unwrap()
}

#[tokio::test]
async fn a_cancelled_installation_ends_with_everything_it_started() {
    let home = Home::new();
    home.script(
        "prefix/bin/npm",
        r#"[ "$1" = prefix ] && echo "$HOME/prefix" && exit
sleep 600 & echo $! > "$HOME/child"; wait"#,
    );
    let app = home.open().await;
    can_install(&app).await;
    app.install_codex().unwrap();
    until(&app, "it runs", |view| view.install.is_some()).await;
    let child = written(&home.path("child")).await;
    app.cancel_install();
    ends(&child).await;
    until(&app, "it is cancelled", |view| view.install.is_none()).await;
    app.shutdown().await;
}

#[tokio::test]
async fn the_address_and_the_key_are_copied_as_the_app_wants_them() {
    let home = Home::new();
    let app = home.open().await;
    let first_key = async {
        while !app.keys().await.unwrap().iter().any(|key| key.can_copy) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(TIMEOUT, first_key).await.unwrap();
    let secret = |text| match text {
        RecipeText::Secret(text) => text,
        RecipeText::Plain(text) => panic!("{text} has no key"),
    };
    let both = async |recipe| secret(app.both_text(recipe, None, None).await.unwrap());
    let url = format!("http://127.0.0.1:{}/v1", home.port);
    let any = both(None).await;
    let key = any.strip_prefix(&format!("OPENAI_BASE_URL={url}\nOPENAI_API_KEY=")).unwrap().to_owned();
    assert!(key.starts_with("sk-") && !key.contains('…'), "{key}");
    assert_eq!(both(Some("openWebUi")).await, any);
    let recipes = app.recipes(None, None).await.unwrap();
    let curl = recipes.iter().find(|recipe| recipe.id == "curl").unwrap();
    let command = curl.pieces.iter().position(|piece| !piece.text.contains("/models")).unwrap();
    let curl = secret(app.recipe_text("curl", command, None, None).await.unwrap());
    assert!(curl.contains(&format!("{url}/chat/completions")) && curl.contains(&key), "{curl}");
    app.shutdown().await;
}
