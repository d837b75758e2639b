// Unix only: codex is a script of sh here; `script`, `folders` and tests/it/paths.rs have those of Windows.
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
    Search { setting: setting.map(Path::to_owned), own: None, environment }
}

#[tokio::test]
async fn setting_takes_precedence_over_path() {
    let home = tempfile::tempdir().unwrap();
    let set = put_codex(&home.path().join("set"));
    put_codex(&home.path().join("path"));
    let environment = Environment::default().with("PATH", home.path().join("path"));
    let found = search(Some(&set), environment).run().await.unwrap();
    assert_eq!((found.path.as_path(), found.by), (set.as_path(), FoundBy::Setting));
}

#[tokio::test]
async fn error_on_a_bad_setting_names_the_reason() {
    let home = tempfile::tempdir().unwrap();
    let plain = home.path().join("plain");
    std::fs::write(&plain, "").unwrap();
    for (path, reason) in [
        (home.path().join("none"), "does not exist"),
        (home.path().to_owned(), "is a folder"),
        (plain, "is not executable"),
    ] {
        let error = search(Some(&path), Environment::default()).run().await.unwrap_err();
        assert!(error.to_string().contains(reason), "{error}");
        assert!(error.to_string().contains(&path.display().to_string()), "{error}");
    }
}

#[tokio::test]
async fn nothing_else_is_searched_when_the_setting_is_bad() {
    let home = tempfile::tempdir().unwrap();
    put_codex(&home.path().join("path"));
    let environment = Environment::default().with("PATH", home.path().join("path"));
    let missing = home.path().join("missing/codex");
    assert!(matches!(search(Some(&missing), environment).run().await, Err(CodexError::BadPath { .. })));
}

#[tokio::test]
async fn codex_is_found_through_the_login_shell() {
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
async fn newest_nvm_node_is_preferred_and_comes_first_on_codexs_path() {
    let home = tempfile::tempdir().unwrap();
    put_codex(&home.path().join(".nvm/versions/node/v9.9.9/bin"));
    let newest = put_codex(&home.path().join(".nvm/versions/node/v22.1.0/bin"));
    let environment = Environment::default().with("HOME", home.path()).with("PATH", "/nowhere");
    let found = search(None, environment).run().await.unwrap();
    assert_eq!((found.path.as_path(), found.by), (newest.as_path(), FoundBy::InstallFolder));
    let path = found.environment.path_folders();
    assert!(path.starts_with(&[newest.parent().unwrap().to_owned(), "/nowhere".into()]), "{path:?}");
}

#[tokio::test]
async fn codex_of_an_installer_finds_node_though_no_shell_tells_where_it_is() {
    let home = tempfile::tempdir().unwrap();
    let codex = put_codex(&home.path().join(".npm-global/bin"));
    std::fs::write(&codex, "#!/usr/bin/env our-node\n").unwrap();
    let node = put_codex(&home.path().join(".asdf/shims")).with_file_name("our-node");
    std::fs::rename(node.with_file_name("codex"), &node).unwrap();
    // As an app opened in the Finder.
    let environment = Environment::default().with("HOME", home.path()).with("PATH", "/usr/bin:/bin");
    let found = search(None, environment).run().await.unwrap();
    assert_eq!((found.path.as_path(), found.by), (codex.as_path(), FoundBy::InstallFolder));
    assert_eq!(found.version().await.unwrap(), "1.2.3");
}

#[tokio::test]
async fn missing_codex_is_not_found() {
    let home = tempfile::tempdir().unwrap();
    let environment = Environment::default().with("HOME", home.path()).with("PATH", home.path());
    // System folders are searched too, so this cannot be tested where codex is installed in one.
    if first_codex(&install_folders(&environment)).is_none() {
        assert!(matches!(search(None, environment).run().await, Err(CodexError::NotFound)));
    }
}

#[tokio::test]
async fn version_is_read_from_the_binary() {
    let home = tempfile::tempdir().unwrap();
    let codex = put_codex(home.path());
    let found =
        search(Some(&codex), Environment::default().with("PATH", "/usr/bin:/bin")).run().await.unwrap();
    assert_eq!(found.version().await.unwrap(), "1.2.3");
}

#[tokio::test]
async fn the_apps_own_codex_is_found_after_the_path_and_without_a_login_shell() {
    let home = tempfile::tempdir().unwrap();
    let data = home.path().join("data");
    let own = put_codex(&own_folder(&data).join("node_modules/.bin"));
    let shell = home.path().join("shell");
    std::fs::write(&shell, "#!/bin/sh\ntouch \"$HOME/shell-ran\"\n").unwrap();
    std::fs::set_permissions(&shell, std::fs::Permissions::from_mode(0o755)).unwrap();
    let environment = Environment::default()
        .with("HOME", home.path())
        .with("SHELL", &shell)
        .with("PATH", home.path().join("path"));
    let search = Search { own: Some(own_folder(&data)), ..search(None, environment) };
    let found = search.run().await.unwrap();
    assert_eq!((found.path.as_path(), found.by), (own.as_path(), FoundBy::Own));
    assert_eq!(search.glance(), Some(own));
    assert!(!home.path().join("shell-ran").exists());
    let on_path = put_codex(&home.path().join("path"));
    assert_eq!(search.run().await.unwrap().path, on_path);
    assert_eq!(search.glance(), Some(on_path));
}

#[test]
fn another_program_is_found_with_its_own_folder_first_on_its_path() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join(".nvm/versions/node/v22.1.0/bin");
    let npm = put_codex(&folder).with_file_name("npm");
    std::fs::rename(folder.join("codex"), &npm).unwrap();
    let environment = Environment::default().with("HOME", home.path()).with("PATH", "/nowhere");
    let found = find_program("npm", &environment).unwrap();
    assert_eq!(found.path, npm);
    assert_eq!(found.environment.path_folders(), [folder.clone(), "/nowhere".into()]);
    assert!(is_searched(&folder, &environment) && is_searched(Path::new("/nowhere"), &environment));
    assert!(!is_searched(home.path(), &environment));
}
