//! Puts files back, one by one, and refuses files that were edited in the meantime.
//!
//! A file is only written below real folders: a folder that has become a link since could lead anywhere.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use codex_client::persist_file;
use tempfile::TempPath;

use super::compare::{Entry, Version};
use super::folder::to_path;
use super::links;
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
    /// Permissions that files had, by path.
    pub(super) modes: &'a BTreeMap<String, u32>,
    /// Folders that were there; `None` keeps all.
    pub(super) known_folders: Option<&'a HashSet<PathBuf>>,
}

/// A file as it is, and as it should be.
struct Move<'a> {
    name: String,
    from: Option<(PathBuf, &'a Version)>,
    to: Option<(PathBuf, &'a Version)>,
    /// Why it is refused, so far.
    done: Result<(), String>,
}

impl Move<'_> {
    /// The path that it leaves.
    fn left(&self) -> Option<&Path> {
        let (from, _) = self.from.as_ref()?;
        (self.to.as_ref().map(|(to, _)| to) != Some(from)).then_some(from.as_path())
    }
}

impl Restore<'_> {
    /// Restores these files, except those with a reason in `refused`. Everything is checked before anything is written, and
    /// room is made before it is needed: a file may have taken the place of a folder, or a folder that of a file.
    pub(super) fn run(&self, entries: &[Entry], mut refused: HashMap<String, String>) -> UndoReport {
        let mut moves: Vec<_> = entries.iter().map(|entry| self.plan(entry, &mut refused)).collect();
        let leaving: HashSet<PathBuf> =
            moves.iter().filter_map(|one| one.left().map(Path::to_owned)).collect();
        for one in moves.iter_mut().filter(|one| one.done.is_ok()) {
            one.done = self.check(one, &leaving);
        }
        let failed = |error: io::Error| format!("It could not be restored: {error}.");
        for one in moves.iter_mut().filter(|one| one.done.is_ok()) {
            if let Some(path) = one.left() {
                let removed = links::remove(&self.folder.join(path));
                self.remove_empty_parents(path);
                one.done = removed.map_err(failed);
            }
        }
        for one in moves.iter_mut().filter(|one| one.done.is_ok()) {
            if let Some((path, version)) = &one.to
                && let Err(error) = self.write(path, version)
            {
                if let Some((from, version)) = one.from.as_ref().filter(|_| one.left().is_some()) {
                    let _back = self.write(from, version);
                }
                one.done = Err(failed(error));
            }
        }
        let mut report = UndoReport::default();
        for Move { name: path, done, .. } in moves {
            match done {
                Ok(()) => report.restored.push(path),
                Err(why) => report.refused.push(RefusedFile { path, why }),
            }
        }
        report.restored.sort();
        report.refused.sort_by(|one, other| one.path.cmp(&other.path));
        report
    }

    fn plan<'e>(&self, entry: &'e Entry, refused: &mut HashMap<String, String>) -> Move<'e> {
        let name = entry.path();
        let (from, to) = match self.direction {
            Direction::Undo => (&entry.after, &entry.before),
            Direction::Redo => (&entry.before, &entry.after),
        };
        let file = |file: &'e Option<(Vec<u8>, Version)>| {
            let known = |(path, version): &'e (Vec<u8>, Version)| Some((to_path(path)?, version));
            (file.as_ref().map(known).is_none_or(|file| file.is_some()), file.as_ref().and_then(known))
        };
        let ((from_known, from), (to_known, to)) = (file(from), file(to));
        let done = match refused.remove(&name) {
            Some(why) => Err(why),
            None if from_known && to_known => Ok(()),
            None => Err(NAME.to_owned()),
        };
        Move { name, from, to, done }
    }

    /// Checks that a file is as the snapshot has it, and that the place that it gets is free.
    fn check(&self, one: &Move<'_>, leaving: &HashSet<PathBuf>) -> Result<(), String> {
        if let Some((path, version)) = &one.from {
            self.check_parents(path, &HashSet::new())?;
            match self.is_present(&self.folder.join(path), version) {
                Ok(true) => {}
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(format!("It can't be read: {error}."));
                }
                _ => return Err(EDITED.to_owned()),
            }
        }
        let Some((path, _)) = one.to.as_ref().filter(|_| one.from.is_none() || one.left().is_some()) else {
            return Ok(());
        };
        self.check_parents(path, leaving)?;
        // Below what leaves, nothing else can be. A folder is in the way unless it is empty by then.
        let leaves = path.ancestors().any(|path| leaving.contains(path));
        let is_free = |meta: fs::Metadata| meta.is_dir();
        if leaves || fs::symlink_metadata(self.folder.join(path)).map_or(true, is_free) {
            Ok(())
        } else {
            Err(EDITED.to_owned())
        }
    }

    /// Refuses a file below a link, unless that leaves.
    fn check_parents(&self, path: &Path, leaving: &HashSet<PathBuf>) -> Result<(), String> {
        for parent in parents(path) {
            if leaving.contains(parent) {
                return Ok(());
            }
            if self.folder.join(parent).is_symlink() {
                return Err(LINKED.to_owned());
            }
        }
        Ok(())
    }

    fn is_present(&self, path: &Path, version: &Version) -> io::Result<bool> {
        let meta = fs::symlink_metadata(path)?;
        let Some(blob) = self.blobs.get(&version.blob) else { return Ok(false) };
        if version.is_link {
            return Ok(meta.is_symlink() && links::target_in_git(&fs::read_link(path)?) == fs::read(blob)?);
        }
        Ok(meta.is_file()
            && (cfg!(windows) || is_executable(&meta) == version.is_executable)
            && same_content(path, blob)?)
    }

    /// Writes a version to a temporary file beside its path, and renames that.
    fn write(&self, below: &Path, version: &Version) -> io::Result<()> {
        let path = self.folder.join(below);
        for parent in parents(below) {
            let parent = self.folder.join(parent);
            match fs::symlink_metadata(&parent) {
                Ok(meta) if meta.is_dir() => {}
                Ok(_) => return Err(io::Error::other("its folder is no folder")),
                Err(_) => fs::create_dir(&parent)?,
            }
        }
        if fs::symlink_metadata(&path).is_ok_and(|meta| meta.is_dir()) {
            remove_empty_folders(&path)?;
        }
        if links::is_link_to_folder(&path) {
            links::remove(&path)?;
        }
        let folder = path.parent().unwrap_or(self.folder);
        let blob = self.blobs.get(&version.blob).ok_or_else(|| io::Error::other("its content is gone"))?;
        let mut builder = tempfile::Builder::new();
        let builder = builder.prefix(".undo-");
        if version.is_link {
            let target = fs::read(blob)?;
            let link = builder.make_in(folder, |path| links::make(&target, path))?;
            return persist_file(link.into_temp_path(), &path);
        }
        let before = fs::symlink_metadata(&path).ok().filter(fs::Metadata::is_file);
        set_new_mode(builder, version.is_executable);
        let mut file = builder.tempfile_in(folder)?;
        io::copy(&mut fs::File::open(blob)?, file.as_file_mut())?;
        file.as_file_mut().flush()?;
        let mode = self.modes.get(&*below.to_string_lossy()).copied();
        set_mode(file.as_file(), before.as_ref(), mode, version.is_executable)?;
        let was_read_only = before.as_ref().is_some_and(|meta| meta.permissions().readonly());
        let read_only = mode.map_or(was_read_only, |mode| mode & 0o200 == 0);
        replace(file.into_temp_path(), &path, was_read_only, read_only)
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

/// The folders above a file below the working folder, outermost first.
fn parents(path: &Path) -> impl Iterator<Item = &Path> {
    let parents: Vec<_> = path.ancestors().skip(1).filter(|parent| !parent.as_os_str().is_empty()).collect();
    parents.into_iter().rev()
}

/// Removes a folder that has taken a file's place. Fails if there is a file in it or below.
fn remove_empty_folders(path: &Path) -> io::Result<()> {
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        if !entry.file_type()?.is_dir() {
            return Err(io::Error::other("a folder with other files has its name"));
        }
        remove_empty_folders(&entry.path())?;
    }
    fs::remove_dir(path)
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

#[cfg(unix)]
fn replace(file: TempPath, path: &Path, _was_read_only: bool, _read_only: bool) -> io::Result<()> {
    persist_file(file, path)
}

/// Windows does not replace a read-only file.
#[cfg(not(unix))]
fn replace(file: TempPath, path: &Path, was_read_only: bool, read_only: bool) -> io::Result<()> {
    let set = |read_only| {
        let mut permissions = fs::metadata(path)?.permissions();
        permissions.set_readonly(read_only);
        fs::set_permissions(path, permissions)
    };
    if was_read_only {
        set(false)?;
    }
    let replaced = persist_file(file, path);
    if (replaced.is_ok() && read_only) || (replaced.is_err() && was_read_only) {
        set(true)?;
    }
    replaced
}
