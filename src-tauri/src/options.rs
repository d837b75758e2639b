//! The command line of the app.

use std::path::PathBuf;

use clap::Parser;

/// The codex CLI on this computer as an OpenAI-compatible API, from the tray.
#[derive(Debug, Parser)]
#[command(name = "codex-proxy", version)]
pub(crate) struct Options {
    /// Start in the tray, without a window
    #[arg(long)]
    pub(crate) hidden: bool,
    /// Keep the secrets of keys in memory and not in the system's keychain; they can be copied until the app ends
    #[arg(long)]
    pub(crate) keys_in_memory: bool,
    /// Folder of our own data [default: the system's]
    #[arg(long, env = "DATA_DIR", hide_env = true, value_name = "DIR")]
    data_dir: Option<PathBuf>,
}

impl Options {
    /// The folder of our own data: the one named, by flag or `DATA_DIR`, or the system's.
    pub(crate) fn data_dir(&self) -> Result<PathBuf, String> {
        let system = directories::ProjectDirs::from("", "", "codex-proxy");
        let system = system.map(|dirs| dirs.data_dir().to_owned());
        let folder = self.data_dir.clone().or(system);
        let folder = folder.ok_or("this system names no folder for data; name one with --data-dir")?;
        std::fs::create_dir_all(&folder)
            .map_err(|error| format!("{} cannot be made: {error}", folder.display()))?;
        std::path::absolute(&folder).map_err(|error| error.to_string())
    }
}
