//! The settings of the desktop app: on disk, as the window shows them, and as the proxy is started with them.
//!
//! `settings.json` in the data folder holds only what differs from the defaults. It is replaced whole or not at all. A file
//! that makes no sense is set aside and never thrown away; one of a newer version is left alone.
//!
//! Deliberately not here: keys (`keys` and `keychain` have them), the flags and environment of `codex-proxyd` (`settings`
//! puts those together), and edits of the file while the app runs, which the next save replaces. Files are read and written
//! in the calling thread; an async caller puts the call where it may block.

mod check;
mod desktop_settings;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use codex_client::replace_file;
use proxy::files;
use serde_json::{Map, Value};

pub(crate) use check::whole_path;
pub use check::{Context, change};
pub use desktop_settings::{DesktopSettings, addresses};

/// The format that is written. New fields do not change it; another meaning of an old one does.
const VERSION: u64 = 1;

/// The settings file, and the settings in force.
#[derive(Debug)]
pub struct SettingsFile {
    path: PathBuf,
    /// Why nothing is saved: what is on disk is not ours to replace.
    kept_off: Option<String>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    settings: DesktopSettings,
    /// Fields of a newer program, written back as they were.
    unknown: Map<String, Value>,
}

/// Why settings were not saved; the ones before stay in force.
#[derive(Debug, thiserror::Error)]
pub enum SaveError {
    /// What is on disk is not ours to replace.
    #[error("{0}")]
    KeptOff(String),
    /// The disk did not take it.
    #[error("The settings were not saved. {}", advice(folder, error))]
    Disk {
        /// The folder of the file.
        folder: PathBuf,
        /// What the system said.
        error: io::Error,
    },
}

/// What the bytes of a settings file turned out to be.
enum Content {
    Ours(Box<State>),
    Newer,
    Damaged(String),
}

impl SettingsFile {
    /// Reads the settings in `folder`, which need not exist yet. `now` is in Unix seconds.
    ///
    /// The sentence is for the user: what was wrong with the file and what came of it. The settings are usable in any case.
    #[must_use]
    pub fn load(folder: &Path, now: u64) -> (Self, Option<String>) {
        let path = folder.join("settings.json");
        let (state, notice, kept_off) = match fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => (State::default(), None, None),
            Err(error) => {
                let why = format!(
                    "The settings in {} cannot be read ({error}). The default settings are used, and changes \
                     cannot be saved. Make the file readable, or move it away, and start Codex Proxy again.",
                    path.display()
                );
                (State::default(), Some(why.clone()), Some(why))
            }
            Ok(bytes) => match read(&bytes) {
                Content::Ours(state) => (*state, None, None),
                Content::Newer => {
                    let why = format!(
                        "The settings in {} were written by a newer version of Codex Proxy. The default settings \
                         are used, and changes cannot be saved. Use the newer version, or move the file away and \
                         start Codex Proxy again.",
                        path.display()
                    );
                    (State::default(), Some(why.clone()), Some(why))
                }
                Content::Damaged(why) => {
                    let (notice, kept_off) = set_aside(&path, &why, now);
                    (State::default(), Some(notice), kept_off)
                }
            },
        };
        (Self { path, kept_off, state: Mutex::new(state) }, notice)
    }

    /// The settings in force.
    #[must_use]
    pub fn current(&self) -> DesktopSettings {
        self.state().settings.clone()
    }

    /// Where they are on disk.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Changes a few settings, in force and on disk, and leaves the others as another caller may just have set them. A failure
    /// leaves both as they were.
    ///
    /// # Errors
    /// When the file is not ours to replace, or the disk does not take it.
    pub fn change(&self, change: impl FnOnce(&mut DesktopSettings)) -> Result<(), SaveError> {
        if let Some(why) = &self.kept_off {
            return Err(SaveError::KeptOff(why.clone()));
        }
        // Held while writing, so that the last one to save is also the last one on disk.
        let mut state = self.state();
        let mut settings = state.settings.clone();
        change(&mut settings);
        self.write(&settings, &state.unknown).map_err(|error| SaveError::Disk {
            folder: self.path.parent().unwrap_or(Path::new(".")).to_owned(),
            error,
        })?;
        state.settings = settings;
        Ok(())
    }

    fn write(&self, settings: &DesktopSettings, unknown: &Map<String, Value>) -> io::Result<()> {
        let mut fields = Map::new();
        fields.insert("version".to_owned(), VERSION.into());
        fields.extend(settings.differences(&DesktopSettings::default())?);
        fields.extend(unknown.clone());
        let mut text = serde_json::to_vec_pretty(&fields)?;
        text.push(b'\n');
        replace_file(&self.path, &text)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn read(bytes: &[u8]) -> Content {
    // Editors on Windows put a mark at the beginning that JSON does not know.
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let mut fields: Map<String, Value> = match serde_json::from_slice(text) {
        Ok(fields) => fields,
        Err(error) => return Content::Damaged(error.to_string()),
    };
    // The version first: a newer file may have another form, and must not be called damaged.
    match fields.remove("version").map(|version| version.as_u64()) {
        Some(Some(version)) if version > VERSION => return Content::Newer,
        // A file that was written by hand may well leave it out.
        Some(Some(VERSION)) | None => {}
        Some(_) => return Content::Damaged("version is not a number that was ever used".to_owned()),
    }
    let usual = DesktopSettings::default();
    let ours = usual.fields().unwrap_or_default();
    let (known, unknown) = fields.into_iter().partition(|(name, _)| ours.contains_key(name));
    let (settings, wrong) = usual.merge(&known);
    match wrong.first() {
        Some(wrong) => Content::Damaged(format!("{}: {}", wrong.field, wrong.message.trim_end_matches('.'))),
        None => Content::Ours(Box::new(State { settings, unknown })),
    }
}

/// Moves a damaged file out of the way: the notice, and why nothing can be saved if it is still there.
fn set_aside(path: &Path, why: &str, now: u64) -> (String, Option<String>) {
    match files::set_aside(path, now) {
        Ok(aside) => {
            let notice = format!(
                "The settings file was damaged ({why}). It was set aside as {}, and the default settings are used.",
                aside.display()
            );
            (notice, None)
        }
        Err(error) => {
            let notice = format!(
                "The settings in {} are damaged ({why}) and could not be set aside ({error}). The default settings \
                 are used, and changes cannot be saved. Move the file away and start Codex Proxy again.",
                path.display()
            );
            (notice.clone(), Some(notice))
        }
    }
}

/// What to do about a disk that does not take the settings.
fn advice(folder: &Path, error: &io::Error) -> String {
    let folder = folder.display();
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            format!("The disk of {folder} is full. Make room on it and save again.")
        }
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            format!("Codex Proxy may not write in {folder}. Give it the right to and save again.")
        }
        _ => format!(
            "The folder {folder} could not be written ({error}). Make sure that it is there and save again."
        ),
    }
}

#[cfg(test)]
mod tests;
