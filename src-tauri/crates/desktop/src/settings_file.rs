//! The app's settings: on disk, in the window, and as the proxy's settings.
//!
//! `settings.json` in the data folder contains only what differs from the defaults, and is replaced atomically. A damaged file, or
//! one with an invalid value, is renamed, never deleted; a newer one is left alone. The next save overwrites edits made while the app runs.
//!
//! Reading and writing blocks.

mod check;
mod desktop_settings;

use std::io;
use std::path::{Path, PathBuf};

use codex_client::{read_file, replace_file};
use parking_lot::Mutex;
use proxy::files;
use proxy::settings::{FieldError, current_name, fields};
use serde_json::{Map, Value};

pub(crate) use check::absolute;
pub use check::{Context, apply};
pub use desktop_settings::DesktopSettings;

/// The version of the format. New fields keep it; a changed meaning of an old field does not.
const VERSION: u64 = 1;

/// The settings file and the current settings.
#[derive(Debug)]
pub struct SettingsFile {
    path: PathBuf,
    /// Why nothing may be saved: the file on disk must not be replaced.
    read_only: Option<String>,
    /// Fields from a newer version, written back unchanged.
    unknown: Map<String, Value>,
    settings: Mutex<DesktopSettings>,
}

/// Why settings were not saved; the previous ones still apply.
#[derive(Debug, thiserror::Error)]
pub enum SaveError {
    /// The file on disk must not be replaced.
    #[error("{0}")]
    ReadOnly(String),
    /// Writing failed.
    #[error("Couldn't save the settings. {}", advice(folder, error))]
    Disk {
        /// The file's folder.
        folder: PathBuf,
        /// The system's error.
        error: io::Error,
    },
}

impl SettingsFile {
    /// Reads the settings in `folder`, which need not exist yet. `now` is in Unix seconds.
    ///
    /// The text tells the user what was wrong with the file. The settings are usable in any case.
    #[must_use]
    pub fn load(folder: &Path, now: u64) -> (Self, Option<String>) {
        let path = folder.join("settings.json");
        let not_ours = |what: String, advice: &str| {
            let why = format!(
                "The settings in {} {what}. Defaults are in use, and changes can't be saved. {advice} and restart Codex Proxy.",
                path.display()
            );
            (Contents::default(), Some(why.clone()), Some(why))
        };
        let (Contents { settings, unknown, wrong }, mut notice, read_only) = match read_file(&path)
            .map(|bytes| parse(&bytes))
        {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Default::default(),
            Err(error) => {
                not_ours(format!("can't be read ({error})"), "Make the file readable, or move it away,")
            }
            Ok(Ok(Some(contents))) => (contents, None, None),
            Ok(Ok(None)) => not_ours(
                "were written by a newer version of Codex Proxy".to_owned(),
                "Use the newer version, or move the file away",
            ),
            Ok(Err(why)) => {
                // Where it broke helps only somebody who wrote the file by hand.
                tracing::warn!(file = %path.display(), error = why, "failed to parse the settings");
                match files::set_aside(&path, now) {
                    Ok(aside) => {
                        let notice = format!(
                            "Your settings couldn't be read, so defaults are in use. Your old file is kept as {}.",
                            aside.display()
                        );
                        (Contents::default(), Some(notice), None)
                    }
                    Err(error) => {
                        not_ours(format!("are damaged and can't be renamed ({error})"), "Move the file away")
                    }
                }
            }
        };
        let file = Self { path, read_only, unknown, settings: Mutex::new(settings) };
        if !wrong.is_empty() {
            notice = Some(file.without_invalid(&wrong, now));
        }
        (file, notice)
    }

    /// Keeps a copy of a file with invalid values, and replaces it by one without them. Returns what the user should know.
    fn without_invalid(&self, wrong: &[FieldError], now: u64) -> String {
        let fields: Vec<_> =
            wrong.iter().map(|wrong| format!("{}: {}", wrong.field, wrong.message)).collect();
        let (start, end, are) = match fields.len() {
            1 => ("One setting", "its default is", "is"),
            _ => ("Some settings", "their defaults are", "are"),
        };
        let kept = files::set_aside(&self.path, now)
            .and_then(|aside| self.write(&self.current()).map(|()| aside))
            .map(|aside| format!(" Your old file is kept as {}.", aside.display()))
            .unwrap_or_default();
        format!("{start} in settings.json {are} invalid, so {end} in use. {}{kept}", fields.join(" "))
    }

    /// The current settings.
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
        if let Some(why) = &self.read_only {
            return Err(SaveError::ReadOnly(why.clone()));
        }
        // Held while writing, so that memory and disk end up with the same settings.
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
        let defaults = fields(&DesktopSettings::default());
        let mut written = Map::from_iter([("version".to_owned(), VERSION.into())]);
        written
            .extend(fields(settings).into_iter().filter(|(name, value)| defaults.get(name) != Some(value)));
        written.extend(self.unknown.clone());
        let mut text = serde_json::to_vec_pretty(&written)?;
        text.push(b'\n');
        replace_file(&self.path, &text)
    }
}

/// What a file contains.
#[derive(Default)]
struct Contents {
    settings: DesktopSettings,
    unknown: Map<String, Value>,
    /// The invalid values; their settings are at the defaults.
    wrong: Vec<FieldError>,
}

/// Parses a settings file; `None` if a newer version wrote it.
fn parse(bytes: &[u8]) -> Result<Option<Contents>, String> {
    // Editors on Windows write a byte order mark, which is not JSON.
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let mut written: Map<String, Value> = serde_json::from_slice(text).map_err(|error| error.to_string())?;
    // The version first: a newer file may have another structure, and is not damaged.
    match written.remove("version").map(|version| version.as_u64()) {
        Some(Some(version)) if version > VERSION => return Ok(None),
        // Files written by hand may omit it.
        Some(Some(VERSION)) | None => {}
        Some(_) => return Err("unknown version".to_owned()),
    }
    let defaults = DesktopSettings::default();
    let ours = fields(&defaults);
    let (mut known, unknown): (Map<_, _>, _) =
        written.into_iter().partition(|(name, _)| ours.contains_key(current_name(name)));
    let mut wrong = Vec::new();
    loop {
        let (settings, errors) = defaults.merge(&known);
        let before = known.len();
        known.retain(|name, _| errors.iter().all(|error| error.field != *name));
        wrong.extend(errors);
        if known.len() == before {
            return Ok(Some(Contents { settings, unknown, wrong }));
        }
    }
}

/// What to do when writing fails.
fn advice(folder: &Path, error: &io::Error) -> String {
    let folder = folder.display();
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            format!("The disk with {folder} is full. Free some space and save again.")
        }
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            format!("Codex Proxy isn't allowed to write to {folder}. Change its permissions and save again.")
        }
        _ => format!("Writing to {folder} failed ({error}). Check that the folder exists and save again."),
    }
}

#[cfg(test)]
mod tests;
