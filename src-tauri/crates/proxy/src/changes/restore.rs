//! Puts files back, one by one, and refuses those that somebody has edited.
//!
//! A file is only written below real folders: a folder that has become a link since could lead anywhere.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use super::compare::{Entry, Version};
use super::folder::to_path;
use super::types::{RefusedFile, UndoReport};

const EDITED: &str = "It has been edited since.";
const LINKED: &str = "Its folder has become a link since.";
const NAME: &str = "This system can't have a file of this name.";

/// Which way to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    Undo,
    Redo,
}

/// What restoring needs to know.
#[derive(Debug)]
pub(super) struct Restore<'a> {
    pub(super) folder: &'a Path,
    pub(super) direction: Direction,
    /// The contents, by blob.
    pub(super) blobs: &'a HashMap<String, PathBuf>,
    /// Permissions of files that are gone, by path.
    pub(super) modes: &'a BTreeMap<String, u32>,
    /// Folders that were there before; `None` keeps all.
    pub(super) known_folders: Option<&'a HashSet<PathBuf>>,
}

/// A path and the versions that it has and gets.
struct Step<'a> {
    path: PathBuf,
    present: Option<&'a Version>,
    wanted: Option<&'a Version>,
}

impl Restore<'_> {
    /// Restores these files, except those with a reason in `refused`.
    pub(super) fn run(&self, entries: &[Entry], mut refused: HashMap<String, String>) -> UndoReport {
        let mut report = UndoReport::default();
        // A file may have taken the place of a folder, or a folder that of a file: first make room.
        let (removals, rest): (Vec<_>, Vec<_>) =
            entries.iter().partition(|entry| self.source_and_target(entry).1.is_none());
        for entry in removals.into_iter().chain(rest) {
            let path = entry.path();
            let done = refused.remove(&path).map_or_else(|| self.restore(entry), Err);
            match done {
                Ok(()) => report.restored.push(path),
                Err(why) => report.refused.push(RefusedFile { path, why }),
            }
        }
        report.restored.sort();
        report.refused.sort_by(|one, other| one.path.cmp(&other.path));
        report
    }

    fn source_and_target<'e>(
        &self,
        entry: &'e Entry,
    ) -> (Option<&'e (Vec<u8>, Version)>, Option<&'e (Vec<u8>, Version)>) {
        match self.direction {
            Direction::Undo => (entry.after.as_ref(), entry.before.as_ref()),
            Direction::Redo => (entry.before.as_ref(), entry.after.as_ref()),
        }
    }

    fn restore(&self, entry: &Entry) -> Result<(), String> {
        let (from, to) = self.source_and_target(entry);
        let path = |file: &(Vec<u8>, Version)| to_path(&file.0).ok_or(NAME);
        let mut steps = Vec::new();
        match (from, to) {
            (Some(from), Some(to)) if from.0 == to.0 => {
                steps.push(Step { path: path(from)?, present: Some(&from.1), wanted: Some(&to.1) });
            }
            (from, to) => {
                if let Some(to) = to {
                    steps.push(Step { path: path(to)?, present: None, wanted: Some(&to.1) });
                }
                if let Some(from) = from {
                    steps.push(Step { path: path(from)?, present: Some(&from.1), wanted: None });
                }
            }
        }
        // Renamed into a folder in its own place.
        if let [to, from] = steps.as_slice()
            && from.path.starts_with(&to.path)
        {
            steps.reverse();
        }
        for step in &steps {
            self.check(step)?;
        }
        for step in steps {
            let path = self.folder.join(&step.path);
            let done = match step.wanted {
                Some(version) => self.write(&step.path, version),
                None => fs::remove_file(&path),
            };
            done.map_err(|error| format!("It could not be restored: {error}."))?;
            if step.wanted.is_none() {
                self.remove_empty_parents(&step.path);
            }
        }
        Ok(())
    }

    /// Checks that a path is as the snapshot has it.
    fn check(&self, step: &Step<'_>) -> Result<(), String> {
        let path = self.folder.join(&step.path);
        let linked = self
            .parents(&step.path)
            .any(|parent| fs::symlink_metadata(parent).is_ok_and(|meta| meta.file_type().is_symlink()));
        if linked {
            return Err(LINKED.to_owned());
        }
        let is_as_expected = match (step.present, fs::symlink_metadata(&path)) {
            (None, Err(_)) => true,
            // A folder in the place of a file: it is in the way unless it is empty by now.
            (None, Ok(meta)) => meta.is_dir(),
            (Some(_), Err(_)) => false,
            (Some(version), Ok(meta)) if version.is_link => {
                meta.file_type().is_symlink()
                    && fs::read_link(&path).is_ok_and(|target| {
                        self.content(version)
                            .is_some_and(|content| content == target.as_os_str().as_encoded_bytes())
                    })
            }
            (Some(version), Ok(meta)) => {
                meta.is_file()
                    && (cfg!(windows) || is_executable(&meta) == version.is_executable)
                    && self
                        .blobs
                        .get(&version.blob)
                        .is_some_and(|blob| same_content(&path, blob).unwrap_or(false))
            }
        };
        if is_as_expected { Ok(()) } else { Err(EDITED.to_owned()) }
    }

    /// The folders above a file, from the working folder's own children down.
    fn parents(&self, path: &Path) -> impl Iterator<Item = PathBuf> {
        let mut parents: Vec<_> = path
            .ancestors()
            .skip(1)
            .filter(|parent| !parent.as_os_str().is_empty())
            .map(|parent| self.folder.join(parent))
            .collect();
        parents.reverse();
        parents.into_iter()
    }

    fn content(&self, version: &Version) -> Option<Vec<u8>> {
        fs::read(self.blobs.get(&version.blob)?).ok()
    }

    /// Writes a version to a temporary file beside its path, and renames that.
    fn write(&self, below: &Path, version: &Version) -> io::Result<()> {
        let path = self.folder.join(below);
        for parent in self.parents(below) {
            match fs::symlink_metadata(&parent) {
                Ok(meta) if meta.is_dir() => {}
                Ok(_) => return Err(io::Error::other("its folder is no folder")),
                Err(_) => fs::create_dir(&parent)?,
            }
        }
        let folder = path.parent().unwrap_or(self.folder);
        let blob = self.blobs.get(&version.blob).ok_or_else(|| io::Error::other("its content is gone"))?;
        let mut builder = tempfile::Builder::new();
        let builder = builder.prefix(".undo-");
        if version.is_link {
            let target = fs::read(blob)?;
            let link = builder.make_in(folder, |path| make_link(&target, path))?;
            link.persist(&path)?;
            return Ok(());
        }
        let before = fs::symlink_metadata(&path).ok().filter(fs::Metadata::is_file);
        set_new_mode(builder, version.is_executable);
        let mut file = builder.tempfile_in(folder)?;
        io::copy(&mut fs::File::open(blob)?, file.as_file_mut())?;
        file.as_file_mut().flush()?;
        let mode = self.modes.get(&*below.to_string_lossy()).copied();
        set_mode(file.as_file(), before.as_ref(), mode, version.is_executable)?;
        file.persist(&path)?;
        Ok(())
    }

    /// Removes the folders above a removed file that are empty now and were not there before.
    fn remove_empty_parents(&self, path: &Path) {
        let Some(known) = self.known_folders else { return };
        for folder in path.ancestors().skip(1).filter(|folder| !folder.as_os_str().is_empty()) {
            if known.contains(folder) || fs::remove_dir(self.folder.join(folder)).is_err() {
                break;
            }
        }
    }
}

/// Whether two files have the same content.
fn same_content(one: &Path, other: &Path) -> io::Result<bool> {
    let (mut one, mut other) = (fs::File::open(one)?, fs::File::open(other)?);
    if one.metadata()?.len() != other.metadata()?.len() {
        return Ok(false);
    }
    let (mut a, mut b) = (vec![0; 64 * 1024], vec![0; 64 * 1024]);
    loop {
        let count = one.read(&mut a)?;
        if count == 0 {
            return Ok(other.read(&mut b)? == 0);
        }
        if other.read_exact(&mut b[..count]).is_err() || a[..count] != b[..count] {
            return Ok(false);
        }
    }
}

#[cfg(unix)]
fn make_link(target: &[u8], path: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(<std::ffi::OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(target), path)
}

#[cfg(not(unix))]
fn make_link(_target: &[u8], _path: &Path) -> io::Result<()> {
    Err(io::Error::other("links can't be restored on this system"))
}

#[cfg(unix)]
fn is_executable(meta: &fs::Metadata) -> bool {
    std::os::unix::fs::PermissionsExt::mode(&meta.permissions()) & 0o100 != 0
}

#[cfg(not(unix))]
fn is_executable(_: &fs::Metadata) -> bool {
    false
}

/// The mode of a new file, from which the system takes what its umask says.
#[cfg(unix)]
fn set_new_mode(builder: &mut tempfile::Builder<'_, '_>, is_executable: bool) {
    let mode = if is_executable { 0o777 } else { 0o666 };
    builder.permissions(<fs::Permissions as std::os::unix::fs::PermissionsExt>::from_mode(mode));
}

#[cfg(not(unix))]
fn set_new_mode(_: &mut tempfile::Builder<'_, '_>, _is_executable: bool) {}

/// Gives a file the permissions that it had, or else those of the file that it replaces, executable or not.
#[cfg(unix)]
fn set_mode(
    file: &fs::File,
    replaced: Option<&fs::Metadata>,
    mode: Option<u32>,
    is_executable: bool,
) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    let Some(mode) = mode.or_else(|| replaced.map(|meta| meta.permissions().mode() & 0o777)) else {
        return Ok(());
    };
    let mode = match (mode & 0o100 != 0, is_executable) {
        // Who may read it may execute it.
        (false, true) => mode | (mode & 0o444) >> 2,
        (true, false) => mode & !0o111,
        _ => mode,
    };
    file.set_permissions(fs::Permissions::from_mode(mode & 0o777))
}

#[cfg(not(unix))]
fn set_mode(_: &fs::File, _: Option<&fs::Metadata>, _: Option<u32>, _: bool) -> io::Result<()> {
    Ok(())
}
