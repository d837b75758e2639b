//! The command line of the app.

use std::path::{Path, PathBuf};

use clap::Parser;
use proxy::files::UsualDataFolder;

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
    /// The data folder from `--data-dir` or `DATA_DIR`, or else the usual one, and a sentence for the log.
    pub(crate) fn data_dir(&self) -> Result<(PathBuf, Option<String>), String> {
        let (folder, notice) = match (&self.data_dir, UsualDataFolder::of_user()) {
            (Some(folder), _) => (folder.clone(), None),
            (None, Some(usual)) => usual.with_earlier_data(),
            (None, None) => return Err("no data folder found; set one with --data-dir".to_owned()),
        };
        std::fs::create_dir_all(&folder).map_err(|error| {
            format!("cannot create the data folder {}: {error}. {CHECK_FOLDER}", folder.display())
        })?;
        Ok((std::path::absolute(&folder).map_err(|error| error.to_string())?, notice))
    }

    /// What counts as the usual folder: the one in use, unless another one was named.
    pub(crate) fn usual_data_dir(&self, used: &Path) -> Option<PathBuf> {
        match self.data_dir {
            Some(_) => UsualDataFolder::of_user().map(|usual| usual.path().to_owned()),
            None => Some(used.to_owned()),
        }
    }
}
