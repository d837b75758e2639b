//! Permissions beyond the sandbox, as lines that people read.

use serde::Deserialize;
use serde_json::Value;

/// What is asked for. An unknown field would go unseen, so it is an error.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Profile {
    network: Option<Network>,
    file_system: Option<FileSystem>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Network {
    enabled: Option<bool>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct FileSystem {
    // An older codex has only these two; a newer one repeats them in `entries`.
    read: Option<Vec<String>>,
    write: Option<Vec<String>>,
    /// Only limits a search.
    #[serde(rename = "globScanMaxDepth")]
    _glob_scan_max_depth: Option<u64>,
    #[serde(default)]
    entries: Vec<Entry>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    path: EntryPath,
    access: Access,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Access {
    Read,
    Write,
    Deny,
}

#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
enum EntryPath {
    Path { path: String },
    GlobPattern { pattern: String },
    Special { value: Special },
}

#[derive(Debug, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
enum Special {
    Root,
    Minimal,
    ProjectRoots { subpath: Option<String> },
    Tmpdir,
    SlashTmp,
}

impl Profile {
    /// One line for each permission; `None` when there is none.
    pub(super) fn lines(&self) -> Option<Vec<String>> {
        let mut lines = Vec::new();
        if self.network.as_ref().is_some_and(|network| network.enabled == Some(true)) {
            lines.push("Use the network".to_owned());
        }
        if let Some(FileSystem { read, write, entries, .. }) = &self.file_system {
            let listed = [(Access::Read, read), (Access::Write, write)];
            for (access, paths) in listed {
                lines.extend(paths.iter().flatten().map(|path| access.line(path)));
            }
            lines.extend(entries.iter().map(|Entry { path, access }| access.line(&path.text())));
        }
        let mut seen = std::collections::BTreeSet::new();
        lines.retain(|line| seen.insert(line.clone()));
        Some(lines).filter(|lines| !lines.is_empty())
    }
}

impl Access {
    fn line(self, path: &str) -> String {
        match self {
            Self::Read => format!("Read {path}"),
            Self::Write => format!("Change {path}"),
            Self::Deny => format!("Not use {path}"),
        }
    }
}

impl EntryPath {
    fn text(&self) -> String {
        match self {
            Self::Path { path } => path.clone(),
            Self::GlobPattern { pattern } => format!("{pattern} (pattern)"),
            Self::Special { value: Special::Root } => "everything on this computer".to_owned(),
            Self::Special { value: Special::Minimal } => "the system's own files".to_owned(),
            Self::Special { value: Special::ProjectRoots { subpath: Some(path) } } => {
                format!("{path} in the working folder")
            }
            Self::Special { value: Special::ProjectRoots { subpath: None } } => {
                "the working folder".to_owned()
            }
            Self::Special { value: Special::Tmpdir } => "the folder for temporary files".to_owned(),
            Self::Special { value: Special::SlashTmp } => "/tmp".to_owned(),
        }
    }
}

/// The permissions to grant: exactly those asked for. An answer has no nulls where a request may.
pub(super) fn granted(mut asked: Value) -> Value {
    if let Value::Object(fields) = &mut asked {
        fields.retain(|_, value| !value.is_null());
    }
    asked
}
