//! Settings, keys and the request log survive `kill -9` at any moment and a full disk. A child process writes: this test program,
//! running one of the tests at the end of this file.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use codex_client::Environment;
use desktop::app::{App, AppOptions};
use desktop::keychain::MemoryStore;
use desktop::request_log::{ExchangeQuery, MAX_DATABASE_BYTES, RequestDatabase, RequestDatabaseOptions};
use desktop::settings_file::SettingsFile;
use proxy::{Arrival, Recorder};
use proxy::{KeyFile, KeyLimits};

use crate::support::{eventually, folder};

/// How often a child is killed.
const KILLS: usize = 15;

/// The child's folder. Without it, the child tests do nothing.
const FOLDER: &str = "OWN_FILES_FOLDER";

/// A child that runs this test, after the shell commands in `before`.
fn child(test: &str, folder: &Path, before: &str) -> Command {
    let mut command = Command::new("/bin/sh");
    command
        .args([
            "-c",
            &format!("{before} exec \"$0\" \"$@\""),
            &std::env::current_exe().unwrap().display().to_string(),
        ])
        .args(["--exact", &format!("own_files::{test}"), "--nocapture", "--test-threads", "1"])
        .env(FOLDER, folder)
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    command
}

fn folder_of_child() -> Option<PathBuf> {
    std::env::var_os(FOLDER).map(PathBuf::from)
}

/// Kills a child after it has reported `count` writes, and returns the last reported number.
fn kill_after(command: &mut Command, count: usize) -> u64 {
    let mut child = command.spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    let mut numbers = lines.filter_map(|line| line.rsplit("wrote ").next()?.parse::<u64>().ok());
    let mut last = 0;
    for _ in 0..count {
        last = numbers.next().expect("the child exited early");
    }
    child.kill().unwrap();
    // Reported before it was killed.
    last = numbers.last().unwrap_or(last);
    child.wait().unwrap();
    last
}

fn log_options(folder: &Path) -> RequestDatabaseOptions {
    RequestDatabaseOptions {
        path: folder.join("requests.sqlite"),
        keep_days: 3650,
        keep_texts: true,
        max_bytes: MAX_DATABASE_BYTES,
        now_ms: std::sync::Arc::new(|| proxy::unix_now() * 1000),
    }
}

fn arrival(n: u64) -> Arrival {
    Arrival { id: format!("{n:08}"), request_text: Some("x".repeat(2_000)), ..Arrival::default() }
}

/// The ids in the log, oldest first. The database must be intact.
async fn ids(folder: &Path) -> Vec<u64> {
    let log = RequestDatabase::open(log_options(folder)).await;
    assert_eq!(log.notice(), None);
    let (mut ids, mut before) = (Vec::new(), None);
    loop {
        let query = ExchangeQuery { before: before.take(), limit: Some(1_000), ..ExchangeQuery::default() };
        let rows = log.query(query).await;
        let Some(last) = rows.last() else { break };
        before = Some(last.id.clone());
        ids.extend(rows.iter().map(|row| row.id.parse::<u64>().unwrap()));
    }
    log.close().await;
    let database = rusqlite::Connection::open(folder.join("requests.sqlite")).unwrap();
    let check: String = database.query_row("PRAGMA integrity_check", (), |row| row.get(0)).unwrap();
    assert_eq!(check, "ok");
    ids.reverse();
    ids
}

#[test]
fn saved_settings_survive_a_kill_at_any_moment() {
    let folder = folder();
    for round in 0..KILLS {
        let reported = kill_after(&mut child("child_saves_settings", folder.path(), ""), 1 + round * 2);
        let (file, notice) = SettingsFile::load(folder.path(), 7);
        assert_eq!(notice, None);
        let saved = u64::from(file.current().proxy.port.get());
        assert!(saved == reported || saved == reported + 1, "{reported} was reported, but {saved} is saved");
    }
}

#[test]
fn created_keys_survive_a_kill_at_any_moment() {
    let folder = folder();
    let mut before = 0;
    for round in 0..KILLS {
        let reported = kill_after(&mut child("child_makes_keys", folder.path(), ""), 1 + round % 5);
        let keys = KeyFile::in_folder(folder.path());
        assert_eq!(keys.set_aside_damaged(7).unwrap(), None);
        let found = keys.entries().unwrap().len() as u64;
        let wanted = before + reported;
        assert!(found == wanted || found == wanted + 1, "{wanted} were created, but {found} exist");
        before = found;
    }
}

#[tokio::test]
async fn the_request_log_survives_a_kill_at_any_moment() {
    let folder = folder();
    let mut before = BTreeSet::new();
    for round in 0..KILLS {
        let mut command = child("child_logs_requests", folder.path(), "");
        let reported = kill_after(
            command.env("BEGIN", before.last().map_or(0, |last| last + 1).to_string()),
            1 + round % 3,
        );
        let now: BTreeSet<u64> = ids(folder.path()).await.into_iter().collect();
        assert!(now.is_superset(&before), "no requests are lost");
        let new = now.len() - before.len();
        assert!(new as u64 >= reported, "{reported} were on disk, but {new} remain");
        before = now;
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_full_disk_is_reported_and_leaves_settings_and_keys_unchanged() {
    let folder = folder();
    let (file, _) = SettingsFile::load(folder.path(), 7);
    file.change(|settings| settings.proxy.port = 9000.into()).unwrap();
    let keys = KeyFile::in_folder(folder.path());
    let (_, entry) = keys.create("laptop", 5).unwrap();
    let output = child("child_meets_a_full_disk", folder.path(), FULL).output().unwrap();
    let output_text = String::from_utf8(output.stdout).unwrap();
    assert!(
        output.status.success() && output_text.contains("settings: Couldn't save the settings."),
        "{output_text}"
    );
    for what in ["make", "limit", "revoke"] {
        assert!(
            output_text.contains(&format!("{what}: {}/keys.json: ", folder.path().display())),
            "{output_text}"
        );
    }
    let (file, notice) = SettingsFile::load(folder.path(), 7);
    assert_eq!((notice, file.current().proxy.port.get()), (None, 9000));
    assert_eq!(&*KeyFile::in_folder(folder.path()).entries().unwrap(), [entry]);
    let files: BTreeSet<_> =
        std::fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap().file_name()).collect();
    let wanted = ["keys.json".into(), "keys.json.lock".into(), "settings.json".into()];
    assert_eq!(files, BTreeSet::from(wanted), "no partial files");
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_full_disk_is_reported_and_leaves_the_request_log_intact_and_working() {
    let folder = folder();
    for (round, before) in [FULL_SOON, FULL].into_iter().enumerate() {
        let output = child("child_logs_until_the_disk_is_full", folder.path(), before).output().unwrap();
        let output_text = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success() && output_text.contains("notice: The request log "), "{output_text}");
        // All that fit, without gaps. The second child has added none.
        let found = ids(folder.path()).await;
        assert!(!found.is_empty() && found.iter().copied().eq(0..found.len() as u64), "{round}: {found:?}");
    }
}

#[tokio::test]
async fn damaged_files_are_renamed_and_reported_and_the_app_works() {
    let folder = folder();
    for name in ["settings.json", "keys.json", "requests.sqlite"] {
        std::fs::write(folder.path().join(name), "damaged ".repeat(1_000)).unwrap();
    }
    let environment = Environment::from_process()
        .with("HOME", folder.path())
        .with("CODEX_HOME", folder.path().join(".codex"))
        .with("CODEX_PATH", sample_model::under_test::fake_codex());
    let options = AppOptions::new(folder.path().to_owned(), environment, false);
    let app = App::open(options.with_secrets(MemoryStore::default())).await.unwrap();
    let notice = app.settings_view().await.notice.unwrap();
    for aside in ["settings.damaged-", "keys.damaged-", "requests.sqlite.damaged-"] {
        assert!(notice.contains(aside), "{notice}");
    }
    assert!(!notice.contains("line 1"), "where it broke is for the log: {notice}");
    app.dismiss_notice().await;
    let left = app.settings_view().await.notice.unwrap_or_default();
    assert!(!left.contains("settings.damaged-") && !left.contains("keys.damaged-"), "{left}");
    eventually("codex was probed", || app.overview().codex.version.is_some()).await;
    let keys = app.keys().await.unwrap();
    assert_eq!(keys.iter().map(|key| key.name.as_str()).collect::<Vec<_>>(), ["Default"]);
    app.shutdown().await;
}

/// Shell commands that make every write fail, with an error instead of a signal.
#[cfg(target_os = "linux")]
const FULL: &str = "trap '' XFSZ; ulimit -f 0;";

/// The same after a few hundred KiB.
#[cfg(target_os = "linux")]
const FULL_SOON: &str = "trap '' XFSZ; ulimit -f 800;";

#[test]
fn child_saves_settings() {
    let Some(folder) = folder_of_child() else { return };
    let (file, notice) = SettingsFile::load(&folder, 7);
    assert_eq!(notice, None);
    for port in (1..u16::MAX).cycle().skip(file.current().proxy.port.get().into()) {
        let long = vec!["https://a-rather-long-origin.example".to_owned(); 200];
        file.change(|settings| (settings.proxy.port, settings.proxy.allowed_origins) = (port.into(), long))
            .unwrap();
        println!("wrote {port}");
    }
}

#[test]
fn child_makes_keys() {
    let Some(folder) = folder_of_child() else { return };
    let keys = KeyFile::in_folder(&folder);
    for n in 1_u64.. {
        keys.create(&"a rather long name ".repeat(20), n).unwrap();
        println!("wrote {n}");
    }
}

#[tokio::test]
async fn child_logs_requests() {
    let Some(folder) = folder_of_child() else { return };
    let begin: u64 = std::env::var("BEGIN").unwrap().parse().unwrap();
    let log = RequestDatabase::open(log_options(&folder)).await;
    assert_eq!(log.notice(), None);
    let database = rusqlite::Connection::open(folder.join("requests.sqlite")).unwrap();
    let on_disk = || -> i64 {
        let sql = "SELECT count(*) FROM exchanges WHERE id >= ?1";
        database.query_row(sql, [format!("{begin:08}")], |row| row.get(0)).unwrap()
    };
    let mut reported = 0;
    for n in begin.. {
        let entry = Recorder::begin(&log.reports(), arrival(n));
        tokio::task::yield_now().await;
        entry.done(200, None);
        if n % 100 == 0 {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            let now = on_disk();
            if now > reported {
                reported = now;
                println!("wrote {reported}");
            }
        }
    }
}

#[test]
fn child_meets_a_full_disk() {
    let Some(folder) = folder_of_child() else { return };
    let (file, _) = SettingsFile::load(&folder, 7);
    println!("settings: {}", file.change(|settings| settings.proxy.port = 9001.into()).unwrap_err());
    assert_eq!(file.current().proxy.port.get(), 9000, "unsaved settings do not apply");
    let keys = KeyFile::in_folder(&folder);
    let id = keys.entries().unwrap()[0].id.clone();
    println!("make: {}", keys.create("phone", 5).unwrap_err());
    println!(
        "limit: {}",
        keys.limit(&id, KeyLimits { workspace: Some("/x".into()), ..KeyLimits::default() }).unwrap_err()
    );
    println!("revoke: {}", keys.revoke(&id).unwrap_err());
    assert_eq!(keys.entries().unwrap().len(), 1);
}

#[tokio::test]
async fn child_logs_until_the_disk_is_full() {
    let Some(folder) = folder_of_child() else { return };
    let log = RequestDatabase::open(log_options(&folder)).await;
    let begin = log.query(ExchangeQuery { limit: Some(1), ..ExchangeQuery::default() }).await;
    let begin = begin.first().map_or(0, |row| row.id.parse::<u64>().unwrap() + 1);
    for n in begin.. {
        Recorder::begin(&log.reports(), arrival(n)).done(200, None);
        let newest = log.query(ExchangeQuery { limit: Some(1), ..ExchangeQuery::default() }).await;
        assert_eq!(newest[0].id, format!("{n:08}"), "requests continue and are shown");
        if let Some(notice) = log.notice() {
            println!("notice: {notice}");
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    }
    log.close().await;
}
