//! Configures a temporary `CODEX_HOME` to use a sample model.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::login::BACKEND;

/// The configured model.
pub const MODEL: &str = "gpt-5.5";

/// Writes `config.toml` with a provider named `mock`, which codex uses over HTTP and without an account.
///
/// Disallows commands to write to temporary folders, so that tests behave the same wherever the checkout is.
pub fn write(dir: &Path, base_url: &str) -> io::Result<()> {
    let config = format!(
        "model = \"{MODEL}\"\nmodel_provider = \"mock\"\n\n[model_providers.mock]\nname = \"mock\"\n\
         base_url = \"{base_url}\"\nwire_api = \"responses\"\n\n\
         [sandbox_workspace_write]\nexclude_slash_tmp = true\nexclude_tmpdir_env_var = true\n"
    );
    fs::write(dir.join("config.toml"), config)
}

/// Writes `config.toml` for the built-in provider, without a sign-in: codex asks for one, which the sample model grants if
/// `CODEX_APP_SERVER_LOGIN_ISSUER` points there.
pub fn write_signed_out(dir: &Path, base_url: &str) -> io::Result<()> {
    let backend = format!("{}{BACKEND}", base_url.trim_end_matches("/v1"));
    let config =
        format!("model = \"{MODEL}\"\nopenai_base_url = \"{base_url}\"\nchatgpt_base_url = \"{backend}\"\n");
    fs::write(dir.join("config.toml"), config)
}

/// Creates a temporary folder in `folder`, for codex's `TMPDIR`.
///
/// codex does not set up its sandbox for a home below the temporary folder, and this checkout may be below the system's.
pub fn temp_dir(folder: &Path) -> io::Result<PathBuf> {
    let path = folder.join("tmp");
    fs::create_dir_all(&path)?;
    Ok(path)
}

/// Writes `config.toml` and `auth.json` for the built-in `openai` provider with a fake API key.
///
/// With this provider codex prefers a WebSocket.
pub fn write_openai(dir: &Path, base_url: &str) -> io::Result<()> {
    let config = format!("model = \"{MODEL}\"\nopenai_base_url = \"{base_url}\"\n");
    fs::write(dir.join("config.toml"), config)?;
    fs::write(
        dir.join("auth.json"),
        "{\"auth_mode\":\"apikey\",\"OPENAI_API_KEY\":\"sk-sample-not-a-key\"}\n",
    )
}
