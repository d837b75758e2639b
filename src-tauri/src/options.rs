//! The command line of the app.

use std::path::PathBuf;

use clap::Parser;

/// What to do if the data folder cannot be used.
pub(crate) const CHECK_FOLDER: &str =
    "Check that you may write there, or choose another data folder with --data-dir.";

/// An OpenAI-compatible API for the Codex CLI on this computer, in your tray.
#[derive(Debug, Parser)]
#[command(name = "codex-proxy", version)]
pub(crate) struct Options {
    /// Start in the tray, without a window
    #[arg(long)]
    pub(crate) hidden: bool,
    /// Store keys' secrets in memory instead of the system keychain, until the app quits
    #[arg(long)]
    pub(crate) keys_in_memory: bool,
    /// Data folder [default: the system's app data folder]
    #[arg(long, env = "DATA_DIR", hide_env = true, value_name = "DIR")]
    data_dir: Option<PathBuf>,
}

impl Options {
    /// The data folder from `--data-dir` or `DATA_DIR`, or else the system's.
    pub(crate) fn data_dir(&self) -> Result<PathBuf, String> {
        let folder = self.data_dir.clone().or_else(usual_data_dir);
        let folder = folder.ok_or("no data folder found; set one with --data-dir")?;
        std::fs::create_dir_all(&folder).map_err(|error| {
            format!("cannot create the data folder {}: {error}. {CHECK_FOLDER}", folder.display())
        })?;
        std::path::absolute(&folder).map_err(|error| error.to_string())
    }
}

/// The system's data folder for this app.
pub(crate) fn usual_data_dir() -> Option<PathBuf> {
    directories::ProjectDirs::from("", "", "codex-proxy").map(|dirs| dirs.data_dir().to_owned())
}
