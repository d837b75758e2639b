//! The throw-away folder of one run: codex homes, working folders and the proxy's data, gone when the run ends.
//!
//! It lies beside the binaries, below the target folder: codex will not set up its sandbox below the system's temporary
//! folder. Nothing in it outlives the value, so nothing here is worth keeping.

use std::env;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};

/// What is still ending may write one last file; the folder is gone then on a later attempt.
const ATTEMPTS: u32 = 20;
const BETWEEN_ATTEMPTS: Duration = Duration::from_millis(50);

/// A folder that is removed when it is dropped.
#[derive(Debug)]
pub(crate) struct Folder(PathBuf);

impl Folder {
    /// Makes `target/bench-homes/NAME`, with the target folder taken from where this program lies.
    pub(crate) fn make(name: &str) -> Result<Self> {
        let binaries = binaries()?;
        let target = binaries.parent().with_context(|| format!("{} has no parent", binaries.display()))?;
        let path = target.join("bench-homes").join(name);
        sweep(&target.join("bench-homes"));
        // A run of the same name may have been ended without a chance to clear up.
        let _absent = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).with_context(|| format!("{} cannot be made", path.display()))?;
        Ok(Self(path))
    }

    /// Makes an empty folder in it.
    pub(crate) fn room(&self, name: &str) -> Result<PathBuf> {
        let path = self.0.join(name);
        fs::create_dir(&path).with_context(|| format!("{} cannot be made", path.display()))?;
        Ok(path)
    }

    /// Puts one of its folders away where nothing is removed, as `target/NAME`, and says where. What was there of an earlier run
    /// is replaced.
    pub(crate) fn keep(&self, room: &str, name: &str) -> Result<PathBuf> {
        let target =
            self.0.parent().and_then(Path::parent).context("the folder has no target folder above it")?;
        let path = target.join(name);
        let _absent = fs::remove_dir_all(&path);
        fs::rename(self.0.join(room), &path).with_context(|| format!("{} cannot be made", path.display()))?;
        Ok(path)
    }

    /// Makes a codex home in it whose only model is the sample model.
    pub(crate) fn codex_home(&self, name: &str, base_url: &str) -> Result<PathBuf> {
        let home = self.room(name)?;
        sample_model::codex_home::write(&home, base_url).context("a codex home cannot be written")?;
        Ok(home)
    }

    /// Makes a codex home in it whose models are those of this list, as the proxy's own home has it.
    pub(crate) fn bare_home(&self, name: &str, base_url: &str, models: &Path) -> Result<PathBuf> {
        let home = self.codex_home(name, base_url)?;
        let path = home.join("config.toml");
        let config = fs::read_to_string(&path)?;
        // A string of JSON is one of TOML.
        let models = serde_json::to_string(models)?;
        fs::write(&path, format!("model_catalog_json = {models}\n{config}"))?;
        Ok(home)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        for _ in 0..ATTEMPTS {
            match fs::remove_dir_all(&self.0) {
                Ok(()) => return,
                Err(error) if error.kind() == io::ErrorKind::NotFound => return,
                Err(_) => thread::sleep(BETWEEN_ATTEMPTS),
            }
        }
        eprintln!("bench: {} could not be removed", self.0.display());
    }
}

/// Removes what runs have left that were killed, where it can be told that a process is gone.
fn sweep(shelf: &Path) {
    for entry in fs::read_dir(shelf).into_iter().flatten().flatten() {
        let pid = entry.file_name().to_str().and_then(|name| name.parse().ok());
        if pid.is_some_and(is_gone) {
            let _best_effort = fs::remove_dir_all(entry.path());
        }
    }
}

#[cfg(unix)]
fn is_gone(pid: i32) -> bool {
    use rustix::io::Errno;
    use rustix::process::{Pid, test_kill_process};
    Pid::from_raw(pid).is_some_and(|pid| test_kill_process(pid) == Err(Errno::SRCH))
}

#[cfg(not(unix))]
fn is_gone(_pid: i32) -> bool {
    false
}

/// The folder that this program and everything it measures were built into.
pub(crate) fn binaries() -> Result<PathBuf> {
    let program = env::current_exe().context("our own path cannot be read")?;
    program.parent().map(Path::to_path_buf).context("our own path has no folder")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_below_the_target_folder_and_goes_with_what_is_in_it() {
        let name = format!("{}-test", std::process::id());
        let folder = Folder::make(&name).unwrap();
        let path = folder.0.clone();
        assert!(path.ends_with(Path::new("bench-homes").join(name)), "{}", path.display());
        let home = folder.codex_home("home", "http://127.0.0.1:1/v1").unwrap();
        assert!(fs::read_to_string(home.join("config.toml")).unwrap().contains("http://127.0.0.1:1/v1"));
        drop(folder);
        assert!(!path.exists());
    }

    #[cfg(unix)]
    #[test]
    fn only_what_belongs_to_nobody_is_swept() {
        assert!(!is_gone(i32::try_from(std::process::id()).unwrap()));
        assert!(!is_gone(0));
        assert!(is_gone(i32::MAX), "no system gives out such an id");
    }
}
