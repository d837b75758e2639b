//! The ids of keys in the keychain, in `keychain.json` in the data folder, because asking the keychain for each could prompt each
//! time. If the user deletes a key from the keychain, the next attempt to copy it corrects the index.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use codex_client::{read_file, replace_file};

/// The index.
#[derive(Debug)]
pub(super) struct KeychainIndex {
    path: PathBuf,
    /// Held from reading to writing.
    write_lock: Mutex<()>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Stored {
    in_keychain: BTreeSet<String>,
}

impl KeychainIndex {
    pub(super) fn in_folder(data_dir: &Path) -> Self {
        Self { path: data_dir.join("keychain.json"), write_lock: Mutex::new(()) }
    }

    /// The ids. An unreadable index counts as empty, which only hides copy buttons.
    pub(super) fn ids(&self) -> BTreeSet<String> {
        let text = read_file(&self.path).unwrap_or_default();
        serde_json::from_slice::<Stored>(&text).unwrap_or_default().in_keychain
    }

    /// Changes the ids. `change` returns whether to write them.
    pub(super) fn change(&self, change: impl FnOnce(&mut BTreeSet<String>) -> bool) -> io::Result<()> {
        let _lock = self.write_lock.lock();
        let mut ids = self.ids();
        if !change(&mut ids) {
            return Ok(());
        }
        replace_file(&self.path, &serde_json::to_vec_pretty(&Stored { in_keychain: ids })?)
    }
}
