//! A patch as text: cutting it, and reading codex's own where there is no snapshot.

use super::types::{ChangedFile, FileAction, MAX_DIFF_BYTES, MAX_FILES};

/// The beginning of each file's part. No other line of a patch begins with it.
const FILE: &str = "diff --git ";

/// Leaves out whole files at the end of a patch that is too long. Returns it and whether that was needed.
pub(super) fn cut_patch(mut patch: String) -> (String, bool) {
    if patch.len() <= MAX_DIFF_BYTES {
        return (patch, false);
    }
    let kept = &patch[..patch.floor_char_boundary(MAX_DIFF_BYTES)];
    let end = kept.rfind("\ndiff --git ").map_or(0, |newline| newline + 1);
    patch.truncate(end);
    (patch, true)
}

/// Tells the lines of a patch that name files from its content, which may look the same.
#[derive(Default)]
struct Hunks {
    /// Lines left in the hunk, before and after.
    left: (u32, u32),
}

impl Hunks {
    /// Whether the next line is content.
    fn is_content(&mut self, line: &str) -> bool {
        let (before, after) = &mut self.left;
        if (*before, *after) == (0, 0) {
            if let Some(hunk) = line.strip_prefix("@@ -") {
                self.left = hunk_lines(hunk).unwrap_or_default();
            }
            return false;
        }
        let (removes, adds) = match line.as_bytes().first() {
            Some(b'+') => (0, 1),
            Some(b'-') => (1, 0),
            Some(b'\\') => (0, 0),
            _ => (1, 1),
        };
        (*before, *after) = (before.saturating_sub(removes), after.saturating_sub(adds));
        true
    }
}

/// Makes the paths of a patch relative to a folder: `prefix` is that folder's path, with a `/` at the end.
pub(super) fn relative_to(patch: String, prefix: &str) -> String {
    if prefix.is_empty() {
        return patch;
    }
    let mut hunks = Hunks::default();
    let (a, b) = (format!("a/{prefix}"), format!("b/{prefix}"));
    let relative = |line: &str| {
        if let Some(names) = line.strip_prefix(FILE) {
            let names = names.strip_prefix(&a).map_or_else(|| names.to_owned(), |names| format!("a/{names}"));
            return format!("{FILE}{}", names.replacen(&format!(" {b}"), " b/", 1));
        }
        for (start, prefix, kept) in [
            ("--- ", a.as_str(), "a/"),
            ("+++ ", b.as_str(), "b/"),
            ("rename from ", prefix, ""),
            ("rename to ", prefix, ""),
        ] {
            if let Some(path) = line.strip_prefix(start).and_then(|path| path.strip_prefix(prefix)) {
                return format!("{start}{kept}{path}");
            }
        }
        line.to_owned()
    };
    let lines = patch.split_inclusive('\n');
    lines.map(|line| if hunks.is_content(line) { line.to_owned() } else { relative(line) }).collect()
}

/// The files of a patch, and how many there are.
pub(super) fn files_of(patch: &str) -> (Vec<ChangedFile>, u32) {
    let mut files: Vec<ChangedFile> = Vec::new();
    let mut hunks = Hunks::default();
    for line in patch.lines() {
        let is_content = hunks.is_content(line);
        if let Some(names) = line.strip_prefix(FILE).filter(|_| !is_content) {
            files.push(ChangedFile {
                path: second_name(names),
                what: FileAction::Changed,
                from: None,
                added: 0,
                removed: 0,
                binary: false,
                link: false,
            });
            continue;
        }
        let Some(file) = files.last_mut() else { continue };
        if is_content {
            file.added += u32::from(line.starts_with('+'));
            file.removed += u32::from(line.starts_with('-'));
        } else if let Some(mode) = line.strip_prefix("new file mode ") {
            (file.what, file.link) = (FileAction::Added, mode == "120000");
        } else if line.starts_with("deleted file mode ") {
            file.what = FileAction::Deleted;
        } else if let Some(from) = line.strip_prefix("rename from ") {
            (file.what, file.from) = (FileAction::Renamed, Some(from.to_owned()));
        } else if let Some(to) = line.strip_prefix("rename to ") {
            to.clone_into(&mut file.path);
        } else if line.starts_with("Binary files ") || line.starts_with("GIT binary patch") {
            file.binary = true;
        }
    }
    let count = u32::try_from(files.len()).unwrap_or(u32::MAX);
    files.sort_by(|one, other| one.path.cmp(&other.path));
    files.truncate(MAX_FILES);
    (files, count)
}

/// The name in `a/NAME b/NAME`.
fn second_name(names: &str) -> String {
    let half = names.len() / 2;
    let same = names.get(half..).and_then(|rest| rest.strip_prefix(" b/"));
    let name = same.or_else(|| names.rsplit_once(" b/").map(|(_, name)| name)).unwrap_or(names);
    name.trim_matches('"').to_owned()
}

/// The lengths in `1,2 +3,4 @@`.
fn hunk_lines(hunk: &str) -> Option<(u32, u32)> {
    let (before, rest) = hunk.split_once(" +")?;
    let after = rest.split(' ').next()?;
    let length = |range: &str| range.split_once(',').map_or(Some(1), |(_, length)| length.parse().ok());
    Some((length(before)?, length(after)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_a_patch_are_counted_by_their_hunks() {
        let patch = "diff --git a/a b.txt b/a b.txt\nindex 1..2 100644\n--- a/a b.txt\n+++ b/a b.txt\n@@ -1,2 +1,3 @@\n-one\n+++ two\n+diff --git a/x b/x\n same\n\
            diff --git a/gone b/gone\ndeleted file mode 100644\n--- a/gone\n+++ /dev/null\n@@ -1 +0,0 @@\n--- x\n\\ No newline at end of file\n\
            diff --git a/old b/new\nsimilarity index 100%\nrename from old\nrename to new\n\
            diff --git a/p.png b/p.png\nnew file mode 100644\nBinary files /dev/null and b/p.png differ\n";
        let (files, count) = files_of(patch);
        let summary: Vec<_> = files
            .iter()
            .map(|file| (file.path.as_str(), file.what, file.added, file.removed, file.binary))
            .collect();
        assert_eq!(count, 4);
        assert_eq!(
            summary,
            [
                ("a b.txt", FileAction::Changed, 2, 1, false),
                ("gone", FileAction::Deleted, 0, 1, false),
                ("new", FileAction::Renamed, 0, 0, false),
                ("p.png", FileAction::Added, 0, 0, true),
            ]
        );
        assert_eq!(files[2].from.as_deref(), Some("old"));
    }

    #[test]
    fn paths_become_relative_to_the_folder_and_content_stays() {
        let patch = |prefix: &str| {
            format!(
                "diff --git a/{prefix}x y b/{prefix}x y\n--- a/{prefix}x y\n+++ b/{prefix}x y\n@@ -1 +1,2 @@\n--- a/in/x\n+++ b/in/x\n+end\n\
                 diff --git a/{prefix}old b/{prefix}new\nrename from {prefix}old\nrename to {prefix}new\n"
            )
        };
        assert_eq!(relative_to(patch("in/folder/"), "in/folder/"), patch(""));
        assert_eq!(relative_to(patch("in/"), "other/"), patch("in/"));
        assert_eq!(relative_to(patch("in/"), ""), patch("in/"));
    }

    #[test]
    fn long_patch_is_cut_between_files() {
        let file = |name: &str, bytes| format!("diff --git a/{name} b/{name}\n{}\n", "+".repeat(bytes));
        let short = file("a", 10);
        assert_eq!(cut_patch(short.clone()), (short.clone(), false));
        let long = short.clone() + &file("b", 100) + &file("c", MAX_DIFF_BYTES);
        assert_eq!(cut_patch(long), (short + &file("b", 100), true));
    }
}
