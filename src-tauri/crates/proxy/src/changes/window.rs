//! The time of one answer, between its two snapshots.

use std::fmt::Display;
use std::path::{Path, PathBuf};

use tokio::time::Instant;

use super::active::ActiveAnswer;
use super::compare::{self, Entry, Side};
use super::folder::{Folder, text};
use super::git::GitError;
use super::patch::{cut_patch, files_of, relative_to};
use super::record::{Record, Records, is_id};
use super::snapshot::{self, Listing, Snapshot, Uncovered};
use super::store::{ChangeStore, NoSnapshot, off_workers};
use super::types::{Changes, UndoState};
use crate::clock::unix_now;
use crate::files::plain_path;

/// Begun before the turns of an answer. Dropping it ends it without a second snapshot.
#[derive(Debug, Default)]
pub(crate) struct Window {
    /// As it was given.
    folder: PathBuf,
    /// Tells other answers that this one may change the folder, covered or not.
    active: Option<ActiveAnswer>,
    covered: Option<Covered>,
    /// Why not, a sentence.
    why_not: Option<String>,
}

#[derive(Debug)]
struct Covered {
    store: ChangeStore,
    request: String,
    /// The real path.
    folder: PathBuf,
    before: Snapshot,
    empty_folders: Option<Vec<PathBuf>>,
}

/// When something else than the folder's size is the reason.
fn failed(error: impl Display) -> NoSnapshot {
    NoSnapshot(format!("The snapshot of the working folder failed: {error}."))
}

impl ChangeStore {
    /// Takes the snapshot before the answer to a request that may change `folder`. Dropping the future stops it.
    pub(crate) async fn begin(&self, request: &str, folder: &Path) -> Window {
        let (store, request, folder) = (self.clone(), request.to_owned(), folder.to_owned());
        let begun = off_workers(async move { Window::begin(store, &request, &folder).await }).await;
        begun.unwrap_or_default()
    }
}

impl Window {
    /// Takes the first snapshot. Blocks.
    async fn begin(store: ChangeStore, request: &str, folder: &Path) -> Self {
        let mut window = Self { folder: folder.to_owned(), ..Self::default() };
        let begun = async {
            if !is_id(request) {
                return Err(failed("the request has no usable id"));
            }
            let real = plain_path(folder.canonicalize().unwrap_or_else(|_| folder.to_owned()));
            // First, so that one that begins meanwhile meets it.
            window.active = Some(store.0.active.begin(request, &real).map_err(failed)?);
            Covered::begin(&store, request, folder).await
        };
        match begun.await {
            Ok(covered) => window.covered = Some(covered),
            Err(NoSnapshot(why)) => window.why_not = Some(why),
        }
        window
    }

    /// Why changes cannot be undone, a sentence.
    pub(crate) fn why_not(&self) -> Option<&str> {
        self.why_not.as_deref()
    }

    /// Takes the second snapshot, once codex does nothing more. Without one, `patch` is what codex itself says that it changed.
    /// `None` if neither is known.
    pub(crate) async fn end(self, patch: Option<String>) -> Option<Changes> {
        let Self { folder, active, covered, why_not } = self;
        let why = match (covered, active) {
            (Some(covered), Some(active)) => match off_workers(covered.end(active)).await {
                Some(Ok(changes)) => return Some(changes),
                Some(Err(NoSnapshot(why))) => why,
                None => failed("the program stops").0,
            },
            (_, active) => {
                // It waits for a lock.
                let _ended = off_workers(async move { drop(active) }).await;
                why_not.unwrap_or_default()
            }
        };
        patch.map(|patch| from_patch(&folder, patch, why))
    }
}

/// What codex itself says that it changed, without what its commands changed.
pub(crate) fn from_patch(folder: &Path, patch: String, why: String) -> Changes {
    // codex names files from the top of the user's repository.
    let prefix = Folder::new(folder).map(|folder| folder.prefix).unwrap_or_default();
    let patch = relative_to(patch, &prefix);
    let (files, count) = files_of(&patch);
    let (diff, diff_cut) = cut_patch(patch);
    Changes {
        folder: folder.display().to_string(),
        files,
        count,
        diff,
        diff_cut,
        undo: UndoState::Not { why },
    }
}

impl Covered {
    async fn begin(store: &ChangeStore, request: &str, folder: &Path) -> Result<Self, NoSnapshot> {
        let inner = &store.0;
        let until = Instant::now() + inner.limits.time;
        let locked = inner.open(folder, until).await?;
        let repository = &locked.repository;
        let noted = |error: Uncovered| {
            inner.note(&repository.folder.path, &error);
            NoSnapshot::from(error)
        };
        let before = snapshot::take(repository, &inner.limits, until).await.map_err(noted)?;
        let empty = snapshot::empty_folders(repository, &before.files, until).await;
        let empty_folders = empty.map_err(|error| noted(Uncovered::of(error, &inner.limits)))?;
        Records::of(&repository.path).refer(request, "before", &before.tree).map_err(failed)?;
        let (request, folder) = (request.to_owned(), repository.folder.path.clone());
        Ok(Self { request, folder, before, empty_folders, store: store.clone() })
    }

    /// Takes the second snapshot, and keeps what undoing needs. Blocks.
    async fn end(self, active: ActiveAnswer) -> Result<Changes, NoSnapshot> {
        let Self { store, request, folder, before, empty_folders } = self;
        let inner = &store.0;
        let until = Instant::now() + inner.limits.time;
        let locked = inner.open(&folder, until).await?;
        let repository = &locked.repository;
        let records = Records::of(&repository.path);
        let after = snapshot::take(repository, &inner.limits, until).await.inspect_err(|error| {
            inner.note(&folder, error);
            records.remove(&request);
        })?;
        let met = active.met();
        let uncovered = |error: GitError| NoSnapshot::from(Uncovered::of(error, &inner.limits));
        let entries =
            compare::entries(repository, &before.tree, &after.tree, until).await.map_err(uncovered)?;
        let modes = |files: &Listing, version: fn(&Entry) -> &Side| {
            let versions = entries.iter().filter_map(|entry| version(entry).as_ref());
            let mode = |path: &[u8]| {
                let full = [repository.folder.prefix.as_bytes(), path].concat();
                Some((text(path), *files.modes.get(&full)?))
            };
            versions.filter(|(_, version)| !version.is_link).filter_map(|(path, _)| mode(path)).collect()
        };
        let record = Record {
            folder: repository.folder.clone(),
            time: unix_now(),
            modes_before: modes(&before.files, |entry| &entry.before),
            modes_after: modes(&after.files, |entry| &entry.after),
            trees: (before.tree, after.tree),
            met,
            empty_folders,
            undone: None,
        };
        // Answers that overlapped this one ask what it changed, even if that is nothing.
        if entries.is_empty() && record.met.is_empty() {
            records.remove(&request);
        } else {
            records.write(&request, &record).map_err(failed)?;
        }
        inner.changes_of(repository, &record, until).await.map_err(uncovered)
    }
}
