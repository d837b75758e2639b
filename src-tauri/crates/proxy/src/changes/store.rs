//! The snapshots of working folders, from before an answer to its undoing.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use codex_client::Environment;
use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::task::spawn_blocking;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::active::ActiveAnswers;
use super::compare;
use super::folder::{Folder, text};
use super::git::{GIT, Git, GitError, Repository};
use super::record::Record;
use super::restore::Direction;
use super::snapshot::{self, SnapshotLimits, Uncovered};
use super::types::{Changes, Coverage, UndoError, UndoReport, UndoState};
use crate::files::{FileLock, lock_within};

/// Maximum time of git for undoing, and for showing changes.
pub(super) const UNDO_TIMEOUT: Duration = Duration::from_secs(60);

/// How long a folder that is too large is not looked at again, since that takes time before each answer.
const TOO_LARGE_FOR: Duration = Duration::from_secs(300);

/// The snapshots of all working folders, in the data folder. Clones share them.
#[derive(Clone, Debug)]
pub struct ChangeStore(pub(super) Arc<Inner>);

#[derive(Debug)]
pub(super) struct Inner {
    data_dir: PathBuf,
    /// The folder of the repositories.
    pub(super) folder: PathBuf,
    environment: Environment,
    git: &'static str,
    pub(super) limits: SnapshotLimits,
    pub(super) active: ActiveAnswers,
    /// Why folders are too large, and when that was found.
    too_large: Mutex<HashMap<PathBuf, (Instant, String)>>,
}

/// A repository that is locked.
pub(super) struct Locked {
    pub(super) repository: Repository,
    #[expect(dead_code, reason = "held, never read")]
    lock: FileLock,
}

/// Why there is no snapshot.
#[derive(Debug)]
pub(super) struct NoSnapshot(pub(super) String);

impl From<Uncovered> for NoSnapshot {
    fn from(uncovered: Uncovered) -> Self {
        Self(uncovered.why())
    }
}

impl ChangeStore {
    /// The snapshots in this data folder. `environment` is where git is searched for.
    #[must_use]
    pub fn new(data_dir: &Path, environment: &Environment) -> Self {
        Self::with(data_dir, environment, SnapshotLimits::default(), GIT)
    }

    /// With other limits, and another name of git.
    pub(super) fn with(
        data_dir: &Path,
        environment: &Environment,
        limits: SnapshotLimits,
        git: &'static str,
    ) -> Self {
        let folder = data_dir.join("snapshots");
        Self(Arc::new(Inner {
            active: ActiveAnswers::in_folder(&folder),
            data_dir: data_dir.to_owned(),
            folder,
            environment: environment.clone(),
            git,
            limits,
            too_large: Mutex::default(),
        }))
    }

    /// Whether changes in `folder` could be undone, if a turn began now.
    pub async fn before_turn(&self, folder: &Path) -> Coverage {
        let (store, folder) = (self.clone(), folder.to_owned());
        let coverage = off_workers(async move { store.0.coverage(&folder).await }).await;
        let not = |why| Coverage { covered: false, why: Some(why), left_out: Vec::new() };
        coverage
            .map_or_else(Coverage::default, |coverage| coverage.unwrap_or_else(|NoSnapshot(why)| not(why)))
    }

    /// The changes of a request, from its snapshots; `None` when there are none.
    pub async fn changes(&self, request: &str) -> Option<Changes> {
        let (store, request) = (self.clone(), request.to_owned());
        let read = async move {
            let (locked, record) = store.0.find(&request).await.ok()?;
            store.0.changes_of(&locked.repository, &record, Instant::now() + UNDO_TIMEOUT).await.ok()
        };
        off_workers(read).await.flatten()
    }

    /// Puts the changed files of a request back to what they were before it. Files edited since are left as they are.
    ///
    /// # Errors
    /// See [`UndoError`]; then nothing has been changed.
    pub async fn undo(&self, request: &str) -> Result<UndoReport, UndoError> {
        self.restore(request, Direction::Undo).await
    }

    /// Takes back an [`undo`](Self::undo).
    ///
    /// # Errors
    /// See [`UndoError`]; then nothing has been changed.
    pub async fn redo(&self, request: &str) -> Result<UndoReport, UndoError> {
        self.restore(request, Direction::Redo).await
    }

    async fn restore(&self, request: &str, direction: Direction) -> Result<UndoReport, UndoError> {
        let (store, request) = (self.clone(), request.to_owned());
        let handle = Handle::current();
        // Not stopped halfway if the caller no longer waits.
        let restored = spawn_blocking(move || handle.block_on(store.0.restore(&request, direction))).await;
        restored.unwrap_or_else(|error| Err(UndoError::Failed(error.to_string())))
    }
}

impl Inner {
    pub(super) fn git(&self) -> Result<Git, NoSnapshot> {
        let home = self.folder.join("home");
        let _exists = fs::create_dir_all(&home);
        // Copies of files that only their owner may read.
        #[cfg(unix)]
        let _kept = fs::set_permissions(
            &self.folder,
            <fs::Permissions as std::os::unix::fs::PermissionsExt>::from_mode(0o700),
        );
        Git::find(self.git, &self.environment, &home).ok_or_else(|| NoSnapshot(UndoError::NoGit.to_string()))
    }

    /// Opens and locks the repository of a folder that is not too large, as far as known.
    pub(super) async fn open(&self, path: &Path, until: Instant) -> Result<Locked, NoSnapshot> {
        let git = self.git()?;
        let failed =
            |error: &dyn std::fmt::Display| NoSnapshot(format!("The working folder can't be read: {error}."));
        let folder = Folder::new(path).map_err(|error| failed(&error))?;
        // Commands of codex could change our repositories there, and with them what git runs.
        let real = folder.path.canonicalize().map_err(|error| failed(&error))?;
        if self.data_dir.canonicalize().is_ok_and(|data| data.starts_with(real)) {
            return Err(NoSnapshot(
                "Changes can't be undone in a folder that holds the data folder of Codex Proxy.".to_owned(),
            ));
        }
        if let Some((at, why)) = self.too_large.lock().get(&folder.path)
            && at.elapsed() < TOO_LARGE_FOR
        {
            return Err(NoSnapshot(why.clone()));
        }
        let locked = self.lock(git, folder, until).await;
        let mut locked = locked.map_err(|error| Uncovered::of(error, &self.limits))?;
        let repository = &mut locked.repository;
        let prefix = repository.folder.prefix.trim_end_matches('/').to_owned();
        // A repository that ignores the working folder, such as one of the user's settings, does not say what is in it.
        if !prefix.is_empty()
            && repository
                .output(&["check-ignore", "--quiet", "--no-index", "--", &prefix], &[], until)
                .await
                .is_ok()
        {
            repository.folder = Folder::alone(repository.folder.path.clone());
        }
        Ok(locked)
    }

    pub(super) async fn lock(&self, git: Git, folder: Folder, until: Instant) -> Result<Locked, GitError> {
        let path = self.folder.join(folder.key());
        let lock = lock_within(&path, until.saturating_duration_since(Instant::now()))?;
        Ok(Locked { repository: Repository::open(git, path, folder, until).await?, lock })
    }

    /// Remembers that a folder is too large.
    pub(super) fn note(&self, folder: &Path, uncovered: &Uncovered) {
        let mut all = self.too_large.lock();
        all.retain(|_, (at, _)| at.elapsed() < TOO_LARGE_FOR);
        if uncovered.is_size() {
            all.insert(folder.to_owned(), (Instant::now(), uncovered.why()));
        }
    }

    async fn coverage(&self, path: &Path) -> Result<Coverage, NoSnapshot> {
        let until = Instant::now() + self.limits.time;
        let locked = self.open(path, until).await?;
        let repository = &locked.repository;
        let listed = snapshot::list(repository, &self.limits, until).await;
        let files = listed.inspect_err(|error| self.note(&repository.folder.path, error))?;
        let mut left_out = Vec::new();
        let pathspec = repository.folder.pathspec();
        let ignored =
            ["ls-files", "-z", "--others", "--ignored", "--exclude-standard", "--directory", "--", &pathspec];
        let mut any = false;
        let listed = repository.stream(&ignored, &[], until, |_| {
            any = true;
            std::ops::ControlFlow::Break(())
        });
        let _broken_off = listed.await;
        if any {
            left_out.push("Files that .gitignore lists can't be restored.".to_owned());
        }
        if !files.reserved.is_empty() {
            left_out.push(
                "Files with names that Windows has reserved, such as nul, can't be restored.".to_owned(),
            );
        }
        for nested in files.nested.iter().take(5) {
            let path = text(nested.strip_prefix(repository.folder.prefix.as_bytes()).unwrap_or(nested));
            left_out.push(format!("The repository in {} can't be restored.", path.trim_end_matches('/')));
        }
        Ok(Coverage { covered: true, why: None, left_out })
    }

    pub(super) async fn changes_of(
        &self,
        repository: &Repository,
        record: &Record,
        until: Instant,
    ) -> Result<Changes, GitError> {
        let (before, after) = &record.trees;
        let entries = compare::entries(repository, before, after, until).await?;
        let (diff, diff_cut) = if entries.is_empty() {
            (String::new(), false)
        } else {
            compare::patch(repository, before, after, until).await?
        };
        let undo = if record.undone.is_some() { UndoState::Undone } else { UndoState::Possible };
        Ok(Changes {
            folder: record.folder.path.display().to_string(),
            files: compare::shown(&entries),
            count: u32::try_from(entries.len()).unwrap_or(u32::MAX),
            diff,
            diff_cut,
            undo,
        })
    }
}

/// Runs a job that blocks, off the workers. Dropping the future stops it at its next wait. `None` if it panicked or the runtime
/// shuts down.
pub(super) async fn off_workers<T: Send + 'static>(
    job: impl Future<Output = T> + Send + 'static,
) -> Option<T> {
    let stop = CancellationToken::new();
    let guard = stop.clone().drop_guard();
    let handle = Handle::current();
    let done = spawn_blocking(move || handle.block_on(stop.run_until_cancelled(job))).await;
    guard.disarm();
    done.ok().flatten()
}
