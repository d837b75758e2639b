//! A working folder, and the repository of the user's that it may be in: its ignore rules count.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::files::{plain_path, without_prefix};

/// Length of the ignore rules that are read from the user's own repository.
const MAX_EXCLUDES_BYTES: usize = 64 * 1024;

/// The longest folder that Windows starts a program in: `MAX_PATH` without a backslash and a zero.
const MAX_CURRENT_DIR: usize = 258;

/// A working folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Folder {
    /// Its real path.
    pub(super) path: PathBuf,
    /// The nearest folder at or above it with a repository of the user's, else itself. The ignore rules between the two count.
    pub(super) root: PathBuf,
    /// Its path below `root`, with `/` between the parts and one at the end; empty if it is the same.
    pub(super) prefix: String,
}

impl Folder {
    pub(super) fn new(path: &Path) -> io::Result<Self> {
        let path = plain_path(fs::canonicalize(path)?);
        if path.as_os_str().as_encoded_bytes().starts_with(br"\\?\") {
            return Err(io::Error::new(
                io::ErrorKind::InvalidFilename,
                "git can't use a folder of this name",
            ));
        }
        if cfg!(windows) && path.as_os_str().len() > MAX_CURRENT_DIR {
            return Err(io::Error::new(io::ErrorKind::InvalidFilename, "its path is too long for git"));
        }
        let root = path.ancestors().find(|folder| is_repository(folder));
        let prefix = root.and_then(|root| {
            let below = path.strip_prefix(root).ok()?;
            below
                .components()
                .map(|part| Some(format!("{}/", part.as_os_str().to_str()?)))
                .collect::<Option<String>>()
        });
        Ok(match (root, prefix) {
            (Some(root), Some(prefix)) => Self { root: root.to_owned(), prefix, path },
            _ => Self::alone(path),
        })
    }

    /// A folder to which no ignore rules from above apply.
    pub(super) fn alone(path: PathBuf) -> Self {
        Self { root: path.clone(), prefix: String::new(), path }
    }

    /// The name of its repository of ours.
    pub(super) fn key(&self) -> String {
        let digest = Sha256::digest(self.path.as_os_str().as_encoded_bytes());
        hex::encode(&digest[..8])
    }

    /// Limits a command to this folder.
    pub(super) fn pathspec(&self) -> String {
        if self.prefix.is_empty() {
            ".".to_owned()
        } else {
            format!(":(literal){}", self.prefix.trim_end_matches('/'))
        }
    }

    /// Whether its file system takes `a` and `A` for the same; `None` if its own name does not tell.
    pub(super) fn ignores_case(&self) -> Option<bool> {
        let name = self.path.file_name()?.to_str()?;
        let swap = |letter: char| {
            if letter.is_ascii_lowercase() {
                letter.to_ascii_uppercase()
            } else {
                letter.to_ascii_lowercase()
            }
        };
        let other: String = name.chars().map(swap).collect();
        let same = fs::canonicalize(self.path.with_file_name(&other)).ok().map(plain_path);
        (other != name).then(|| same.is_some_and(|same| same == self.path))
    }

    /// The ignore rules that the user's repository has for this computer only.
    pub(super) fn excludes(&self) -> Vec<u8> {
        let rules = fs::read(self.root.join(".git/info/exclude")).unwrap_or_default();
        if rules.len() > MAX_EXCLUDES_BYTES { Vec::new() } else { rules }
    }
}

/// Whether the folder has a repository. Sandboxes leave empty `.git` folders behind.
fn is_repository(folder: &Path) -> bool {
    let git = folder.join(".git");
    git.is_file() || git.join("HEAD").is_file()
}

/// Whether one of the folders is inside the other, or they are the same.
pub(super) fn overlap(one: &Path, other: &Path) -> bool {
    let [one, other] = [one, other].map(without_prefix);
    one.starts_with(&other) || other.starts_with(&one)
}

/// git's path as one of this system; `None` if it is not below the folder or not a name here.
pub(super) fn to_path(path: &[u8]) -> Option<PathBuf> {
    #[cfg(unix)]
    let path = PathBuf::from(<std::ffi::OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(path));
    #[cfg(not(unix))]
    let path = PathBuf::from(std::str::from_utf8(path).ok()?);
    let is_plain = |part: std::path::Component<'_>| match part {
        std::path::Component::Normal(name) => !name.eq_ignore_ascii_case(".git"),
        _ => false,
    };
    (path.components().next().is_some() && path.components().all(is_plain)).then_some(path)
}

/// git's path as text.
pub(super) fn text(path: &[u8]) -> String {
    String::from_utf8_lossy(path).into_owned()
}
