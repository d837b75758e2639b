//! Undoing and redoing: what a request changed, and which of that may be put back.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::PathBuf;

use tokio::time::Instant;

use super::blobs::fetch;
use super::compare::{self, Entry};
use super::folder::{Folder, to_path};
use super::git::Repository;
use super::record::{Record, Records, is_id};
use super::restore::{Direction, Restore};
use super::store::{Inner, Locked, UNDO_TIMEOUT};
use super::types::{UndoError, UndoReport};

impl Inner {
    /// The repository, locked, and the record of a request.
    pub(super) async fn find(&self, request: &str) -> Result<(Locked, Record), UndoError> {
        let records = self.records(request).ok_or(UndoError::Gone)?;
        let record = records.read(request).ok_or(UndoError::Gone)?;
        let git = self.git().map_err(|_| UndoError::NoGit)?;
        let folder = record.folder;
        if Folder::new(&folder.path).ok().is_none_or(|now| now.path != folder.path) {
            return Err(UndoError::Gone);
        }
        let locked = self.lock(git, folder, Instant::now() + UNDO_TIMEOUT).await?;
        // Undone by another program in the meantime?
        let record = records.read(request).ok_or(UndoError::Gone)?;
        Ok((locked, record))
    }

    /// The records with this request's.
    fn records(&self, request: &str) -> Option<Records> {
        if !is_id(request) {
            return None;
        }
        let repositories = fs::read_dir(&self.folder).ok()?.flatten();
        repositories.map(|entry| Records::of(&entry.path())).find(|records| records.has(request))
    }

    pub(super) async fn restore(&self, request: &str, direction: Direction) -> Result<UndoReport, UndoError> {
        let until = Instant::now() + UNDO_TIMEOUT;
        let (locked, mut record) = self.find(request).await?;
        let repository = &locked.repository;
        if record.undone.is_some() != (direction == Direction::Redo) {
            return Err(UndoError::AlreadyDone);
        }
        if self.active.any_in(&record.folder.path).map_err(|error| UndoError::Failed(error.to_string()))? {
            return Err(UndoError::Busy);
        }
        let (before, after) = &record.trees;
        let mut entries = compare::entries(repository, before, after, until).await?;
        if let Some(undone) = &record.undone {
            entries.retain(|entry| undone.contains(&entry.path()));
        }
        let refused = self.overlapping(&record, &entries).await;
        let target = if direction == Direction::Undo { before } else { after };
        let folders = match &record.empty_folders {
            Some(empty) => {
                let known = compare::folders(repository, target, until).await?;
                Some(known.into_iter().chain(empty.iter().cloned()).collect::<HashSet<_>>())
            }
            None => None,
        };
        let staging = tempfile::Builder::new().prefix(".undo-").tempdir_in(&repository.path);
        let staging = staging.map_err(|error| UndoError::Failed(error.to_string()))?;
        let versions = entries.iter().flat_map(|entry| [&entry.before, &entry.after]).flatten();
        let ids = versions.map(|(_, version)| version.blob.clone()).collect();
        let blobs = fetch(repository, ids, staging.path(), until).await?;
        let restore = Restore {
            folder: &record.folder.path,
            direction,
            blobs: &blobs,
            modes: if direction == Direction::Undo { &record.modes_before } else { &record.modes_after },
            known_folders: folders.as_ref(),
        };
        let report = restore.run(&entries, refused);
        if !report.restored.is_empty() {
            record.undone = match direction {
                Direction::Undo => Some(report.restored.clone()),
                Direction::Redo => None,
            };
            let written = Records::of(&repository.path).write(request, &record);
            written.map_err(|error| UndoError::Failed(error.to_string()))?;
        }
        Ok(report)
    }

    /// The files that an answer at the same time changed too, or may have changed, each with the reason.
    async fn overlapping(&self, record: &Record, entries: &[Entry]) -> HashMap<String, String> {
        let why = "Another answer worked in this folder at the same time.";
        let mut refused = HashMap::new();
        for other in &record.met {
            let Some(changed) = self.changed_by(other).await else {
                return entries.iter().map(|entry| (entry.path(), why.to_owned())).collect();
            };
            for entry in entries {
                let paths = [&entry.before, &entry.after].into_iter().flatten();
                let mut paths = paths.filter_map(|(path, _)| Some(record.folder.path.join(to_path(path)?)));
                if paths.any(|path| changed.contains(&path)) {
                    refused.insert(entry.path(), why.to_owned());
                }
            }
        }
        refused
    }

    /// What another answer changed; `None` if that is unknown.
    async fn changed_by(&self, request: &str) -> Option<HashSet<PathBuf>> {
        let records = self.records(request)?;
        let record = records.read(request)?;
        let (before, after) = &record.trees;
        // Reading trees needs no lock.
        let git = self.git().ok()?;
        let repository = Repository::existing(git, records.repository().to_owned(), record.folder.clone());
        let until = Instant::now() + UNDO_TIMEOUT;
        let entries = compare::entries(&repository, before, after, until).await.ok()?;
        let paths = entries.iter().flat_map(|entry| [&entry.before, &entry.after]).flatten();
        Some(paths.filter_map(|(path, _)| Some(record.folder.path.join(to_path(path)?))).collect())
    }
}
