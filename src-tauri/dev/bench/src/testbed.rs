//! What every run needs: a throw-away folder, the sample model, and codex-proxyd set up to use both.
//!
//! The folder lies beside the binaries, below the target folder: codex does not set up its sandbox below the system's
//! temporary folder. It is gone when the run ends.

use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{env, fs};

use anyhow::{Context, Result};
use tempfile::TempDir;
use tokio::process::Command;

use crate::child::{self, READY, Server, built};

/// Longer than any run takes.
const MAX_AGE: Duration = Duration::from_secs(3 * 24 * 60 * 60);

/// A sample model, a codex to measure with, and a folder.
pub(crate) struct Testbed {
    model: Server,
    /// The codex binary.
    pub(crate) codex: PathBuf,
    /// Dropped last: what is dropped before it may still write there.
    folder: TempDir,
}

impl Testbed {
    /// Makes a folder in `target/bench-homes` and starts the sample model.
    pub(crate) async fn start(name: &str, codex: &Path) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix(name).tempdir_in(shelf()?)?;
        let codex = fs::canonicalize(codex).with_context(|| format!("no codex is at {}", codex.display()))?;
        let mut model = child::command(built("sample-model")?);
        model.args(["--host", "127.0.0.1", "--port", "0"]);
        Ok(Self { model: Server::start(model, READY).await?, codex, folder })
    }

    /// Makes an empty folder.
    pub(crate) fn folder(&self, name: &str) -> Result<PathBuf> {
        let path = self.path(name);
        fs::create_dir(&path).with_context(|| format!("{} cannot be made", path.display()))?;
        Ok(path)
    }

    /// Where a folder lies.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Moves one of the folders to `target/NAME`, in the place of an earlier one, and says where that is.
    pub(crate) fn keep(&self, inner: &str, name: &str) -> Result<PathBuf> {
        let path = shelf()?.with_file_name(name);
        let _absent = fs::remove_dir_all(&path);
        fs::rename(self.path(inner), &path).with_context(|| format!("{} cannot be made", path.display()))?;
        Ok(path)
    }

    /// Makes a codex home whose only model is the sample model, or with the models of a list, as the proxy's own home has it.
    pub(crate) fn codex_home(&self, name: &str, models: Option<&Path>) -> Result<PathBuf> {
        let home = self.folder(name)?;
        sample_model::codex_home::write(&home, &format!("{}/v1", self.model.address))?;
        if let Some(models) = models {
            let path = home.join("config.toml");
            // A string of JSON is one of TOML.
            let models = serde_json::to_string(models)?;
            fs::write(&path, format!("model_catalog_json = {models}\n{}", fs::read_to_string(&path)?))?;
        }
        Ok(home)
    }

    /// What starts a codex-proxyd with a codex home and a data folder, `NAME-data`, that no other has.
    pub(crate) fn proxyd(&self, name: &str, key: &str, max_turns: u32) -> Result<Command> {
        let data = self.folder(&format!("{name}-data"))?;
        let mut command = child::command(built("codex-proxyd")?);
        command.args(["--host", "127.0.0.1", "--port", "0"]);
        command.arg("--codex").arg(&self.codex).arg("--data-dir").arg(&data);
        command.env("API_KEYS", key).env("MAX_TURNS", max_turns.to_string());
        // Its working folder holds no `.env` that it would read.
        command.env("CODEX_HOME", self.codex_home(&format!("{name}-home"), None)?).current_dir(data);
        Ok(command)
    }
}

/// Where the folders of all runs lie. Those that a killed run has left are removed after some days.
fn shelf() -> Result<PathBuf> {
    let target = env::current_exe()?.ancestors().nth(2).map(|target| target.join("bench-homes"));
    let shelf = target.context("there is no target folder")?;
    fs::create_dir_all(&shelf).with_context(|| format!("{} cannot be made", shelf.display()))?;
    for entry in fs::read_dir(&shelf)?.flatten() {
        let age = entry.metadata().and_then(|data| data.modified()).map(|changed| changed.elapsed());
        if matches!(age, Ok(Ok(age)) if age > MAX_AGE) {
            let _best_effort = fs::remove_dir_all(entry.path());
        }
    }
    Ok(shelf)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_below_the_target_folder_and_only_old_ones_are_removed() {
        let (old, new) = (shelf().unwrap().join("test-old"), shelf().unwrap().join("test-new"));
        for path in [&old, &new] {
            fs::create_dir_all(path).unwrap();
        }
        let long_ago = std::time::SystemTime::now() - 2 * MAX_AGE;
        fs::File::open(&old).unwrap().set_modified(long_ago).unwrap();
        assert!(shelf().unwrap().ends_with("bench-homes"));
        assert!(!old.exists() && new.exists());
        fs::remove_dir(&new).unwrap();
    }
}
