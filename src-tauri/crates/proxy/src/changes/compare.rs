//! What differs between two snapshots.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::path::PathBuf;

use tokio::time::Instant;

use super::folder::{text, to_path};
use super::git::{GitError, Repository};
use super::patch::cut_patch;
use super::types::{ChangedFile, FileAction, MAX_DIFF_BYTES, MAX_FILES};

const LINK: &str = "120000";
const NESTED_REPOSITORY: &str = "160000";
const NONE: &str = "000000";

/// A version of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Version {
    pub(super) blob: String,
    pub(super) is_link: bool,
    pub(super) is_executable: bool,
}

/// A path and what is there.
pub(super) type Side = Option<(Vec<u8>, Version)>;

/// A file that differs. Paths are git's, below the folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// The path and version before; `None` if it is new.
    pub(super) before: Side,
    /// The same after; `None` if it is gone.
    pub(super) after: Side,
    /// Lines added and removed; `None` if it is binary.
    lines: Option<(u32, u32)>,
}

impl Entry {
    /// The path that it is listed by.
    pub(super) fn path(&self) -> String {
        self.after.as_ref().or(self.before.as_ref()).map(|(path, _)| text(path)).unwrap_or_default()
    }

    fn shown(&self) -> ChangedFile {
        let what = match (&self.before, &self.after) {
            (None, _) => FileAction::Added,
            (_, None) => FileAction::Deleted,
            (Some((from, _)), Some((to, _))) if from != to => FileAction::Renamed,
            _ => FileAction::Changed,
        };
        let (added, removed) = self.lines.unwrap_or_default();
        let from = self.before.as_ref().filter(|_| what == FileAction::Renamed).map(|(path, _)| text(path));
        let version = self.after.as_ref().or(self.before.as_ref());
        let link = version.is_some_and(|(_, version)| version.is_link);
        ChangedFile { path: self.path(), what, from, added, removed, binary: self.lines.is_none(), link }
    }
}

/// The files as shown, at most [`MAX_FILES`].
pub(super) fn shown(entries: &[Entry]) -> Vec<ChangedFile> {
    let mut files: Vec<_> = entries.iter().map(Entry::shown).collect();
    files.sort_by(|one, other| one.path.cmp(&other.path));
    files.truncate(MAX_FILES);
    files
}

/// The files that differ between two trees, with renames paired.
pub(super) async fn entries(
    repository: &Repository,
    before: &str,
    after: &str,
    until: Instant,
) -> Result<Vec<Entry>, GitError> {
    let relative = format!("--relative={}", repository.folder.prefix);
    let args = [
        "diff-tree",
        "-r",
        "-z",
        "-M",
        "--no-abbrev",
        "--raw",
        "--numstat",
        "--no-ext-diff",
        "--no-textconv",
        &relative,
        before,
        after,
    ];
    let args = if repository.folder.prefix.is_empty() {
        args.iter().copied().filter(|arg| !arg.starts_with("--relative")).collect()
    } else {
        args.to_vec()
    };
    let output = repository.output(&args, &[], until).await?;
    parse(&output).ok_or_else(|| GitError::Failed("its output is not understood".to_owned()))
}

/// Reads `--raw --numstat -z`: all raw lines come first.
fn parse(output: &[u8]) -> Option<Vec<Entry>> {
    let mut fields = output.split(|byte| *byte == 0).peekable();
    let mut entries: Vec<Entry> = Vec::new();
    let mut by_path: HashMap<Vec<u8>, usize> = HashMap::new();
    while let Some(field) = fields.next_if(|field| field.starts_with(b":")) {
        let line = std::str::from_utf8(&field[1..]).ok()?;
        let [before_mode, after_mode, before_blob, after_blob, status] =
            line.split(' ').collect::<Vec<_>>().try_into().ok()?;
        let from = fields.next()?.to_vec();
        let to = if status.starts_with(['R', 'C']) { fields.next()?.to_vec() } else { from.clone() };
        // Not covered; there is one only if it appeared while the snapshot was taken.
        if [before_mode, after_mode].contains(&NESTED_REPOSITORY) {
            continue;
        }
        by_path.insert(to.clone(), entries.len());
        entries.push(Entry {
            before: version(before_mode, before_blob).map(|version| (from, version)),
            after: version(after_mode, after_blob).map(|version| (to, version)),
            lines: None,
        });
    }
    while let Some(field) = fields.next().filter(|field| !field.is_empty()) {
        let mut parts = field.splitn(3, |byte| *byte == b'\t');
        let [added, removed, path] = [parts.next()?, parts.next()?, parts.next()?];
        let number = |text: &[u8]| std::str::from_utf8(text).ok()?.parse::<u32>().ok();
        // A renamed file has its two paths in fields of their own.
        let path = if path.is_empty() { fields.next().and_then(|_from| fields.next())? } else { path };
        if let Some(entry) = by_path.get(path).and_then(|index| entries.get_mut(*index)) {
            entry.lines = number(added).zip(number(removed));
        }
    }
    Some(entries)
}

fn version(mode: &str, blob: &str) -> Option<Version> {
    let is_executable = mode == "100755";
    (mode != NONE).then(|| Version { blob: blob.to_owned(), is_link: mode == LINK, is_executable })
}

/// The folders of a tree, by their paths below the working folder.
pub(super) async fn folders(
    repository: &Repository,
    tree: &str,
    until: Instant,
) -> Result<Vec<PathBuf>, GitError> {
    let prefix = repository.folder.prefix.as_bytes();
    let folders = repository.list(&["ls-tree", "-r", "-d", "-z", "--name-only", tree], until).await?;
    Ok(folders.iter().filter_map(|path| to_path(path.strip_prefix(prefix)?)).collect())
}

/// The difference as a git patch, and whether files were left out of it.
pub(super) async fn patch(
    repository: &Repository,
    before: &str,
    after: &str,
    until: Instant,
) -> Result<(String, bool), GitError> {
    let relative = format!("--relative={}", repository.folder.prefix);
    let mut args = vec!["diff-tree", "-r", "-p", "-M", "--no-color", "--no-ext-diff", "--no-textconv"];
    if !repository.folder.prefix.is_empty() {
        args.push(&relative);
    }
    args.extend([before, after]);
    let mut output = Vec::new();
    let printed = repository.stream(&args, &[], until, |piece| {
        output.extend_from_slice(piece);
        // One more file, so that the cut is at its beginning.
        if output.len() > 2 * MAX_DIFF_BYTES { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    match printed.await {
        Ok(()) | Err(GitError::TooMuch) => Ok(cut_patch(text(&output))),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_with_special_characters_and_renames_are_read() {
        let raw = b":100644 100755 aaa bbb M\0a\nb\0:100644 100644 aaa ccc R090\0-old name\0new\tname\0:000000 120000 000 ddd A\0link\0\
            :000000 160000 000 eee A\0nested\0\
            1\t2\ta\nb\0-\t-\t\0-old name\0new\tname\0\
            1\t0\tlink\0";
        let entries = parse(raw).unwrap();
        let files = shown(&entries);
        let paths: Vec<_> = files.iter().map(|file| file.path.as_str()).collect();
        assert_eq!(paths, ["a\nb", "link", "new\tname"]);
        assert_eq!((files[0].added, files[0].removed, files[0].binary), (1, 2, false));
        assert!(files[1].link && files[1].what == FileAction::Added);
        assert!(files[2].binary && files[2].from.as_deref() == Some("-old name"));
        assert!(entries[0].after.as_ref().unwrap().1.is_executable);
    }
}
