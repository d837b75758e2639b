//! Which keys the keychain has, as a list of ids in the data folder.
//!
//! Asking the keychain itself for each row of a list would open a prompt for each. The list may be wrong, after somebody
//! tidied the keychain by hand; then the attempt to copy finds out and puts it right.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use codex_client::replace_file;

/// The list.
#[derive(Debug)]
pub(super) struct Copies {
    path: PathBuf,
    /// Held while the list is read and written anew.
    changing: Mutex<()>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Stored {
    in_keychain: BTreeSet<String>,
}

impl Copies {
    pub(super) fn in_folder(data_dir: &Path) -> Self {
        Self { path: data_dir.join("keychain.json"), changing: Mutex::new(()) }
    }

    /// The ids. A list that cannot be read counts as empty: all that is lost is a button.
    pub(super) fn ids(&self) -> BTreeSet<String> {
        let text = fs::read(&self.path).unwrap_or_default();
        serde_json::from_slice::<Stored>(&text).unwrap_or_default().in_keychain
    }

    /// Changes the list; `change` says whether there is anything to write.
    pub(super) fn change(&self, change: impl FnOnce(&mut BTreeSet<String>) -> bool) -> io::Result<()> {
        let _changing = self.changing.lock();
        let mut ids = self.ids();
        if !change(&mut ids) {
            return Ok(());
        }
        replace_file(&self.path, &serde_json::to_vec_pretty(&Stored { in_keychain: ids })?)
    }
}
