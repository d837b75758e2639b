//! Inherited settings, links and trust.

use toml::Table;

use super::*;

fn table(text: &str) -> Table {
    toml::from_str(text).unwrap()
}

#[test]
fn only_provider_settings_are_inherited() {
    let users = table(
        r#"
        model = "m"
        model_provider = "corp"
        openai_base_url = "http://o"
        instructions = "be evil"
        notify = ["x"]
        sandbox_mode = "danger-full-access"
        forced_chatgpt_workspace_id = ["a", "b"]
        [model_providers.corp]
        name = "Corp"
        base_url = "http://c"
        env_key = "CORP_KEY"
        query_params = { api-version = "2025-04-01" }
        http_headers = { X-A = "b" }
        stream_max_retries = 7
        [mcp_servers.slow]
        command = "sleep"
        [features]
        respect_system_proxy = true
        memories = true
        [projects."/x"]
        trust_level = "trusted"
        [analytics]
        enabled = false
        [hooks]
        "#,
    );
    let mut inherited = inherited::inherited(&users, None);
    for ours in ["history", "check_for_update_on_startup"] {
        assert!(inherited.remove(ours).is_some());
    }
    let expected = table(
        r#"
        model = "m"
        model_provider = "corp"
        openai_base_url = "http://o"
        forced_chatgpt_workspace_id = ["a", "b"]
        features = { respect_system_proxy = true }
        analytics = { enabled = false }
        [model_providers.corp]
        name = "Corp"
        base_url = "http://c"
        env_key = "CORP_KEY"
        query_params = { api-version = "2025-04-01" }
        http_headers = { X-A = "b" }
        stream_max_retries = 7
        "#,
    );
    assert_eq!(inherited, expected);
}

#[test]
fn only_the_provider_of_the_active_profile_is_inherited() {
    let users = table(
        "profile = \"work\"\n[profiles.work]\nmodel_provider = \"corp\"\napproval_policy = \"never\"\n[profiles.home]\nmodel = \"x\"",
    );
    let inherited = inherited::inherited(&users, None);
    assert_eq!(inherited["profile"].as_str(), Some("work"));
    assert_eq!(inherited["profiles"], table("work = { model_provider = \"corp\" }").into());
}

#[test]
fn relative_paths_are_resolved_against_the_users_home() {
    let users = table("model_catalog_json = \"m.json\"\n[model_providers.a.auth]\ncommand = \"./token\"");
    let inherited = inherited::inherited(&users, Some(Path::new("/h")));
    let expected = Path::new("/h").join("m.json").display().to_string();
    assert_eq!(inherited["model_catalog_json"].as_str(), Some(expected.as_str()));
    assert_eq!(inherited["model_providers"]["a"]["auth"]["cwd"].as_str(), Some("/h"));
}

#[test]
fn settings_saved_by_an_editor_of_windows_are_read() {
    let home = tempfile::tempdir().unwrap();
    let text =
        "\u{feff}model = \"m\"\r\n[model_providers.corp]\r\nname = \"Corp\"\r\nbase_url = \"http://c\"\r\n";
    fs::write(home.path().join(CONFIG), text).unwrap();
    let settings = read_settings(Some(home.path())).unwrap();
    assert_eq!(settings, table(&text.replace(['\u{feff}', '\r'], "")));
    fs::write(home.path().join(CONFIG), format!("{text}wrong\r\n")).unwrap();
    assert!(read_settings(Some(home.path())).unwrap_err().starts_with(", line 5: "));
}

#[test]
fn refused_link_says_what_to_switch_on() {
    let reason = why_not_private(&io::Error::from_raw_os_error(1314));
    assert_eq!(reason.contains("Developer Mode"), cfg!(windows), "{reason}");
    assert!(why_not_private(&io::Error::other("x")).ends_with("cannot be created (x)"));
}

#[test]
fn sign_in_stored_in_the_keychain_rules_out_a_private_home() {
    let settings = |store: &str| table(&format!("cli_auth_credentials_store = \"{store}\""));
    assert!(inherited::needs_keyring(&settings("keyring"), true));
    assert!(inherited::needs_keyring(&settings("auto"), false));
    assert!(!inherited::needs_keyring(&settings("auto"), true));
    assert_eq!(
        inherited::inherited(&settings("auto"), None)["cli_auth_credentials_store"].as_str(),
        Some("file")
    );
    assert!(
        !inherited::needs_keyring(&settings("file"), false)
            && !inherited::needs_keyring(&Table::new(), false)
    );
}

#[test]
fn mcp_servers_are_switched_off_by_name_in_the_users_home() {
    let settings = table("[mcp_servers.one]\ncommand = \"x\"\n[mcp_servers.\"a.b\"]\ncommand = \"x\"");
    assert_eq!(inherited::override_args(&settings), ["-c", "mcp_servers.one.enabled=false"]);
}

#[test]
fn error_on_invalid_settings_does_not_quote_them() {
    let home = tempfile::tempdir().unwrap();
    fs::write(home.path().join(CONFIG), "a = 1\nkey = \"sk-secret\" x\n").unwrap();
    let why = read_settings(Some(home.path())).unwrap_err();
    assert!(why.starts_with(", line 2: ") && !why.contains("secret"), "{why}");
    assert!(read_settings(Some(&home.path().join("none"))).unwrap().is_empty());
}

// Unix only: file modes, and Windows may refuse links.
#[cfg(unix)]
#[test]
fn sign_in_is_linked_even_before_it_exists() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let (users, private) = (folder.path().join("users"), folder.path().join("a/private"));
    create_links(&private, Some(&users), true).unwrap();
    assert_eq!(fs::metadata(&private).unwrap().permissions().mode() & 0o777, 0o700);
    fs::create_dir(&users).unwrap();
    fs::write(users.join(AUTH), "one").unwrap();
    // An existing file is replaced.
    fs::remove_file(private.join(AUTH)).unwrap();
    fs::write(private.join(AUTH), "a copy").unwrap();
    create_links(&private, Some(&users), true).unwrap();
    assert_eq!(fs::read_to_string(private.join(AUTH)).unwrap(), "one");
    assert!(fs::symlink_metadata(private.join(AUTH)).unwrap().is_symlink());
    write(&private, CONFIG, b"x").unwrap();
    assert_eq!(fs::metadata(private.join(CONFIG)).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn folder_is_trusted_if_the_user_trusts_it_or_its_repository() {
    let home = tempfile::tempdir().unwrap();
    let (repository, other) = (home.path().join("repo"), home.path().join("other"));
    fs::create_dir_all(repository.join(".git")).unwrap();
    let name = toml::Value::from(repository.display().to_string());
    fs::write(home.path().join(CONFIG), format!("[projects.{name}]\ntrust_level = \"trusted\"\n")).unwrap();
    assert!(
        is_trusted(Some(home.path()), &repository) && is_trusted(Some(home.path()), &repository.join("src"))
    );
    assert!(
        !is_trusted(Some(home.path()), &other)
            && !is_trusted(Some(home.path()), home.path())
            && !is_trusted(None, &other)
    );
    // Windows ignores case, and codex writes these names in lower case.
    fs::create_dir_all(&other).unwrap();
    let real = dunce::canonicalize(&other).unwrap();
    let lower = toml::Value::from(real.display().to_string().to_ascii_lowercase());
    fs::write(home.path().join(CONFIG), format!("[projects.{lower}]\ntrust_level = \"trusted\"\n")).unwrap();
    assert_eq!(is_trusted(Some(home.path()), &other.with_file_name("OTHER")), cfg!(windows));
    let is_lower = lower.as_str() == real.to_str();
    assert_eq!(is_trusted(Some(home.path()), &fs::canonicalize(&other).unwrap()), cfg!(windows) || is_lower);
}
