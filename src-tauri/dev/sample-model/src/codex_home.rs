//! Configures a temporary `CODEX_HOME` to use a sample model.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde_json::json;

use crate::login::{self, BACKEND, TOKEN_LIFETIME};

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
    write_installation_id(dir)?;
    fs::write(dir.join("config.toml"), config)
}

/// Creates a home that has the identifier which codex otherwise creates at its first start.
///
/// Under Wine codex cannot create it.
pub fn write_installation_id(dir: &Path) -> io::Result<()> {
    fs::create_dir_all(dir)?;
    fs::write(dir.join("installation_id"), "6f1c1f0e-3c1e-4b8e-9a39-0a5b4a1d2c3e")
}

/// Writes `config.toml` for the built-in provider, without a sign-in: codex asks for one, which the sample model grants if
/// `CODEX_APP_SERVER_LOGIN_ISSUER` points there.
pub fn write_signed_out(dir: &Path, base_url: &str) -> io::Result<()> {
    let backend = format!("{}{BACKEND}", base_url.trim_end_matches("/v1"));
    let config =
        format!("model = \"{MODEL}\"\nopenai_base_url = \"{base_url}\"\nchatgpt_base_url = \"{backend}\"\n");
    write_installation_id(dir)?;
    fs::write(dir.join("config.toml"), config)
}

/// The same, signed in with ChatGPT.
pub fn write_signed_in(dir: &Path, base_url: &str) -> io::Result<()> {
    write_signed_out(dir, base_url)?;
    write_auth(dir)
}

/// The same with the provider `mock`, which codex uses over HTTP.
pub fn write_signed_in_over_http(dir: &Path, base_url: &str) -> io::Result<()> {
    write(dir, base_url)?;
    let path = dir.join("config.toml");
    let config = fs::read_to_string(&path)?;
    let backend = format!("{}{BACKEND}", base_url.trim_end_matches("/v1"));
    let signed_in = config.replace("wire_api", "requires_openai_auth = true\nwire_api");
    fs::write(path, format!("chatgpt_base_url = \"{backend}\"\n{signed_in}"))?;
    write_auth(dir)
}

/// Writes `auth.json` of somebody who is signed in with ChatGPT.
fn write_auth(dir: &Path) -> io::Result<()> {
    let (account, ..) = login::WORKSPACES[0];
    let token = login::token(login::EMAIL, account, TOKEN_LIFETIME);
    let tokens =
        json!({"id_token": token, "access_token": token, "refresh_token": "sample", "account_id": account});
    // codex refreshes tokens only once this is some days ago.
    let refreshed = "2100-01-01T00:00:00Z";
    let auth = json!({"auth_mode": "chatgpt", "tokens": tokens, "last_refresh": refreshed});
    fs::write(dir.join("auth.json"), format!("{auth}\n"))
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
    write_installation_id(dir)?;
    fs::write(dir.join("config.toml"), config)?;
    fs::write(
        dir.join("auth.json"),
        "{\"auth_mode\":\"apikey\",\"OPENAI_API_KEY\":\"sk-sample-not-a-key\"}\n",
    )
}
