//! Finds the codex binary: the user's setting first, then `PATH`, then the app's own installation, then the login shell's
//! `PATH`, then the folders that installers use.
//!
//! The result includes the environment to start it with: codex from npm is a script that needs `node`, so its own folder
//! and the searched folders are added to `PATH`. On Windows the program behind that script is found.

mod folders;
mod login_shell;
mod script;

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::environment::Environment;
use crate::error::CodexError;
use crate::process::{command, output};

use folders::{install_folders, is_same_path};

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
    /// The binary or script. On Windows the program behind npm's script.
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
        // The shell has not said where Node is, which a script from npm needs, nor the program behind a version manager's shim.
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
        let found = find_runnable(setting, folders).ok_or_else(|| {
            let reason = match setting.metadata() {
                _ if bare => "is not on the PATH",
                Err(_) => "does not exist",
                Ok(metadata) if metadata.is_dir() => "is a folder",
                Ok(_) if cfg!(windows) => "is not a program (its name ends with .exe, .cmd or .bat)",
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
            .map(program)
    }

    fn own_codex(&self) -> Option<PathBuf> {
        first_codex(&[self.own.as_ref()?.join("node_modules/.bin")])
    }

    fn found(&self, path: PathBuf, by: FoundBy, more_folders: &[PathBuf]) -> Found {
        let environment = environment_for(&path, &self.environment, more_folders);
        Found { path: program(path), by, environment }
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
    let known = |folders: Vec<PathBuf>| folders.iter().any(|known| is_same_path(known, folder));
    known(environment.path_folders()) || known(install_folders(environment))
}

/// The environment for a program, with its own folder first on the `PATH` and more folders last.
fn environment_for(program: &Path, environment: &Environment, more_folders: &[PathBuf]) -> Environment {
    let mut folders: Vec<PathBuf> = folder_of(program).into_iter().collect();
    for folder in environment.path_folders().iter().chain(more_folders) {
        if !folders.iter().any(|known| is_same_path(known, folder)) {
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
    find_runnable(Path::new(name), Some(&path))
}

/// The first program that `name` stands for. On Windows this tries `.exe`, `.cmd` and the other extensions in PATHEXT.
fn find_runnable(name: &Path, folders: Option<&OsStr>) -> Option<PathBuf> {
    // PATHEXT may also name scripts that only a shell can start, and npm puts such a `codex.ps1` beside its `codex.cmd`.
    let is_runnable = |path: &PathBuf| {
        let extension = path.extension().unwrap_or_default();
        ["exe", "com", "cmd", "bat"].iter().any(|known| extension.eq_ignore_ascii_case(known))
    };
    which::which_in_all(name, folders, "/").ok()?.find(|path| cfg!(not(windows)) || is_runnable(path))
}

/// The program to start for what was found.
fn program(found: PathBuf) -> PathBuf {
    script::program_behind(&found).unwrap_or(found)
}

#[cfg(test)]
mod tests;
