//! Finds the codex binary: the user's setting first, then `PATH`, then the app's own installation, then the login shell's
//! `PATH`, then the folders that installers use.
//!
//! The result includes the environment to start it with: codex from npm is a script that needs `node`, so its own folder
//! and the searched folders are added to `PATH`.

mod login_shell;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::environment::Environment;
use crate::error::CodexError;
use crate::process::{command, output};

pub use login_shell::with_login_shell;

/// How long `codex --version` may take.
const VERSION_TIMEOUT: Duration = Duration::from_secs(10);

/// Where to look.
#[derive(Clone, Debug)]
pub struct Search {
    /// The user's setting. When set, nothing else is searched.
    pub setting: Option<PathBuf>,
    /// Where the app may have installed codex with npm: [`own_folder`] of its data folder.
    pub own: Option<PathBuf>,
    /// The environment to search, and to start codex with.
    pub environment: Environment,
}

/// The codex binary that was found.
#[derive(Clone, Debug)]
pub struct Found {
    /// The binary or script.
    pub path: PathBuf,
    /// How it was found.
    pub by: FoundBy,
    /// The environment to start it with.
    pub environment: Environment,
}

/// How codex was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FoundBy {
    /// By the user's setting.
    Setting,
    /// On our `PATH`.
    Path,
    /// In the folder that the app installs codex in.
    Own,
    /// On the `PATH` of the user's login shell.
    LoginShell,
    /// In a folder that installers use.
    InstallFolder,
}

impl Search {
    /// Looks for codex. Nothing is cached, so the next call sees an installation or a removal.
    ///
    /// # Errors
    /// [`CodexError::NotFound`], or [`CodexError::BadPath`] when the setting does not name an executable.
    pub async fn run(&self) -> Result<Found, CodexError> {
        if let Some(setting) = &self.setting {
            return self.find_configured(setting);
        }
        let path = self.environment.path_folders();
        if let Some(found) = first_codex(&path) {
            return Ok(self.found(found, FoundBy::Path, &[]));
        }
        if let Some(found) = self.own_codex() {
            // A script from npm, which needs Node.
            let node = find_program("node", &self.environment).and_then(|node| folder_of(&node.path));
            return Ok(self.found(found, FoundBy::Own, node.as_slice()));
        }
        let shell = login_shell::path_folders(&self.environment).await;
        if let Some(found) = first_codex(&shell) {
            return Ok(self.found(found, FoundBy::LoginShell, &shell));
        }
        let folders = install_folders(&self.environment);
        let found = first_codex(&folders).ok_or(CodexError::NotFound)?;
        // The shell has not told where Node is, which a script from npm needs, nor the program behind a version manager's shim.
        let more = shell.into_iter().chain(folders.into_iter().filter(|folder| folder.is_dir()));
        Ok(self.found(found, FoundBy::InstallFolder, &more.collect::<Vec<_>>()))
    }

    /// Finds the executable that a setting names: a path, or a bare name on the `PATH`.
    ///
    /// # Errors
    /// [`CodexError::BadPath`] when it does not name an executable.
    pub fn find_configured(&self, setting: &Path) -> Result<Found, CodexError> {
        // A bare name is looked up on the PATH, as in a shell.
        let bare = setting.components().count() == 1 && !setting.is_absolute();
        let folders = bare.then(|| self.environment.get("PATH").unwrap_or_default());
        let found = which::which_in(setting, folders, "/").map_err(|_| {
            let reason = match setting.metadata() {
                _ if bare => "is not on the PATH",
                Err(_) => "does not exist",
                Ok(metadata) if metadata.is_dir() => "is a folder",
                Ok(_) => "is not executable (run `chmod +x` on it)",
            };
            CodexError::BadPath { path: setting.to_owned(), reason }
        })?;
        Ok(self.found(found, FoundBy::Setting, &[]))
    }

    /// What [`Search::run`] would find without starting a login shell: cheap enough to repeat every few seconds.
    #[must_use]
    pub fn glance(&self) -> Option<PathBuf> {
        if let Some(setting) = &self.setting {
            return self.find_configured(setting).ok().map(|found| found.path);
        }
        first_codex(&self.environment.path_folders())
            .or_else(|| self.own_codex())
            .or_else(|| first_codex(&install_folders(&self.environment)))
    }

    fn own_codex(&self) -> Option<PathBuf> {
        first_codex(&[self.own.as_ref()?.join("node_modules/.bin")])
    }

    fn found(&self, path: PathBuf, by: FoundBy, more_folders: &[PathBuf]) -> Found {
        let environment = environment_for(&path, &self.environment, more_folders);
        Found { path, by, environment }
    }
}

/// The folder in the data folder that the app installs codex in, where npm may not install globally.
#[must_use]
pub fn own_folder(data_dir: &Path) -> PathBuf {
    let folder = data_dir.join("codex");
    std::path::absolute(&folder).unwrap_or(folder)
}

/// Another program, such as a package manager.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundProgram {
    /// The program or script.
    pub path: PathBuf,
    /// The environment to start it with.
    pub environment: Environment,
}

/// Looks for a program on the `PATH`, then in the folders that installers use. Starts nothing.
#[must_use]
pub fn find_program(name: &str, environment: &Environment) -> Option<FoundProgram> {
    let find = |folders: &[PathBuf]| first_program(name, folders);
    let path = find(&environment.path_folders()).or_else(|| find(&install_folders(environment)))?;
    Some(FoundProgram { environment: environment_for(&path, environment, &[]), path })
}

/// Whether a program is on the `PATH`, so that it can be started by its name.
#[must_use]
pub fn is_on_path(name: &str, environment: &Environment) -> bool {
    first_program(name, &environment.path_folders()).is_some()
}

/// Whether codex in this folder would be found.
#[must_use]
pub fn is_searched(folder: &Path, environment: &Environment) -> bool {
    let known = |folders: Vec<PathBuf>| folders.iter().any(|known| known == folder);
    known(environment.path_folders()) || known(install_folders(environment))
}

/// The environment for a program, with its own folder first on the `PATH` and more folders last.
fn environment_for(program: &Path, environment: &Environment, more_folders: &[PathBuf]) -> Environment {
    let mut folders: Vec<PathBuf> = folder_of(program).into_iter().collect();
    for folder in environment.path_folders().iter().chain(more_folders) {
        if !folders.contains(folder) {
            folders.push(folder.clone());
        }
    }
    // A folder whose name contains the separator cannot be in PATH; then PATH is left unchanged.
    match std::env::join_paths(folders) {
        Ok(path) => environment.clone().with("PATH", path),
        Err(_) => environment.clone(),
    }
}

fn folder_of(program: &Path) -> Option<PathBuf> {
    program.parent().map(Path::to_owned)
}

impl Found {
    /// Runs `codex --version`, and returns a version such as `0.169.0`.
    ///
    /// # Errors
    /// [`CodexError::StartFailed`] when that prints no version.
    pub async fn version(&self) -> Result<String, CodexError> {
        let failed = |reason: String| CodexError::StartFailed { reason };
        let mut command = command(&self.path, &self.environment);
        command.arg("--version");
        let output = output(command, VERSION_TIMEOUT).await;
        let output = output.map_err(|error| failed(format!("`codex --version`: {error}")))?;
        let text = String::from_utf8_lossy(&output.stdout);
        text.split_whitespace()
            .find(|word| word.starts_with(|c: char| c.is_ascii_digit()))
            .map(str::to_owned)
            .ok_or_else(|| failed("`codex --version` did not print a version".to_owned()))
    }
}

/// The first executable codex in `folders`.
fn first_codex(folders: &[PathBuf]) -> Option<PathBuf> {
    first_program("codex", folders)
}

fn first_program(name: &str, folders: &[PathBuf]) -> Option<PathBuf> {
    let path: OsString = std::env::join_paths(folders.iter().filter(|folder| folder.is_absolute())).ok()?;
    // On Windows this tries `.exe`, `.cmd` and the other extensions in PATHEXT.
    which::which_in(name, Some(path), "/").ok()
}

/// The folders where npm, Node version managers and package managers install programs, best first.
fn install_folders(environment: &Environment) -> Vec<PathBuf> {
    let mut folders = Vec::new();
    let from = |variable: &str, below: &str| environment.path(variable).map(|folder| folder.join(below));
    folders.extend(from("NPM_CONFIG_PREFIX", "bin"));
    folders.extend(from("PNPM_HOME", ""));
    folders.extend(from("VOLTA_HOME", "bin"));
    folders.extend(from("BUN_INSTALL", "bin"));
    folders.extend(from("FNM_MULTISHELL_PATH", "bin"));
    folders.extend(from("NVM_BIN", ""));
    if cfg!(windows) {
        folders.extend(from("APPDATA", "npm"));
        folders.extend(from("LOCALAPPDATA", "pnpm"));
        folders.extend(from("LOCALAPPDATA", "Volta/bin"));
        folders.extend(from("ProgramFiles", "nodejs"));
        folders.extend(from("LOCALAPPDATA", "Microsoft/WinGet/Links"));
        folders.extend(from("LOCALAPPDATA", "Microsoft/WindowsApps"));
    }
    if let Some(home) = environment.home() {
        let below = [
            ".local/bin",
            ".npm-global/bin",
            ".npm/bin",
            "n/bin",
            ".volta/bin",
            ".asdf/shims",
            ".local/share/mise/shims",
            ".nodenv/shims",
            ".bun/bin",
            ".local/share/pnpm",
            "Library/pnpm",
            ".cargo/bin",
            ".nix-profile/bin",
            "bin",
        ];
        folders.extend(below.map(|below| home.join(below)));
        folders.extend(newest_first(&home.join(".nvm/versions/node"), "bin"));
        for fnm in [".local/share/fnm", "Library/Application Support/fnm", ".fnm", "AppData/Roaming/fnm"] {
            let below = if cfg!(windows) { "installation" } else { "installation/bin" };
            folders.extend(newest_first(&home.join(fnm).join("node-versions"), below));
        }
    }
    if cfg!(unix) {
        let system = [
            "/opt/homebrew/bin",
            "/usr/local/bin",
            "/opt/local/bin",
            "/run/current-system/sw/bin",
            "/home/linuxbrew/.linuxbrew/bin",
            "/usr/bin",
            "/snap/bin",
        ];
        folders.extend(system.map(PathBuf::from));
    }
    folders
}

/// The subfolders of `folder`, which are named after versions, newest first, each joined with `below`.
fn newest_first(folder: &Path, below: &str) -> Vec<PathBuf> {
    let mut versions: Vec<(Vec<u64>, PathBuf)> = std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| {
            let name = entry.file_name().to_string_lossy().into_owned();
            let numbers = name.trim_start_matches('v').split('.').map(|n| n.parse().unwrap_or(0)).collect();
            (numbers, entry.path().join(below))
        })
        .collect();
    versions.sort_by(|a, b| b.0.cmp(&a.0));
    versions.into_iter().map(|(_, path)| path).collect()
}

#[cfg(test)]
mod tests;
