use std::fs;

use codex_client::SandboxMode;
use proxy::settings::{LogLevel, ReasoningFormat, Settings};
use serde_json::json;

use super::*;
use crate::view::Listen;

const NOW: u64 = 1_800_000_000;

/// Every field differs from its default, so that a forgotten field is noticed.
fn unusual() -> DesktopSettings {
    let mut fields = fields(&DesktopSettings::default());
    for (name, value) in &mut fields {
        *value = match (name.as_str(), &*value) {
            ("keys_needed", _) => json!(true),
            ("codex_path" | "workspace", _) => json!(format!("/home/me/{name}")),
            ("sandbox", _) => json!("danger-full-access"),
            ("reasoning", _) => json!("none"),
            ("log_level", _) => json!("trace"),
            ("listen", _) => json!("dockerBridge"),
            ("asked_about_background", _) => json!(false),
            (_, Value::Bool(on)) => json!(!on),
            (_, Value::Number(number)) => json!(number.as_u64().unwrap() + 1),
            (_, Value::Null) => json!(name),
            (_, Value::Object(_)) => json!({ "gpt-4o": name }),
            ("warn_at", _) => json!([50]),
            ("folders", _) => {
                json!([{ "name": "web", "folder": "/home/me/web", "sandbox": "read-only", "keys": ["a"] }])
            }
            (_, Value::Array(_)) => json!([format!("{name}.example")]),
            (_, other) => panic!("no unusual value for {name}, which is {other}"),
        };
    }
    serde_json::from_value(fields.into()).unwrap()
}

fn with_port(port: u16) -> DesktopSettings {
    DesktopSettings {
        proxy: Settings { port: port.into(), ..Settings::default() },
        ..DesktopSettings::default()
    }
}

impl SettingsFile {
    fn save(&self, settings: DesktopSettings) -> Result<(), SaveError> {
        self.change(|current| *current = settings)
    }
}

fn load(folder: &Path) -> SettingsFile {
    let (file, notice) = SettingsFile::load(folder, NOW);
    assert_eq!(notice, None);
    file
}

fn on_disk(folder: &Path) -> Value {
    serde_json::from_slice(&read_file(&folder.join("settings.json")).unwrap()).unwrap()
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn without_a_file_defaults_apply_and_nothing_is_written() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(load(&folder.path().join("not/there")).current(), DesktopSettings::default());
    assert!(names(folder.path()).is_empty());
}

#[test]
fn saved_settings_are_loaded() {
    let folder = tempfile::tempdir().unwrap();
    let below = folder.path().join("made/when/needed");
    let mut keyless = DesktopSettings { listen: Listen::Loopback, ..unusual() };
    keyless.proxy.keys_needed = false;
    for stored in [unusual(), keyless] {
        load(&below).save(stored.clone()).unwrap();
        assert_eq!(load(&below).current(), stored);
    }
    assert_eq!(names(&below), ["settings.json"]);
}

#[test]
fn only_differences_from_the_defaults_are_on_disk() {
    let folder = tempfile::tempdir().unwrap();
    let file = load(folder.path());
    file.save(with_port(9000)).unwrap();
    assert_eq!(on_disk(folder.path()), json!({ "version": 1, "port": 9000 }));
    file.change(|settings| settings.proxy.log_level = LogLevel::Debug).unwrap();
    assert_eq!(on_disk(folder.path()), json!({ "version": 1, "port": 9000, "log_level": "debug" }));
    file.change(|settings| settings.proxy.max_turns = "4".parse().unwrap()).unwrap();
    assert_eq!(on_disk(folder.path())["max_turns"], 4);
    assert_eq!(on_disk(folder.path()).as_object().unwrap().len(), 4);
    file.save(DesktopSettings::default()).unwrap();
    assert_eq!(on_disk(folder.path()), json!({ "version": 1 }));
}

#[test]
fn unknown_fields_are_preserved() {
    let folder = tempfile::tempdir().unwrap();
    let text = json!({ "version": 1, "port": 9000, "colour": { "of": "tray" } });
    fs::write(folder.path().join("settings.json"), text.to_string()).unwrap();
    let file = load(folder.path());
    file.change(|settings| settings.proxy.port = 9001.into()).unwrap();
    assert_eq!(on_disk(folder.path()), json!({ "version": 1, "port": 9001, "colour": { "of": "tray" } }));
}

#[test]
fn the_version_is_optional_and_a_byte_order_mark_is_ignored() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("settings.json"), "\u{feff}{ \"port\": 9000 }\r\n").unwrap();
    assert_eq!(load(folder.path()).current().proxy.port.get(), 9000);
}

#[test]
fn temporary_files_of_a_killed_process_are_ignored() {
    let folder = tempfile::tempdir().unwrap();
    load(folder.path()).save(unusual()).unwrap();
    fs::write(folder.path().join(".saving-a1b2c3"), "{ \"version\": 1, \"po").unwrap();
    let file = load(folder.path());
    assert_eq!(file.current(), unusual());
    file.save(DesktopSettings::default()).unwrap();
    assert_eq!(load(folder.path()).current(), DesktopSettings::default());
}

#[test]
fn readers_never_see_a_partial_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = load(folder.path());
    file.save(unusual()).unwrap();
    std::thread::scope(|scope| {
        let saving = scope.spawn(|| {
            for port in 1..100 {
                file.change(|settings| settings.proxy.port = port.into()).unwrap();
            }
        });
        while !saving.is_finished() {
            assert_eq!(on_disk(folder.path())["version"], 1);
        }
    });
    assert_eq!(load(folder.path()).current().proxy.port.get(), 99);
}

#[test]
fn a_damaged_file_is_renamed_and_reported_and_defaults_apply() {
    let texts =
        ["", "{", "[]", "{ \"port\": 9000 } and more", "{ \"version\": 0 }", "{ \"version\": \"1\" }"];
    for text in texts {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("settings.json"), text).unwrap();
        let (file, notice) = SettingsFile::load(folder.path(), NOW);
        let aside = folder.path().join("settings.damaged-1800000000.json");
        let expected = format!(
            "Your settings couldn't be read, so defaults are in use. Your old file is kept as {}.",
            aside.display()
        );
        assert_eq!(notice, Some(expected), "{text}");
        assert_eq!(fs::read_to_string(&aside).unwrap(), text);
        assert_eq!(file.current(), DesktopSettings::default());
        assert_eq!(names(folder.path()), ["settings.damaged-1800000000.json"]);
        file.save(unusual()).unwrap();
        assert_eq!(load(folder.path()).current(), unusual());
    }
}

#[test]
fn an_invalid_value_resets_that_setting_alone_and_the_old_file_is_kept() {
    for (field, value) in [
        ("port", json!("nine")),
        ("port", json!(0)),
        ("keep_days", json!(3651)),
        ("max_turns", json!(0)),
        ("silence_limit_minutes", json!(-1)),
        ("log_level", json!("loud")),
        ("reasoning", json!("aloud")),
        ("keys_needed", json!(false)),
        ("side_calls", json!("perhaps")),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let mut text = json!({ "version": 1, "listen": "everywhere", "model": "gpt-5.5", "colour": "red" });
        text[field] = value;
        fs::write(folder.path().join("settings.json"), text.to_string()).unwrap();
        let (file, notice) = SettingsFile::load(folder.path(), NOW);
        let aside = folder.path().join("settings.damaged-1800000000.json");
        let notice = notice.unwrap();
        assert!(notice.contains(&format!("{field}: ")), "{notice}");
        assert!(notice.contains(&aside.display().to_string()), "{notice}");
        assert_eq!(fs::read_to_string(&aside).unwrap(), text.to_string());
        let mut expected = DesktopSettings { listen: Listen::Everywhere, ..DesktopSettings::default() };
        expected.proxy.model = Some("gpt-5.5".to_owned());
        assert_eq!(file.current(), expected, "{field}");
        // The next start finds nothing wrong.
        let (again, notice) = SettingsFile::load(folder.path(), NOW);
        assert_eq!((again.current(), notice), (expected, None));
        assert_eq!(on_disk(folder.path())["colour"], "red");
    }
}

#[test]
fn invalid_utf8_counts_as_damaged_and_earlier_damaged_files_are_kept() {
    let folder = tempfile::tempdir().unwrap();
    for bytes in [b"\xff\xfe".as_slice(), b"\x00", b"{"] {
        fs::write(folder.path().join("settings.json"), bytes).unwrap();
        assert!(SettingsFile::load(folder.path(), NOW).1.is_some());
    }
    let aside = ["settings.damaged-1800000000-2.json", "settings.damaged-1800000000-3.json"];
    assert_eq!(names(folder.path()), [&aside[..], &["settings.damaged-1800000000.json"]].concat());
}

#[test]
fn a_newer_file_is_left_unchanged_and_nothing_is_saved() {
    let folder = tempfile::tempdir().unwrap();
    let text = "{ \"version\": 2, \"port\": { \"from\": 1 } }";
    fs::write(folder.path().join("settings.json"), text).unwrap();
    let (file, notice) = SettingsFile::load(folder.path(), NOW);
    assert!(notice.unwrap().contains("newer version"));
    let error = file.save(unusual()).unwrap_err();
    assert!(matches!(error, SaveError::ReadOnly(_)) && error.to_string().contains("can't be saved"));
    assert_eq!(file.current(), DesktopSettings::default());
    assert_eq!(fs::read_to_string(folder.path().join("settings.json")).unwrap(), text);
    assert_eq!(names(folder.path()), ["settings.json"]);
}

#[test]
fn an_unreadable_file_is_not_replaced() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("settings.json")).unwrap();
    let (file, notice) = SettingsFile::load(folder.path(), NOW);
    assert!(notice.unwrap().contains("can't be read"));
    assert!(matches!(file.save(unusual()), Err(SaveError::ReadOnly(_))));
    assert!(folder.path().join("settings.json").is_dir());
}

#[test]
fn an_unwritable_folder_is_reported_and_the_settings_stay() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let file = load(&data);
    file.save(with_port(9000)).unwrap();
    // A file in place of the folder blocks even root.
    fs::remove_dir_all(&data).unwrap();
    fs::write(&data, "").unwrap();
    let error = file.save(unusual()).unwrap_err();
    assert!(error.to_string().starts_with("Couldn't save the settings. Writing to "), "{error}");
    assert_eq!(file.current(), with_port(9000));
}

#[test]
fn errors_of_a_full_or_protected_disk_say_what_to_do() {
    for (kind, words) in [
        (io::ErrorKind::StorageFull, "is full. Free some space"),
        (io::ErrorKind::ReadOnlyFilesystem, "isn't allowed to write to /data"),
        (io::ErrorKind::PermissionDenied, "isn't allowed to write to /data"),
    ] {
        let error = SaveError::Disk { folder: "/data".into(), error: kind.into() };
        assert!(error.to_string().contains(words), "{error}");
    }
}

// Unix only: file modes.
#[cfg(unix)]
#[test]
fn only_the_owner_can_read_the_file() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    load(folder.path()).save(unusual()).unwrap();
    let mode = fs::metadata(folder.path().join("settings.json")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn the_proxy_starts_with_the_stored_settings() {
    let data = Path::new("/data");
    let (settings, _) = DesktopSettings::default().runtime_settings(data, None);
    assert_eq!(settings.working_folder(), data.join("workspace"));
    assert!(settings.keys_needed && settings.codex_path.is_none() && settings.api_keys.is_empty());
    assert_eq!((settings.reasoning, settings.show_activity), (ReasoningFormat::ReasoningContent, true));
    let (settings, _) = unusual().runtime_settings(data, None);
    assert_eq!(settings.sandbox, SandboxMode::DangerFullAccess);
    assert_eq!(settings, Settings { data_dir: data.to_owned(), ..unusual().proxy });
}

#[test]
fn each_listen_choice_has_its_addresses_and_keys_are_required_off_loopback() {
    let bridge = Some("172.17.0.1".parse().unwrap());
    for (listen, bridge, wanted, auth) in [
        (Listen::Loopback, bridge, vec!["127.0.0.1:8000", "[::1]:8000"], false),
        (Listen::DockerBridge, bridge, vec!["127.0.0.1:8000", "172.17.0.1:8000", "[::1]:8000"], true),
        (Listen::DockerBridge, None, vec!["127.0.0.1:8000", "[::1]:8000"], true),
        (Listen::Everywhere, bridge, vec!["0.0.0.0:8000", "[::1]:8000"], true),
    ] {
        let mut settings = DesktopSettings { listen, ..DesktopSettings::default() };
        settings.proxy.keys_needed = false;
        let (settings, addresses) = settings.runtime_settings(Path::new("/data"), bridge);
        assert_eq!(addresses.iter().map(ToString::to_string).collect::<Vec<_>>(), wanted);
        assert_eq!((settings.address(), settings.keys_needed), (addresses[0], auth));
    }
}

#[test]
fn a_file_of_an_earlier_version_is_read_and_its_unknown_fields_survive_a_save() {
    let folder = tempfile::tempdir().unwrap();
    let before = include_str!("../../tests/fixtures/9c8d7f2/settings.json");
    fs::write(folder.path().join("settings.json"), before).unwrap();
    let file = load(folder.path());
    let DesktopSettings { proxy, listen, keep_days, asked_about_background, .. } = file.current();
    assert_eq!((proxy.sandbox, proxy.reasoning), (SandboxMode::WorkspaceWrite, ReasoningFormat::Think));
    assert_eq!(
        (proxy.model.as_deref(), proxy.model_aliases["gpt-4o"].as_str()),
        (Some("gpt-5.5"), "gpt-5.5")
    );
    assert_eq!((proxy.silence_limit_minutes.get(), proxy.log_level), (13, LogLevel::Debug));
    assert!(!proxy.show_activity && !proxy.task_model && proxy.keys_needed);
    assert_eq!((listen, keep_days.get(), asked_about_background), (Listen::DockerBridge, 7, Some(false)));
    file.change(|settings| settings.proxy.port = 9001.into()).unwrap();
    let mut wanted: Value = serde_json::from_str(before).unwrap();
    wanted["port"] = json!(9001);
    for (old, new) in [("show_work", "show_activity"), ("side_calls", "task_model")] {
        wanted[new] = wanted.as_object_mut().unwrap().remove(old).unwrap();
    }
    assert_eq!(on_disk(folder.path()), wanted);
}

#[test]
fn keys_of_an_earlier_version_work_and_their_unknown_fields_survive_a_change() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys.json");
    fs::write(&path, include_str!("../../tests/fixtures/9c8d7f2/keys.json")).unwrap();
    let keys = proxy::KeyFile::in_folder(folder.path());
    let [entry] = &*keys.entries().unwrap() else { panic!("there is one key") };
    assert_eq!(entry.sha256, proxy::Key::new("sk-of-the-old-file").digest());
    assert_eq!((entry.name.as_str(), entry.limits.sandbox), ("Default", Some(SandboxMode::ReadOnly)));
    keys.create("laptop", NOW).unwrap();
    let after: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    assert_eq!((&after["theme"], &after["keys"][0]["colour"]), (&json!("dark"), &json!("red")));
    assert_eq!(after["keys"].as_array().unwrap().len(), 2);
}
