#![cfg(unix)]

use std::os::unix::fs::PermissionsExt;

use super::*;

fn put_codex(folder: &Path) -> PathBuf {
    std::fs::create_dir_all(folder).unwrap();
    let path = folder.join("codex");
    std::fs::write(&path, "#!/bin/sh\necho codex-cli 1.2.3\n").unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    path
}

fn search(setting: Option<&Path>, environment: Environment) -> Search {
    Search { setting: setting.map(Path::to_owned), environment }
}

#[tokio::test]
async fn the_setting_wins_over_the_path() {
    let home = tempfile::tempdir().unwrap();
    let set = put_codex(&home.path().join("set"));
    put_codex(&home.path().join("path"));
    let environment = Environment::default().with("PATH", home.path().join("path"));
    let found = search(Some(&set), environment).run().await.unwrap();
    assert_eq!((found.path.as_path(), found.by), (set.as_path(), FoundBy::Setting));
}

#[tokio::test]
async fn a_setting_that_names_nothing_runnable_says_what_is_wrong() {
    let home = tempfile::tempdir().unwrap();
    let plain = home.path().join("plain");
    std::fs::write(&plain, "").unwrap();
    for (path, reason) in [
        (home.path().join("none"), "does not exist"),
        (home.path().to_owned(), "is a folder"),
        (plain, "may not be run"),
    ] {
        let error = search(Some(&path), Environment::default()).run().await.unwrap_err();
        assert!(error.to_string().contains(reason), "{error}");
        assert!(error.to_string().contains(&path.display().to_string()), "{error}");
    }
}

#[tokio::test]
async fn nothing_else_is_looked_at_when_the_setting_is_wrong() {
    let home = tempfile::tempdir().unwrap();
    put_codex(&home.path().join("path"));
    let environment = Environment::default().with("PATH", home.path().join("path"));
    let missing = home.path().join("missing/codex");
    assert!(matches!(search(Some(&missing), environment).run().await, Err(CodexError::BadPath { .. })));
}

#[tokio::test]
async fn a_desktop_start_finds_it_by_the_login_shell() {
    let home = tempfile::tempdir().unwrap();
    let codex = put_codex(&home.path().join("shell"));
    let profile = format!("PATH={}:$PATH\n", home.path().join("shell").display());
    std::fs::write(home.path().join(".profile"), profile).unwrap();
    let environment = Environment::default()
        .with("HOME", home.path())
        .with("SHELL", "/bin/sh")
        .with("PATH", "/usr/bin:/bin");
    let found = search(None, environment).run().await.unwrap();
    assert_eq!((found.path.as_path(), found.by), (codex.as_path(), FoundBy::LoginShell));
}

#[tokio::test]
async fn the_newest_node_of_nvm_comes_first_and_its_folder_leads_the_path_of_codex() {
    let home = tempfile::tempdir().unwrap();
    put_codex(&home.path().join(".nvm/versions/node/v9.9.9/bin"));
    let newest = put_codex(&home.path().join(".nvm/versions/node/v22.1.0/bin"));
    let environment = Environment::default().with("HOME", home.path()).with("PATH", "/nowhere");
    let found = search(None, environment).run().await.unwrap();
    assert_eq!((found.path.as_path(), found.by), (newest.as_path(), FoundBy::UsualFolder));
    let path = found.environment.path_folders();
    assert_eq!(path, [newest.parent().unwrap().to_owned(), "/nowhere".into()]);
}

#[tokio::test]
async fn a_machine_without_codex_says_so() {
    let home = tempfile::tempdir().unwrap();
    let environment = Environment::default().with("HOME", home.path()).with("PATH", home.path());
    // The folders of the system are searched as well; a machine that has codex there cannot show this.
    if first_codex(&usual_folders(&environment)).is_none() {
        assert!(matches!(search(None, environment).run().await, Err(CodexError::NotFound)));
    }
}

#[tokio::test]
async fn the_version_is_asked_for() {
    let home = tempfile::tempdir().unwrap();
    let codex = put_codex(home.path());
    let found =
        search(Some(&codex), Environment::default().with("PATH", "/usr/bin:/bin")).run().await.unwrap();
    assert_eq!(found.version().await.unwrap(), "1.2.3");
}
