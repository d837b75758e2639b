//! The `CODEX_HOME` that codex runs with: the user's own, or a private one for plain models.
//!
//! The private home holds a link to the user's sign-in, the user's provider settings, and a model list stripped of tools.
//! Nothing else of the user's home is visible to codex there: no AGENTS.md, no MCP servers, no skills. It is rewritten at
//! each start. The sign-in is never copied: the first token refresh would invalidate the other copy. Nothing here writes
//! to the user's home.

mod auth_watch;
mod catalog;
mod config_watch;
mod inherited;
mod provider;
mod watch;

use std::fs;
use std::io;
#[cfg(unix)]
use std::os::unix::fs::symlink;
#[cfg(windows)]
use std::os::windows::fs::symlink_file as symlink;
use std::path::{Path, PathBuf};

use crate::environment::Environment;
use crate::error::CodexError;
use crate::files::replace_file_unsynced;
use crate::install::Found;

pub(crate) use catalog::{ModelList, ModelSizes};
pub(crate) use provider::ActiveProvider;
pub(crate) use watch::HomeWatch;

/// Which home codex should run with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Home {
    /// The user's own, from the environment.
    #[default]
    Users,
    /// A private one in this folder, an absolute path. Only the proxy and codex write there.
    Private(PathBuf),
}

/// Which home codex runs with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum HomeUsed {
    /// The user's own, as requested.
    #[default]
    Users,
    /// The private one.
    Private,
    /// The user's own instead of a private one, which this sign-in or system does not allow. Everything that can be is
    /// switched off; the AGENTS.md in that home still reaches the model.
    Shared {
        /// Completes "since …".
        reason: String,
    },
}

/// How to start codex with its home.
pub(crate) struct Prepared {
    pub(crate) environment: Environment,
    /// Arguments before the subcommand.
    pub(crate) args: Vec<String>,
    pub(crate) used: HomeUsed,
    pub(crate) provider: ActiveProvider,
    /// The model list that codex starts with, in place of its built-in one.
    pub(crate) models: Option<ModelList>,
}

/// codex's settings in its home.
const CONFIG: &str = "config.toml";

/// codex's sign-in in its home.
const AUTH: &str = "auth.json";

/// Environment variables that codex reads at startup; may hold a provider's key.
const DOTENV: &str = ".env";

/// The model list in the private home.
const CATALOG: &str = "models.json";

/// Prepares the home for a start.
///
/// # Errors
/// When the user's settings cannot be read and are needed: continuing without them might send prompts to the wrong
/// provider. In the user's own home, codex reads them itself.
pub(crate) async fn prepare(
    home: &Home,
    found: &Found,
    environment: Environment,
) -> Result<Prepared, CodexError> {
    let user_home = environment.codex_home();
    let settings = read_settings(user_home.as_deref());
    let Home::Private(folder) = home else {
        let provider = settings.map(|settings| provider::active(&settings)).unwrap_or_default();
        let args = Vec::new();
        return Ok(Prepared { environment, args, used: HomeUsed::Users, provider, models: None });
    };
    let settings =
        settings.map_err(|reason| CodexError::BadConfig { reason: format!("{CONFIG}{reason}") })?;
    let provider = provider::active(&settings);
    let has_auth = user_home.as_ref().is_some_and(|home| home.join(AUTH).exists());
    let linked = match inherited::needs_keyring(&settings, has_auth) {
        true => Err("the system keychain stores the sign-in for one home only".to_owned()),
        false => create_links(folder, user_home.as_deref(), provider.own.is_none())
            .map_err(|error| why_not_private(&error)),
    };
    let inherited = inherited::inherited(&settings, user_home.as_deref());
    let (environment, mut args, used) = match linked {
        Ok(()) => {
            let environment = environment.with("CODEX_HOME", folder);
            write_settings(folder, &inherited)?;
            (environment, Vec::new(), HomeUsed::Private)
        }
        Err(reason) => {
            tracing::warn!(%reason, "plain models share the user's CODEX_HOME");
            (environment, inherited::override_args(&settings), HomeUsed::Shared { reason })
        }
    };
    let models = match create_private_folder(folder) {
        Ok(()) => {
            ModelList::prepare(folder, found, &environment, inherited::own_model_list(&inherited)).await?
        }
        Err(_) => None,
    };
    if let Some(list) = &models {
        // Not in config.toml, so that codex can still be asked for its own list.
        let path = toml::Value::from(list.path().display().to_string());
        args.extend(["-c".to_owned(), format!("model_catalog_json={path}")]);
    }
    Ok(Prepared { environment, args, used, provider, models })
}

/// The user's settings; empty when there are none. The error continues after the file's name and never quotes the file,
/// which may hold keys.
fn read_settings(user_home: Option<&Path>) -> Result<toml::Table, String> {
    let Some(path) = user_home.map(|home| home.join(CONFIG)) else { return Ok(toml::Table::new()) };
    match fs::read_to_string(path) {
        Ok(text) => toml::from_str(&text).map_err(|error| {
            let line = error.span().map(|at| text[..at.start].matches('\n').count() + 1);
            let at = line.map(|line| format!(", line {line}")).unwrap_or_default();
            format!("{at}: {}", error.message())
        }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(toml::Table::new()),
        Err(error) => Err(format!(" cannot be read: {error}")),
    }
}

/// Whether the user's settings trust this folder or the repository that contains it.
pub(crate) fn is_trusted(user_home: Option<&Path>, folder: &Path) -> bool {
    let Ok(settings) = read_settings(user_home) else { return false };
    let projects = settings.get("projects").and_then(toml::Value::as_table);
    // As codex looks it up: first with all links resolved, then as it was named.
    let trusted = |folder: &Path| {
        let real = dunce::canonicalize(folder).ok();
        let level = real.as_deref().into_iter().chain([folder]).find_map(|folder| {
            let (_, project) =
                projects?.iter().find(|(name, _)| Some(trust_key(name)) == folder.to_str().map(trust_key))?;
            project.get("trust_level")?.as_str()
        });
        level == Some("trusted")
    };
    let repository = folder.ancestors().find(|folder| folder.join(".git").exists());
    trusted(folder) || repository.is_some_and(trusted)
}

/// A folder's name in the user's settings, for comparing: codex ignores its case on Windows.
fn trust_key(folder: &str) -> String {
    if cfg!(windows) { folder.to_ascii_lowercase() } else { folder.to_owned() }
}

/// Completes "since …".
fn why_not_private(error: &io::Error) -> String {
    /// `ERROR_PRIVILEGE_NOT_HELD`: only administrators may create links.
    const PRIVILEGE_NOT_HELD: i32 = 1314;
    if cfg!(windows) && error.raw_os_error() == Some(PRIVILEGE_NOT_HELD) {
        return "Windows allows the link to the sign-in only in Developer Mode (Settings, System, For developers)"
            .to_owned();
    }
    format!("a private home cannot be created ({error})")
}

/// Creates the private home and its links to the user's home. A provider with its own key does without the sign-in.
fn create_links(folder: &Path, user_home: Option<&Path>, needs_sign_in: bool) -> io::Result<()> {
    create_private_folder(folder)?;
    let Some(user_home) = user_home else { return Ok(()) };
    let user_home = std::path::absolute(user_home)?;
    for (name, needed) in [(AUTH, needs_sign_in), (DOTENV, user_home.join(DOTENV).exists())] {
        match link(&user_home.join(name), &folder.join(name)) {
            Err(error) if needed => return Err(error),
            linked => linked.unwrap_or_else(|error| tracing::debug!(name, %error, "cannot link")),
        }
    }
    Ok(())
}

fn create_private_folder(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    #[cfg(unix)]
    fs::set_permissions(folder, std::os::unix::fs::PermissionsExt::from_mode(0o700))?;
    Ok(())
}

/// Points `link` at `target`, which may not exist yet. It must be a symlink: codex does not write to a hard link (0.169:
/// "atomic credential replacement does not support hard-linked files"), so it would spend the old token and lose the new
/// one.
fn link(target: &Path, link: &Path) -> io::Result<()> {
    if fs::read_link(link).is_ok_and(|current| current == target) {
        return Ok(());
    }
    match fs::remove_file(link) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    symlink(target, link)?;
    // Wine says that it made one, and makes none.
    fs::read_link(link).map(drop)
}

fn write_settings(folder: &Path, settings: &toml::Table) -> Result<(), CodexError> {
    let text = format!("# Written by Codex Proxy at each start of codex; changes are lost.\n{settings}");
    write(folder, CONFIG, text.as_bytes())
}

fn write(folder: &Path, name: &str, text: &[u8]) -> Result<(), CodexError> {
    replace_file_unsynced(&folder.join(name), text).map_err(|error| CodexError::StartFailed {
        reason: format!("cannot write {name} to its private home: {error}"),
    })
}

#[cfg(test)]
#[path = "home/tests.rs"]
mod tests;
