//! Tests that the app notices a repaired codex by itself.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use codex_client::Environment;
use desktop::app::{App, AppOptions, CodexState, Overview};
use desktop::keychain::MemoryStore;
use sample_model::under_test;
use tempfile::TempDir;

use crate::support::{TIMEOUT, folder};

/// An app with `path` as its `PATH`, and no login shell unless `home` has a profile.
async fn open(home: &TempDir, path: &Path) -> App {
    let environment = Environment::default()
        .with("HOME", home.path())
        .with("SHELL", "/bin/sh")
        .with("PATH", format!("{}:/usr/bin:/bin", path.display()));
    let options = AppOptions::new(home.path().join("data"), environment, false);
    std::fs::create_dir_all(home.path().join("data")).unwrap();
    std::fs::write(home.path().join("data/settings.json"), r#"{"version":1,"start_proxy":false}"#).unwrap();
    App::open(options.with_secrets(MemoryStore::default())).await.unwrap()
}

/// Waits until codex is in this state.
async fn reaches(app: &App, state: CodexState) -> Overview {
    let waiting = async {
        loop {
            let overview = app.overview();
            if overview.codex.state == state
                && (state != CodexState::NotStarted || overview.codex.version.is_some())
            {
                return overview;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(TIMEOUT, waiting)
        .await
        .unwrap_or_else(|_| panic!("{state:?} is not {:?}", app.overview().codex))
}

/// Puts a codex into `folder` that is signed in once the home has an `auth.json`.
fn put_codex(folder: &Path) {
    std::fs::create_dir_all(folder).unwrap();
    let script = format!(
        "#!/bin/sh\n[ -e \"$HOME/.codex/auth.json\" ] || export FAKE_CODEX=not-signed-in\nexec '{}' \"$@\"\n",
        under_test::fake_codex().display()
    );
    let partial = folder.join("partial");
    std::fs::write(&partial, script).unwrap();
    std::fs::set_permissions(&partial, std::fs::Permissions::from_mode(0o755)).unwrap();
    std::fs::rename(partial, folder.join("codex")).unwrap();
}

#[tokio::test]
async fn an_installed_codex_and_a_sign_in_are_noticed_without_a_click() {
    let home = folder();
    let app = open(&home, &home.path().join("path")).await;
    reaches(&app, CodexState::NotFound).await;
    put_codex(&home.path().join("path"));
    reaches(&app, CodexState::NotSignedIn).await;
    std::fs::create_dir_all(home.path().join(".codex")).unwrap();
    std::fs::write(home.path().join(".codex/auth.json"), "{}").unwrap();
    let overview = reaches(&app, CodexState::NotStarted).await;
    assert!(overview.codex.path.is_some());
    app.shutdown().await;
}

#[tokio::test]
async fn a_codex_that_only_the_login_shell_knows_is_noticed_when_the_window_gets_the_focus() {
    let home = folder();
    let app = open(&home, &home.path().join("path")).await;
    reaches(&app, CodexState::NotFound).await;
    put_codex(&home.path().join("shell"));
    std::fs::write(home.path().join(".profile"), "PATH=$HOME/shell:$PATH\n").unwrap();
    app.look_again();
    reaches(&app, CodexState::NotSignedIn).await;
    app.shutdown().await;
}
