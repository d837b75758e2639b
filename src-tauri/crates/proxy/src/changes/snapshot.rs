//! Takes a snapshot of a folder: a tree in our repository.

use std::collections::HashMap;
use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::time::Instant;

use super::folder::{text, to_path};
use super::git::{GitError, Repository};
use crate::files::is_device_or_stream;

/// What a snapshot may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SnapshotLimits {
    /// Files.
    pub(crate) files: usize,
    /// Their total size in bytes.
    pub(crate) bytes: u64,
    /// The time, once for the snapshot before an answer and once for the one after it.
    pub(crate) time: Duration,
}

impl Default for SnapshotLimits {
    fn default() -> Self {
        Self { files: 20_000, bytes: 500 * 1000 * 1000, time: Duration::from_secs(5) }
    }
}

/// Empty folders that are remembered; with more, no folder is removed by undoing.
const MAX_EMPTY_FOLDERS: usize = 1000;

/// The files of a folder.
#[derive(Clone, Debug, Default)]
pub(super) struct Listing {
    /// The permissions of each file, by git's path.
    pub(super) modes: HashMap<Vec<u8>, u32>,
    /// Nested repositories, by git's path.
    pub(super) nested: Vec<Vec<u8>>,
    /// Files with names that Windows has reserved, by git's path. One such file makes git give up the whole snapshot.
    pub(super) reserved: Vec<Vec<u8>>,
}

/// A folder at one time.
#[derive(Clone, Debug)]
pub(super) struct Snapshot {
    pub(super) tree: String,
    pub(super) files: Listing,
}

/// Why a folder cannot be recorded.
#[derive(Debug)]
pub(super) enum Uncovered {
    TooManyFiles(usize),
    TooLarge(u64),
    TooSlow(Duration),
    Git(String),
}

impl Uncovered {
    /// The reason, a sentence.
    pub(super) fn why(&self) -> String {
        match self {
            Self::TooManyFiles(most) => {
                format!("The working folder is too large to undo changes: it has more than {most} files.")
            }
            Self::TooLarge(most) => {
                let mb = most / 1_000_000;
                format!("The working folder is too large to undo changes: it has more than {mb} MB.")
            }
            Self::TooSlow(most) => {
                let seconds = most.as_secs();
                format!(
                    "The working folder is too large to undo changes: a snapshot takes over {seconds} seconds."
                )
            }
            Self::Git(reason) => format!("git could not take a snapshot of the working folder: {reason}."),
        }
    }

    pub(super) fn is_size(&self) -> bool {
        !matches!(self, Self::Git(_))
    }

    pub(super) fn of(error: GitError, limits: &SnapshotLimits) -> Self {
        match error {
            GitError::TimedOut => Self::TooSlow(limits.time),
            GitError::TooMuch => Self::TooManyFiles(limits.files),
            GitError::Failed(reason) => Self::Git(reason.trim_end_matches('.').to_owned()),
        }
    }
}

/// Lists the files of the folder, and stops at the limits.
pub(super) async fn list(
    repository: &Repository,
    limits: &SnapshotLimits,
    until: Instant,
) -> Result<Listing, Uncovered> {
    let pathspec = repository.folder.pathspec();
    let args = ["ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", &pathspec];
    let (mut output, mut count) = (Vec::new(), 0);
    let listed = repository.stream(&args, &[], until, |piece| {
        output.extend_from_slice(piece);
        count += piece.iter().filter(|byte| **byte == 0).count();
        // The names of files that are gone count twice at most; their sizes are checked below.
        if count > 2 * limits.files { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    listed.await.map_err(|error| Uncovered::of(error, limits))?;
    let mut listing = Listing::default();
    let mut bytes = 0;
    for path in output.split(|byte| *byte == 0).filter(|path| !path.is_empty()) {
        if path.ends_with(b"/") {
            listing.nested.push(path.to_vec());
            continue;
        }
        if is_reserved(path) {
            listing.reserved.push(path.to_vec());
            continue;
        }
        let file = to_path(path).map(|path| repository.folder.root.join(path));
        // A file that is gone since is no error: it is not in the folder.
        let Some(meta) = file.and_then(|file| fs::symlink_metadata(file).ok()) else { continue };
        bytes += meta.len();
        listing.modes.insert(path.to_vec(), mode(&meta));
        if listing.modes.len() > limits.files {
            return Err(Uncovered::TooManyFiles(limits.files));
        }
        if bytes > limits.bytes {
            return Err(Uncovered::TooLarge(limits.bytes));
        }
    }
    Ok(listing)
}

/// Records the folder.
pub(super) async fn take(
    repository: &Repository,
    limits: &SnapshotLimits,
    until: Instant,
) -> Result<Snapshot, Uncovered> {
    let files = list(repository, limits, until).await?;
    let uncovered = |error| Uncovered::of(error, limits);
    // An index without entries lists none; a pathspec that matches nothing is an error.
    if !files.modes.is_empty() || !repository.is_new() {
        let mut specs = repository.folder.pathspec().into_bytes();
        for left_out in files.nested.iter().chain(&files.reserved) {
            specs.extend(b"\0:(exclude,literal)");
            specs.extend(left_out.strip_suffix(b"/").unwrap_or(left_out));
        }
        let mut args =
            vec!["add", "--all", "--ignore-errors", "--pathspec-from-file=-", "--pathspec-file-nul"];
        if repository.is_new() {
            // Writes the files into one pack instead of a file for each, as they are: three times as fast.
            args.splice(0..0, ["-c", "core.bigFileThreshold=1", "-c", "core.compression=0"]);
        }
        let added = repository.output(&args, &specs, until).await;
        match added {
            Err(GitError::Failed(reason)) if reason.contains("did not match any file") => {
                repository.output(&["read-tree", "--empty"], &[], until).await.map_err(uncovered)?;
            }
            added => drop(added.map_err(uncovered)?),
        }
    }
    let tree = repository.output(&["write-tree"], &[], until).await.map_err(uncovered)?;
    Ok(Snapshot { tree: text(&tree).trim().to_owned(), files })
}

/// The folders that hold no file of the snapshot just taken, by their paths below the folder; `None` if there are too many.
pub(super) async fn empty_folders(
    repository: &Repository,
    files: &Listing,
    until: Instant,
) -> Result<Option<Vec<PathBuf>>, GitError> {
    let folder = &repository.folder;
    let pathspec = folder.pathspec();
    let args = ["ls-files", "-z", "--others", "--exclude-standard", "--directory", "--", &pathspec];
    let tops = repository.list(&args, until).await?;
    let tops = tops.iter().filter(|path| path.ends_with(b"/") && !files.nested.contains(path));
    let mut found: Vec<PathBuf> = tops.filter_map(|path| Some(folder.root.join(to_path(path)?))).collect();
    let mut next = 0;
    while let Some(here) = found.get(next).cloned() {
        next += 1;
        let entries = fs::read_dir(here).into_iter().flatten().flatten();
        found.extend(
            entries
                .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
                .map(|entry| entry.path()),
        );
        if found.len() > MAX_EMPTY_FOLDERS {
            return Ok(None);
        }
    }
    let below = |path: PathBuf| path.strip_prefix(&folder.path).map(Path::to_owned).ok();
    Ok(Some(found.into_iter().filter_map(below).collect()))
}

/// Whether only programs that circumvent Windows' rules can use a file: `nul`, `aux.txt`, or a name with a dot or a blank at the
/// end. Shells with a Unix past leave such files behind, for `> nul`.
fn is_reserved(path: &[u8]) -> bool {
    let is_one = |name: &str| is_device_or_stream(name) || name.ends_with(['.', ' ']);
    cfg!(windows) && std::str::from_utf8(path).is_ok_and(|path| path.split('/').any(is_one))
}

#[cfg(unix)]
fn mode(meta: &fs::Metadata) -> u32 {
    std::os::unix::fs::PermissionsExt::mode(&meta.permissions()) & 0o7777
}

/// Windows' only permission of this kind.
#[cfg(not(unix))]
fn mode(meta: &fs::Metadata) -> u32 {
    if meta.permissions().readonly() { 0o444 } else { 0o644 }
}
