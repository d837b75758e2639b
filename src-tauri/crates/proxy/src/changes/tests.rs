//! Snapshots, undoing and its limits, with the real git on temporary folders.

mod edits;
mod isolation;
mod overlaps;
mod properties;
mod pruning;
#[cfg(windows)]
mod windows;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use codex_client::Environment;
use sample_model::needs_git;
use tempfile::TempDir;

use super::snapshot::SnapshotLimits;
use super::*;

/// A working folder, a data folder, and a home whose git configuration must not count.
struct Testbed {
    home: TempDir,
    store: ChangeStore,
}

const LIMITS: SnapshotLimits =
    SnapshotLimits { files: 20_000, bytes: 500_000_000, time: Duration::from_secs(60) };

impl Testbed {
    fn new() -> Self {
        Self::with(LIMITS)
    }

    fn with(limits: SnapshotLimits) -> Self {
        let home = tempfile::tempdir().unwrap();
        for folder in ["work", "data"] {
            fs::create_dir(home.path().join(folder)).unwrap();
        }
        let environment = path_only()
            .with("HOME", home.path())
            .with("GIT_DIR", "/nowhere")
            .with("GIT_INDEX_FILE", "/nowhere");
        let store = ChangeStore::with(&home.path().join("data"), &environment, limits, "git");
        Self { home, store }
    }

    fn work(&self) -> PathBuf {
        self.home.path().join("work")
    }

    fn path(&self, name: &str) -> PathBuf {
        self.work().join(name)
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    fn read(&self, name: &str) -> String {
        String::from_utf8(fs::read(self.path(name)).unwrap()).unwrap()
    }

    /// An answer during which `edit` happens.
    async fn answer(&self, id: &str, edit: impl FnOnce()) -> Changes {
        let window = self.store.begin(id, &self.work()).await;
        assert_eq!(window.why_not(), None);
        edit();
        window.end(None).await.unwrap()
    }

    /// Runs the user's own git.
    fn git(&self, folder: &str, args: &[&str]) {
        let mut command = user_git();
        command.args(args).current_dir(self.path(folder)).env("HOME", self.home.path());
        for (name, value) in [("NAME", "me"), ("EMAIL", "me@example.com")] {
            command.env(format!("GIT_AUTHOR_{name}"), value).env(format!("GIT_COMMITTER_{name}"), value);
        }
        let output = command.output().unwrap();
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

fn path_only() -> Environment {
    Environment::default().with("PATH", std::env::var_os("PATH").unwrap_or_default())
}

fn user_git() -> Command {
    Command::new("git")
}

/// Everything in a folder: path, kind, content and mode.
fn tree(folder: &Path) -> Vec<(String, String)> {
    let mut all = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            let meta = fs::symlink_metadata(&path).unwrap();
            let name = path.strip_prefix(folder).unwrap().display().to_string();
            #[cfg(unix)]
            let mode = std::os::unix::fs::PermissionsExt::mode(&meta.permissions());
            #[cfg(not(unix))]
            let mode = 0;
            let content = if meta.is_symlink() {
                format!("-> {}", fs::read_link(&path).unwrap().display())
            } else if meta.is_dir() {
                folders.push(path);
                "folder".to_owned()
            } else {
                format!("{mode:o} {:?}", fs::read(&path).unwrap())
            };
            all.push((name, content));
        }
    }
    all.sort();
    all
}

fn paths(files: &[ChangedFile]) -> Vec<(&str, FileAction)> {
    files.iter().map(|file| (file.path.as_str(), file.what)).collect()
}

fn refused(report: &UndoReport) -> Vec<&str> {
    report.refused.iter().map(|file| file.path.as_str()).collect()
}
