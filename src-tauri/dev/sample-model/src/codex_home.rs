//! Writes a throw-away `CODEX_HOME` that points codex at a sample model.
//!
//! Deliberately not here: the making and removing of the folder, which the caller owns.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The model the configurations name.
pub const MODEL: &str = "gpt-5.5";

/// Writes `config.toml` with a provider named `mock`, which codex talks to over HTTP and without an account.
///
/// codex lets commands write in temporary folders beside the working folder; not here, so that it does not matter where a
/// checkout lies.
pub fn write(dir: &Path, base_url: &str) -> io::Result<()> {
    let config = format!(
        "model = \"{MODEL}\"\nmodel_provider = \"mock\"\n\n[model_providers.mock]\nname = \"mock\"\n\
         base_url = \"{base_url}\"\nwire_api = \"responses\"\n\n\
         [sandbox_workspace_write]\nexclude_slash_tmp = true\nexclude_tmpdir_env_var = true\n"
    );
    fs::write(dir.join("config.toml"), config)
}

/// Creates a temporary folder beside a home in `folder`, for codex's `TMPDIR`.
///
/// codex does not set up its sandbox for a home below the temporary folder, and a checkout of this project may lie below the
/// system's.
pub fn temp_dir(folder: &Path) -> io::Result<PathBuf> {
    let path = folder.join("tmp");
    fs::create_dir_all(&path)?;
    Ok(path)
}

/// Writes `config.toml` and `auth.json` for the built-in `openai` provider with a made-up API key.
///
/// With this provider codex talks over a WebSocket first.
pub fn write_openai(dir: &Path, base_url: &str) -> io::Result<()> {
    let config = format!("model = \"{MODEL}\"\nopenai_base_url = \"{base_url}\"\n");
    fs::write(dir.join("config.toml"), config)?;
    fs::write(
        dir.join("auth.json"),
        "{\"auth_mode\":\"apikey\",\"OPENAI_API_KEY\":\"sk-sample-not-a-key\"}\n",
    )
}
