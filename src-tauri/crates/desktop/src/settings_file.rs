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

use codex_client::replace_file;
use parking_lot::Mutex;
use proxy::files;
use proxy::settings::{current_name, fields};
use serde_json::{Map, Value};

pub(crate) use check::whole_path;
pub use check::{Context, change};
pub use desktop_settings::DesktopSettings;

/// The format that is written. New fields do not change it; another meaning of an old one does.
const VERSION: u64 = 1;

/// The settings file, and the settings in force.
#[derive(Debug)]
pub struct SettingsFile {
    path: PathBuf,
    /// Why nothing is saved: what is on disk is not ours to replace.
    kept_off: Option<String>,
    /// Fields of a newer program, written back as they were.
    unknown: Map<String, Value>,
    settings: Mutex<DesktopSettings>,
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

impl SettingsFile {
    /// Reads the settings in `folder`, which need not exist yet. `now` is in Unix seconds.
    ///
    /// The sentence is for the user: what was wrong with the file and what came of it. The settings are usable in any case.
    #[must_use]
    pub fn load(folder: &Path, now: u64) -> (Self, Option<String>) {
        let path = folder.join("settings.json");
        let not_ours = |what: String, advice: &str| {
            let why = format!(
                "The settings in {} {what}. The default settings are used, and changes cannot be saved. {advice} \
                 and start Codex Proxy again.",
                path.display()
            );
            (Contents::default(), Some(why.clone()), Some(why))
        };
        let ((settings, unknown), notice, kept_off) = match fs::read(&path).map(|bytes| parse(&bytes)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Default::default(),
            Err(error) => {
                not_ours(format!("cannot be read ({error})"), "Make the file readable, or move it away,")
            }
            Ok(Ok(Some(contents))) => (contents, None, None),
            Ok(Ok(None)) => not_ours(
                "were written by a newer version of Codex Proxy".to_owned(),
                "Use the newer version, or move the file away",
            ),
            Ok(Err(why)) => match files::set_aside(&path, now) {
                Ok(aside) => {
                    let notice = format!(
                        "The settings file was damaged ({why}). It was set aside as {}, and the default settings are used.",
                        aside.display()
                    );
                    (Contents::default(), Some(notice), None)
                }
                Err(error) => not_ours(
                    format!("are damaged ({why}) and could not be set aside ({error})"),
                    "Move the file away",
                ),
            },
        };
        (Self { path, kept_off, unknown, settings: Mutex::new(settings) }, notice)
    }

    /// The settings in force.
    #[must_use]
    pub fn current(&self) -> DesktopSettings {
        self.settings.lock().clone()
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
        let mut current = self.settings.lock();
        let mut settings = current.clone();
        change(&mut settings);
        self.write(&settings).map_err(|error| SaveError::Disk {
            folder: self.path.parent().unwrap_or(Path::new(".")).to_owned(),
            error,
        })?;
        *current = settings;
        Ok(())
    }

    fn write(&self, settings: &DesktopSettings) -> io::Result<()> {
        let usual = fields(&DesktopSettings::default());
        let mut written = Map::from_iter([("version".to_owned(), VERSION.into())]);
        written.extend(fields(settings).into_iter().filter(|(name, value)| usual.get(name) != Some(value)));
        written.extend(self.unknown.clone());
        let mut text = serde_json::to_vec_pretty(&written)?;
        text.push(b'\n');
        replace_file(&self.path, &text)
    }
}

/// The settings in a file, and fields that this program does not know.
type Contents = (DesktopSettings, Map<String, Value>);

/// What the bytes of a settings file say; `None` where a newer program wrote them.
fn parse(bytes: &[u8]) -> Result<Option<Contents>, String> {
    // Editors on Windows put a mark at the beginning that JSON does not know.
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let mut written: Map<String, Value> = serde_json::from_slice(text).map_err(|error| error.to_string())?;
    // The version first: a newer file may have another form, and must not be called damaged.
    match written.remove("version").map(|version| version.as_u64()) {
        Some(Some(version)) if version > VERSION => return Ok(None),
        // A file that was written by hand may well leave it out.
        Some(Some(VERSION)) | None => {}
        Some(_) => return Err("version is not a number that was ever used".to_owned()),
    }
    let usual = DesktopSettings::default();
    let ours = fields(&usual);
    let (known, unknown) = written.into_iter().partition(|(name, _)| ours.contains_key(current_name(name)));
    let (settings, wrong) = usual.merge(&known);
    match wrong.first() {
        Some(wrong) => Err(format!("{}: {}", wrong.field, wrong.message.trim_end_matches('.'))),
        None => Ok(Some((settings, unknown))),
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
