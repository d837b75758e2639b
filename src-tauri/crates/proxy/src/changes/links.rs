//! Symbolic links, which Windows has too: of two kinds, and only for some.

use std::fs;
use std::io;
use std::path::Path;

/// The target of a link, as git has it.
#[cfg(unix)]
pub(super) fn target_in_git(target: &Path) -> Vec<u8> {
    target.as_os_str().as_encoded_bytes().to_vec()
}

#[cfg(not(unix))]
pub(super) fn target_in_git(target: &Path) -> Vec<u8> {
    target.to_string_lossy().replace('\\', "/").into_bytes()
}

/// Makes a link to a target as git has it.
#[cfg(unix)]
pub(super) fn make(target: &[u8], path: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(<std::ffi::OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(target), path)
}

#[cfg(windows)]
pub(super) fn make(target: &[u8], path: &Path) -> io::Result<()> {
    use std::os::windows::fs::{symlink_dir, symlink_file};
    let target = String::from_utf8_lossy(target).replace('/', r"\");
    let is_folder = path.parent().is_some_and(|folder| folder.join(&target).is_dir());
    let made = if is_folder { symlink_dir(&target, path) } else { symlink_file(&target, path) };
    made.map_err(|error| match error.raw_os_error() {
        // ERROR_PRIVILEGE_NOT_HELD
        Some(1314) => io::Error::new(error.kind(), "Windows makes links only in its developer mode"),
        _ => error,
    })
}

/// Whether it is a link of the kind that Windows has for folders, which is removed like one and cannot be replaced.
pub(super) fn is_link_to_folder(path: &Path) -> bool {
    #[cfg(windows)]
    let is_for_folder = std::os::windows::fs::FileTypeExt::is_symlink_dir;
    #[cfg(not(windows))]
    let is_for_folder = |_: &fs::FileType| false;
    fs::symlink_metadata(path).is_ok_and(|meta| is_for_folder(&meta.file_type()))
}

/// Removes a file or a link.
pub(super) fn remove(path: &Path) -> io::Result<()> {
    if is_link_to_folder(path) { fs::remove_dir(path) } else { fs::remove_file(path) }
}
