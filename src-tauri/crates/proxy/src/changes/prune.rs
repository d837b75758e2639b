//! Deletes old snapshots: by age, and the oldest of all while they take too much room.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;

use super::folder::Folder;
use super::git::Repository;
use super::record::Records;
use super::store::{ChangeStore, off_workers};
use crate::files::lock_within;

/// Snapshots are kept for this long.
const MAX_AGE: Duration = Duration::from_secs(14 * 24 * 60 * 60);

/// An answer that began longer ago was killed.
const MAX_ANSWER: Duration = Duration::from_secs(2 * 24 * 60 * 60);

/// The room that all snapshots may take, in bytes.
const MAX_BYTES: u64 = 2 * 1000 * 1000 * 1000;

/// How often old snapshots are deleted.
const INTERVAL: Duration = Duration::from_secs(60 * 60);

/// Maximum time for tidying up one repository. What is left is deleted next time.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Maximum wait for a repository in use; it is tidied up next time.
const LOCK_TIMEOUT: Duration = Duration::from_millis(100);

impl ChangeStore {
    /// Deletes old snapshots now and then, until the task is dropped.
    pub(crate) fn prune(&self) -> AbortOnDropHandle<()> {
        AbortOnDropHandle::new(tokio::spawn(regularly(self.clone())))
    }
}

/// Deletes old snapshots now and every hour, for as long as it is polled.
async fn regularly(store: ChangeStore) {
    loop {
        let store = store.clone();
        let _panicked = off_workers(async move { run(&store, SystemTime::now(), MAX_BYTES).await }).await;
        tokio::time::sleep(INTERVAL).await;
    }
}

/// Deletes the snapshots that are too old at `now`, and the oldest while all take more than `max_bytes`.
pub(super) async fn run(store: &ChangeStore, now: SystemTime, max_bytes: u64) {
    let folder = &store.0.folder;
    let oldest = now - MAX_AGE;
    let seconds = oldest.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    for repository in repositories(folder) {
        let old = Records::of(&repository).all().into_iter().filter(|(time, _)| *time < seconds);
        let ids = old.map(|(_, id)| id).collect();
        delete(store, &repository, ids, oldest).await;
    }
    // Each round deletes the older half of what is left, so that there are few.
    let mut taken = size(folder);
    while taken > max_bytes {
        let of = |path: PathBuf| {
            Records::of(&path).all().into_iter().map(move |(time, id)| (time, id, path.clone()))
        };
        let mut all: Vec<_> = repositories(folder).into_iter().flat_map(of).collect();
        all.sort();
        all.truncate(all.len().div_ceil(2));
        for repository in repositories(folder) {
            let ids =
                all.iter().filter(|(.., path)| *path == repository).map(|(_, id, _)| id.clone()).collect();
            delete(store, &repository, ids, now).await;
        }
        let left = size(folder);
        if all.is_empty() || left >= taken {
            break;
        }
        taken = left;
    }
}

/// Deletes these records, and what only they needed. A repository goes as a whole when it has none left and was not used since.
async fn delete(store: &ChangeStore, path: &Path, which: Vec<String>, unused_since: SystemTime) {
    let Ok(_lock) = lock_within(path, LOCK_TIMEOUT) else { return };
    let records = Records::of(path);
    for id in &which {
        records.remove(id);
    }
    let is_used = || {
        let index = fs::metadata(path.join("index")).and_then(|meta| meta.modified());
        index.is_ok_and(|at| at > unused_since)
    };
    if !records.any_begun_since(SystemTime::now() - MAX_ANSWER) && records.all().is_empty() && !is_used() {
        let _in_use = fs::remove_dir_all(path);
    } else if !which.is_empty()
        && let Ok(git) = store.0.git()
    {
        let repository = Repository::existing(git, path.to_owned(), Folder::alone(path.to_owned()));
        let until = Instant::now() + TIMEOUT;
        let tidied = repository.output(&["gc", "--quiet", "--prune=now"], &[], until).await;
        if let Err(error) = tidied {
            tracing::debug!(?error, "old snapshots could not be deleted");
        }
    }
}

fn repositories(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).filter(|path| path.join("ready").exists()).collect()
}

/// The total size of the files in a folder.
fn size(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .map(|entry| match entry.metadata() {
            Ok(meta) if meta.is_dir() => size(&entry.path()),
            Ok(meta) => meta.len(),
            Err(_) => 0,
        })
        .sum()
}
