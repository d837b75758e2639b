//! Folders that are models: `codex:NAME` is Codex itself in that folder, with a mode, a rule for questions and instructions.
//!
//! Whether a folder exists is checked where it is chosen, and per request.

use std::path::PathBuf;

use codex_client::SandboxMode;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

/// Begins the model id of a folder; its name is the rest.
pub const FOLDER_PREFIX: &str = "codex:";

/// The folders that are models.
pub type Folders = Vec<FolderModel>;

/// The longest name, in characters.
const MAX_NAME: usize = 50;

/// The most folders, which every list of models has.
const MAX_FOLDERS: usize = 50;

/// The longest instructions, in characters. They are part of every prompt.
const MAX_INSTRUCTIONS: usize = 8000;

/// The most keys that a folder may name.
const MAX_KEYS: usize = 100;

/// A folder that is a model.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[cfg_attr(feature = "bindings", derive(ts_rs::TS), ts(export))]
pub struct FolderModel {
    /// Letters, digits, `-` and `_`. The model is `codex:NAME`.
    pub name: String,
    /// The folder, an absolute path.
    pub folder: PathBuf,
    /// What Codex may do there: `read-only`, `workspace-write` or `danger-full-access`; `None` uses the settings.
    #[cfg_attr(feature = "bindings", ts(as = "Option<String>"))]
    pub sandbox: Option<SandboxMode>,
    /// Whether Codex asks before it leaves the sandbox; `None` uses the settings.
    pub ask: Option<bool>,
    /// Whether chats are kept in the user's Codex; `None` uses the settings.
    pub keep: Option<bool>,
    /// Instructions for every chat with this model, before those of the app.
    pub instructions: String,
    /// The ids of the keys that see it; all if empty.
    pub keys: Vec<String>,
}

impl FolderModel {
    /// The id of the model.
    #[must_use]
    pub fn id(&self) -> String {
        format!("{FOLDER_PREFIX}{}", self.name)
    }

    /// Whether the key with this id sees it.
    #[must_use]
    pub fn is_seen_by(&self, key: &str) -> bool {
        self.keys.is_empty() || self.keys.iter().any(|id| id == key)
    }
}

/// Parses a list such as `web=/home/me/web,notes=~/notes`.
///
/// # Errors
/// What is wrong with the first invalid folder.
pub(super) fn parse(list: &str) -> Result<Folders, String> {
    let folder = |text: &str| {
        let (name, folder) = text
            .split_once('=')
            .ok_or_else(|| format!("Use NAME=DIR, such as web=/home/me/web. {text:?} has no equals sign."))?;
        Ok(FolderModel { name: name.to_owned(), folder: folder.trim().into(), ..FolderModel::default() })
    };
    check(super::values::items(list).map(folder).collect::<Result<_, String>>()?)
}

/// Folders as a list of objects, or as text.
pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Folders, D::Error> {
    let folders = match Value::deserialize(deserializer)? {
        Value::Null => Ok(Folders::new()),
        Value::String(list) => parse(&list),
        list => match Folders::deserialize(list) {
            Ok(folders) => check(folders),
            Err(_) => Err("Enter a name and a folder.".to_owned()),
        },
    };
    folders.map_err(D::Error::custom)
}

/// Validates folders, and takes spaces around names and instructions away.
fn check(mut folders: Folders) -> Result<Folders, String> {
    if folders.len() > MAX_FOLDERS {
        return Err(format!("There can be up to {MAX_FOLDERS} folders. Remove some."));
    }
    for at in 0..folders.len() {
        let (before, rest) = folders.split_at_mut(at);
        let Some(folder) = rest.first_mut() else { continue };
        folder.name = folder.name.trim().to_owned();
        folder.instructions = folder.instructions.trim().to_owned();
        folder.keys.sort();
        folder.keys.dedup();
        let name = &folder.name;
        if !is_folder_name(name) {
            return Err(format!(
                "{name:?} can't be a model's name. Use up to {MAX_NAME} letters, digits, - and _, such as web-shop."
            ));
        }
        let wrong = if before.iter().any(|other| other.name.eq_ignore_ascii_case(name)) {
            "Another folder has this name. Choose another one."
        } else if folder.folder.as_os_str().is_empty() {
            "Choose a folder."
        } else if folder.instructions.chars().count() > MAX_INSTRUCTIONS {
            "The instructions can have up to 8,000 characters. Shorten them, or put them into an AGENTS.md in the folder."
        } else if folder.keys.len() > MAX_KEYS {
            "It can be limited to up to 100 keys. Remove some, or leave it to all keys."
        } else {
            continue;
        };
        return Err(format!("{name}: {wrong}"));
    }
    Ok(folders)
}

/// Whether a folder may have this name.
#[must_use]
pub fn is_folder_name(name: &str) -> bool {
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    (1..=MAX_NAME).contains(&name.len()) && name.chars().all(is_allowed)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn folder(name: &str, path: &str) -> FolderModel {
        FolderModel { name: name.to_owned(), folder: path.into(), ..FolderModel::default() }
    }

    #[test]
    fn folders_come_from_text_or_survive_a_round_trip_through_json() {
        let mut folders = parse("web = /w/web , my_notes-2=~/notes").unwrap();
        assert_eq!(folders, [folder("web", "/w/web"), folder("my_notes-2", "~/notes")]);
        assert_eq!(folders[0].id(), "codex:web");
        folders[0].sandbox = Some(SandboxMode::WorkspaceWrite);
        folders[0].keys = vec!["a1".to_owned()];
        assert_eq!(deserialize(serde_json::to_value(&folders).unwrap()).unwrap(), folders);
        assert_eq!(deserialize(json!("a=/b")).unwrap(), [folder("a", "/b")]);
        assert_eq!(deserialize(json!(null)).unwrap(), []);
    }

    #[test]
    fn an_invalid_folder_is_named_with_the_reason() {
        for (wrong, words) in [
            (json!([{"name": "my web", "folder": "/w"}]), "\"my web\" can't be a model's name"),
            (json!([{"name": "", "folder": "/w"}]), "such as web-shop"),
            (json!([{"name": "a/b", "folder": "/w"}]), "letters, digits"),
            (json!([{"name": "ä", "folder": "/w"}]), "letters, digits"),
            (json!([{"name": "a".repeat(51), "folder": "/w"}]), "up to 50"),
            (json!([{"name": "a", "folder": "/w"}, {"name": "A ", "folder": "/x"}]), "A: Another folder has"),
            (json!([{"name": "a"}]), "a: Choose a folder"),
            (json!([{"name": "a", "folder": "/w", "instructions": "x".repeat(8001)}]), "8,000 characters"),
            (json!([{"name": "a", "folder": "/w", "sandbox": "all"}]), "a name and a folder"),
            (json!("a"), "NAME=DIR"),
            (json!(3), "a name and a folder"),
            (json!(vec![json!({"name": "a", "folder": "/w"}); 51]), "up to 50 folders"),
        ] {
            let error = deserialize(wrong.clone()).unwrap_err().to_string();
            assert!(error.contains(words), "{wrong}: {error}");
        }
    }

    #[test]
    fn a_folder_is_seen_by_all_keys_or_by_those_that_it_names() {
        let all = folder("a", "/w");
        let some = FolderModel { keys: vec!["k1".to_owned()], ..all.clone() };
        assert!(all.is_seen_by("k2") && all.is_seen_by(""));
        assert!(some.is_seen_by("k1") && !some.is_seen_by("k2") && !some.is_seen_by(""));
    }
}
