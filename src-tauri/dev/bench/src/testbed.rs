//! The setup of a run: a temporary folder, the sample model, and a codex-proxyd that uses both.
//!
//! The folder is below the target folder, since codex does not set up its sandbox below the system's temporary folder.

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{env, fs};

use anyhow::{Context, Result};
use tempfile::TempDir;
use tokio::process::Command;

use crate::child::{self, READY_PREFIX, Server, built_binary};

/// Age at which a leftover folder is removed: longer than any run.
const STALE_AFTER: Duration = Duration::from_secs(3 * 24 * 60 * 60);

/// How codex reaches the sample model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Provider {
    /// As a provider of the user's, over HTTP.
    Http,
    /// The same, signed in with ChatGPT, for pictures.
    ChatGpt,
    /// As OpenAI, over a WebSocket for each thread.
    OpenAi,
}

pub(crate) struct Testbed {
    /// `None` while the network is down.
    model: RefCell<Option<Server>>,
    /// The sample model's address, such as `http://127.0.0.1:4321`.
    upstream: String,
    pub(crate) codex: PathBuf,
    /// Dropped last, since programs may still be writing to it.
    folder: TempDir,
}

impl Testbed {
    /// Creates a folder in `target/bench-homes` and starts the sample model.
    pub(crate) async fn start(name: &str, codex: &Path) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix(name).tempdir_in(runs_folder()?)?;
        let codex = fs::canonicalize(codex).with_context(|| format!("no codex at {}", codex.display()))?;
        let model = start_model("0").await?;
        let upstream = model.address.clone();
        Ok(Self { model: RefCell::new(Some(model)), upstream, codex, folder })
    }

    /// Kills the sample model: its streams break off, and its port is closed.
    pub(crate) fn cut_network(&self) {
        self.model.take();
    }

    /// Starts the sample model again on its port, if it was killed.
    pub(crate) async fn restore_network(&self) -> Result<()> {
        if self.model.borrow().is_some() {
            return Ok(());
        }
        let port = self.upstream.rsplit(':').next().context("the sample model has no port")?;
        let model = start_model(port).await?;
        self.model.replace(Some(model));
        Ok(())
    }

    /// Creates an empty subfolder.
    pub(crate) fn folder(&self, name: &str) -> Result<PathBuf> {
        let path = self.path(name);
        fs::create_dir(&path).with_context(|| format!("cannot create {}", path.display()))?;
        Ok(path)
    }

    /// The path of a subfolder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Moves a subfolder to `target/NAME`, replacing an earlier one, and returns its path.
    pub(crate) fn keep_folder(&self, inner: &str, name: &str) -> Result<PathBuf> {
        let path = runs_folder()?.with_file_name(name);
        let _absent = fs::remove_dir_all(&path);
        fs::rename(self.path(inner), &path).with_context(|| format!("cannot create {}", path.display()))?;
        Ok(path)
    }

    /// Creates a codex home for the sample model, optionally with a model list like that in the proxy's private home.
    pub(crate) fn codex_home(&self, name: &str, models: Option<&Path>) -> Result<PathBuf> {
        let home = self.folder(name)?;
        sample_model::codex_home::write(&home, &format!("{}/v1", self.upstream))?;
        if let Some(models) = models {
            let path = home.join("config.toml");
            // A JSON string is a valid TOML string.
            let models = serde_json::to_string(models)?;
            fs::write(&path, format!("model_catalog_json = {models}\n{}", fs::read_to_string(&path)?))?;
        }
        Ok(home)
    }

    /// The command for a codex-proxyd with a new codex home and data folder, `NAME-data`.
    pub(crate) fn proxyd(
        &self,
        name: &str,
        provider: Provider,
        key: &str,
        max_turns: u32,
    ) -> Result<Command> {
        let home = self.codex_home(&format!("{name}-home"), None)?;
        if provider == Provider::OpenAi {
            sample_model::codex_home::write_openai(&home, &format!("{}/v1", self.upstream))?;
        }
        if provider == Provider::ChatGpt {
            sample_model::codex_home::write_signed_in_over_http(&home, &format!("{}/v1", self.upstream))?;
        }
        let data = self.folder(&format!("{name}-data"))?;
        let mut command = child::command(built_binary("codex-proxyd")?);
        command.args(["--host", "127.0.0.1", "--port", "0"]);
        command.arg("--codex").arg(&self.codex).arg("--data-dir").arg(&data);
        command.env("API_KEYS", key).env("MAX_TURNS", max_turns.to_string());
        // Not the developer's: codex's commands run in a login shell, which may take long there.
        command.env("HOME", self.folder.path());
        // Not our working folder: it may have an `.env`.
        command.env("CODEX_HOME", home).current_dir(data);
        Ok(command)
    }
}

async fn start_model(port: &str) -> Result<Server> {
    let mut model = child::command(built_binary("sample-model")?);
    model.args(["--host", "127.0.0.1", "--port", port]);
    Server::start(model, READY_PREFIX).await
}

/// The parent of all runs' folders. Removes those that killed runs left behind days ago.
fn runs_folder() -> Result<PathBuf> {
    let target = env::current_exe()?.ancestors().nth(2).map(|target| target.join("bench-homes"));
    let runs = target.context("cannot find the target folder")?;
    fs::create_dir_all(&runs).with_context(|| format!("cannot create {}", runs.display()))?;
    for entry in fs::read_dir(&runs)?.flatten() {
        let age = entry.metadata().and_then(|data| data.modified()).map(|changed| changed.elapsed());
        if matches!(age, Ok(Ok(age)) if age > STALE_AFTER) {
            let _best_effort = fs::remove_dir_all(entry.path());
        }
    }
    Ok(runs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_stale_folders_are_removed() {
        let (old, new) = (runs_folder().unwrap().join("test-old"), runs_folder().unwrap().join("test-new"));
        for path in [&old, &new] {
            fs::create_dir_all(path).unwrap();
        }
        let long_ago = std::time::SystemTime::now() - 2 * STALE_AFTER;
        fs::File::open(&old).unwrap().set_modified(long_ago).unwrap();
        assert!(runs_folder().unwrap().ends_with("bench-homes"));
        assert!(!old.exists() && new.exists());
        fs::remove_dir(&new).unwrap();
    }
}
