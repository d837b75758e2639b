//! The environment variables that codex is found and started with, as a value.
//!
//! `main` takes the snapshot and passes it in, so tests never touch their process's environment, and codex can run twice
//! with different homes.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

/// What an AppImage's runtime and start script set, beside entries below `APPDIR`.
const APPIMAGE_VARIABLES: [&str; 11] = [
    "APPDIR",
    "APPIMAGE",
    "ARGV0",
    "OWD",
    "LD_LIBRARY_PATH",
    "LD_PRELOAD",
    "GSETTINGS_SCHEMA_DIR",
    "PERLLIB",
    "PYTHONHOME",
    "PYTHONPATH",
    "QT_PLUGIN_PATH",
];
const APPIMAGE_PREFIXES: [&str; 6] = ["APPIMAGE_", "APPRUN_", "GTK_", "GDK_", "GIO_", "GST_"];

/// The variables with the keys that clients use, best first. They are removed from what this crate starts, since
/// commands of codex can read its environment.
pub const KEY_VARIABLES: [&str; 2] = ["CODEX_PROXY_API_KEYS", "API_KEYS"];

/// A snapshot of environment variables.
///
/// On Windows names are case-insensitive.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Environment {
    vars: BTreeMap<Name, OsString>,
}

impl Environment {
    /// A snapshot of this process's environment, without what an AppImage adds for itself.
    #[must_use]
    pub fn from_process() -> Self {
        let environment = std::env::vars_os()
            .fold(Self::default(), |env, (name, value)| env.with(name, value))
            .without_appimage();
        match std::env::current_dir() {
            Ok(folder) => environment.absolute_from(&folder),
            Err(_) => environment,
        }
    }

    /// Removes what an AppImage adds for the programs in it: others would load its libraries.
    fn without_appimage(self) -> Self {
        let Some(image) = self.path("APPDIR").filter(|folder| folder.is_absolute()) else { return self };
        let mut cleaned = Self::default();
        for (name, value) in &self.vars {
            let text = name.0.to_string_lossy();
            if APPIMAGE_VARIABLES.contains(&&*text)
                || APPIMAGE_PREFIXES.iter().any(|own| text.starts_with(own))
            {
                continue;
            }
            let entries: Vec<_> = std::env::split_paths(value).collect();
            if !entries.iter().any(|entry| entry.starts_with(&image)) {
                cleaned.vars.insert(name.clone(), value.clone());
                continue;
            }
            // Lists of folders keep their other entries; the hooks leave empty ones, which mean the current folder.
            let others =
                entries.iter().filter(|entry| !entry.starts_with(&image) && !entry.as_os_str().is_empty());
            if let Ok(value) = std::env::join_paths(others)
                && !value.is_empty()
            {
                cleaned.vars.insert(name.clone(), value);
            }
        }
        cleaned
    }

    /// Resolves a relative `CODEX_HOME` against `folder`, so that it does not depend on codex's working folder.
    fn absolute_from(self, folder: &Path) -> Self {
        match self.path("CODEX_HOME") {
            Some(home) if home.is_relative() => self.with("CODEX_HOME", folder.join(home)),
            _ => self,
        }
    }

    /// Sets `name` to `value`.
    #[must_use]
    pub fn with(mut self, name: impl AsRef<OsStr>, value: impl Into<OsString>) -> Self {
        self.vars.insert(Name::new(name), value.into());
        self
    }

    /// Removes `name`.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.vars.remove(&Name::new(name));
        self
    }

    /// The value of `name`; an empty value counts as absent.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&OsStr> {
        self.vars.get(&Name::new(name)).map(OsString::as_os_str).filter(|value| !value.is_empty())
    }

    /// Whether `name` is set, even to nothing.
    pub(crate) fn has(&self, name: &OsStr) -> bool {
        self.vars.contains_key(&Name::new(name))
    }

    /// The value of `name` as a path.
    #[must_use]
    pub fn path(&self, name: &str) -> Option<PathBuf> {
        self.get(name).map(PathBuf::from)
    }

    /// The user's home folder: `HOME`, or `USERPROFILE` on Windows.
    #[must_use]
    pub fn home(&self) -> Option<PathBuf> {
        if cfg!(windows) { self.path("USERPROFILE").or_else(|| self.path("HOME")) } else { self.path("HOME") }
    }

    /// The folder of codex's sign-in and configuration: `CODEX_HOME`, else `.codex` in the user's home.
    #[must_use]
    pub fn codex_home(&self) -> Option<PathBuf> {
        self.path("CODEX_HOME").or_else(|| self.home().map(|home| home.join(".codex")))
    }

    /// codex's home, if it is inside the temporary folder: codex does not set up its sandbox there, so every command
    /// fails. `None` on Windows, which is not affected.
    #[must_use]
    pub fn temporary_codex_home(&self) -> Option<PathBuf> {
        let home = self.codex_home().filter(|_| cfg!(unix))?;
        let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let temp = self.path("TMPDIR").unwrap_or_else(|| "/tmp".into());
        real(&home).starts_with(real(&temp)).then_some(home)
    }

    /// The folders of `PATH`, in order.
    #[must_use]
    pub fn path_folders(&self) -> Vec<PathBuf> {
        self.get("PATH").map(|path| std::env::split_paths(path).collect()).unwrap_or_default()
    }

    /// All variables, sorted by name.
    pub fn iter(&self) -> impl Iterator<Item = (&OsStr, &OsStr)> {
        self.vars.iter().map(|(name, value)| (name.0.as_os_str(), value.as_os_str()))
    }
}

/// A variable's name. Windows ignores its case, and keeps the spelling that was first.
#[derive(Clone, Debug)]
struct Name(OsString);

impl Name {
    fn new(name: impl AsRef<OsStr>) -> Self {
        Self(name.as_ref().to_owned())
    }

    /// What is compared.
    fn folded(&self) -> Cow<'_, OsStr> {
        match self.0.to_str() {
            Some(name) if cfg!(windows) => Cow::Owned(name.to_uppercase().into()),
            _ => Cow::Borrowed(&self.0),
        }
    }
}

impl Ord for Name {
    fn cmp(&self, other: &Self) -> Ordering {
        self.folded().cmp(&other.folded())
    }
}

impl PartialOrd for Name {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Name {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Name {}

#[cfg(test)]
mod tests {
    use super::*;

    // Unix only: there codex does not set up its sandbox in the temporary folder.
    #[cfg(unix)]
    #[test]
    fn home_inside_the_temporary_folder_is_detected() {
        let folder = tempfile::tempdir().unwrap();
        let (temp, home) = (folder.path().join("tmp"), folder.path().join("tmp/home"));
        std::fs::create_dir_all(&home).unwrap();
        let environment = Environment::default().with("TMPDIR", &temp);
        assert_eq!(environment.clone().with("CODEX_HOME", &home).temporary_codex_home(), Some(home));
        let beside = folder.path().join("tmp-home");
        assert_eq!(environment.with("CODEX_HOME", beside).temporary_codex_home(), None);
        let usual = Environment::default().with("CODEX_HOME", "/tmp/home");
        assert_eq!(usual.temporary_codex_home(), Some("/tmp/home".into()));
    }

    // Unix only: AppImages are for Linux.
    #[cfg(unix)]
    #[test]
    fn nothing_of_an_appimage_reaches_other_programs() {
        let users = [
            ("HOME", "/home/me"),
            ("HTTPS_PROXY", "http://proxy:1"),
            ("LANG", "C"),
            ("EMPTY", ""),
            ("LIST", "a::b"),
        ];
        let own = [
            ("APPDIR", "/tmp/.mount_x"),
            ("APPIMAGE", "/home/me/Codex.AppImage"),
            ("APPIMAGE_UUID", "1"),
            ("ARGV0", "./Codex.AppImage"),
            ("OWD", "/home/me"),
            ("LD_LIBRARY_PATH", "/tmp/.mount_x/usr/lib:/opt/lib"),
            ("GTK_PATH", "/tmp/.mount_x/usr/lib/gtk-3.0"),
            ("GTK_THEME", "Adwaita:dark"),
            ("GDK_BACKEND", "x11"),
            ("GDK_PIXBUF_MODULE_FILE", "/tmp/.mount_x/loaders.cache"),
            ("GIO_EXTRA_MODULES", "/tmp/.mount_x/usr/lib/gio"),
            ("GST_PLUGIN_SYSTEM_PATH", "/tmp/.mount_x/gst"),
            ("PYTHONHOME", "/tmp/.mount_x/usr"),
            ("SOMETHING_ELSE", "/tmp/.mount_x/etc"),
        ];
        let all = users.into_iter().chain(own);
        let environment = all.fold(Environment::default(), |env, (name, value)| env.with(name, value));
        let environment = environment
            .with("PATH", "/tmp/.mount_x/usr/bin:/tmp/.mount_xy/bin:/usr/bin::")
            .with("XDG_DATA_DIRS", "/tmp/.mount_x/usr/share:/usr/share");
        let expected =
            users.into_iter().fold(Environment::default(), |env, (name, value)| env.with(name, value));
        let expected =
            expected.with("PATH", "/tmp/.mount_xy/bin:/usr/bin").with("XDG_DATA_DIRS", "/usr/share");
        assert_eq!(environment.clone().without_appimage(), expected);
        let outside = environment.without("APPDIR");
        assert_eq!(outside.clone().without_appimage(), outside);
    }

    #[test]
    fn spellings_of_a_variable_are_one_on_windows() {
        let environment = Environment::default().with("Path", "old").with("PATH", "new").with("Köln", "x");
        let names: Vec<_> = environment.iter().map(|(name, _)| name.to_str().unwrap()).collect();
        let expected: &[_] = if cfg!(windows) { &["Köln", "Path"] } else { &["Köln", "PATH", "Path"] };
        assert_eq!(names.len(), expected.len(), "{names:?}");
        assert!(expected.iter().all(|name| names.contains(name)), "{names:?}");
        assert_eq!(environment.get("path").is_some(), cfg!(windows));
        assert_eq!(environment.get("PATH"), Some(OsStr::new("new")));
        assert_eq!(environment.get("KÖLN").is_some(), cfg!(windows));
        assert_eq!(environment.clone().without("pAth").get("PATH").is_none(), cfg!(windows));
    }

    #[test]
    fn relative_codex_home_is_made_absolute() {
        let folder = std::env::temp_dir();
        let home = |value: &str| {
            Environment::default()
                .with("CODEX_HOME", value)
                .absolute_from(&folder)
                .path("CODEX_HOME")
                .unwrap()
        };
        assert_eq!(home("mine"), folder.join("mine"));
        let absolute = folder.join("absolute").display().to_string();
        assert_eq!(home(&absolute), Path::new(&absolute));
        assert_eq!(Environment::default().absolute_from(&folder), Environment::default());
    }
}
