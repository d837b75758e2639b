//! What is kept of an answer that changed files: a small file, and references that keep git from deleting its trees.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use codex_client::{read_file, replace_file};
use serde::{Deserialize, Serialize};

use super::folder::Folder;

/// One answer.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Record {
    /// The working folder, and how the paths in the trees relate to it.
    pub(super) folder: Folder,
    /// When it ended, in Unix seconds.
    pub(super) time: u64,
    /// The trees before and after it.
    pub(super) trees: (String, String),
    /// The answers that overlapped it. What those without a record changed is unknown.
    pub(super) met: Vec<String>,
    /// The permissions of changed files before it, by their paths below the folder.
    pub(super) modes_before: BTreeMap<String, u32>,
    /// The same after it.
    pub(super) modes_after: BTreeMap<String, u32>,
    /// The empty folders before it, by their paths below the folder; `None` if there were too many.
    pub(super) empty_folders: Option<Vec<PathBuf>>,
    /// The paths that undoing has restored, while it is undone.
    pub(super) undone: Option<Vec<String>>,
}

/// The records of one repository.
#[derive(Clone, Debug)]
pub(super) struct Records {
    repository: PathBuf,
}

impl Records {
    pub(super) fn of(repository: &Path) -> Self {
        Self { repository: repository.to_owned() }
    }

    fn file(&self, id: &str) -> PathBuf {
        self.repository.join("answers").join(format!("{id}.json"))
    }

    fn references(&self, id: &str) -> PathBuf {
        self.repository.join("refs/answers").join(id)
    }

    pub(super) fn read(&self, id: &str) -> Option<Record> {
        serde_json::from_slice(&read_file(&self.file(id)).ok()?).ok()
    }

    pub(super) fn write(&self, id: &str, record: &Record) -> io::Result<()> {
        self.refer(id, "after", &record.trees.1)?;
        replace_file(&self.file(id), &serde_json::to_vec(record)?)
    }

    /// Keeps git from deleting a tree of an answer: `before` from its beginning, and `after`.
    pub(super) fn refer(&self, id: &str, which: &str, tree: &str) -> io::Result<()> {
        let references = self.references(id);
        fs::create_dir_all(&references)?;
        fs::write(references.join(which), format!("{tree}\n"))
    }

    pub(super) fn has(&self, id: &str) -> bool {
        self.file(id).exists()
    }

    pub(super) fn repository(&self) -> &Path {
        &self.repository
    }

    /// Whether git keeps a tree for an answer that has not ended, or that was killed since `time`.
    pub(super) fn any_begun_since(&self, time: SystemTime) -> bool {
        let names = fs::read_dir(self.repository.join("refs/answers")).into_iter().flatten().flatten();
        let mut begun = false;
        for entry in names {
            let Some(id) = entry.file_name().to_str().map(str::to_owned).filter(|id| !self.has(id)) else {
                continue;
            };
            if entry.metadata().and_then(|meta| meta.modified()).is_ok_and(|at| at < time) {
                self.remove(&id);
            } else {
                begun = true;
            }
        }
        begun
    }

    pub(super) fn remove(&self, id: &str) {
        let _gone = fs::remove_file(self.file(id));
        let _gone = fs::remove_dir_all(self.references(id));
    }

    /// The ids of all, with the time of each, oldest first.
    pub(super) fn all(&self) -> Vec<(u64, String)> {
        let names = fs::read_dir(self.repository.join("answers")).into_iter().flatten().flatten();
        let id = |entry: fs::DirEntry| Some(entry.file_name().to_str()?.strip_suffix(".json")?.to_owned());
        let mut all: Vec<_> =
            names.filter_map(id).map(|id| (self.read(&id).map_or(0, |record| record.time), id)).collect();
        all.sort();
        all
    }
}

/// Whether this may be part of a path: the ids of requests are UUIDs.
pub(super) fn is_id(id: &str) -> bool {
    !id.is_empty() && id.len() <= 64 && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}
