//! `codex-proxyd key new | list | revoke`, on the key file that a running proxy reads too.

use std::path::PathBuf;

use codex_client::SandboxMode;
use proxy::settings::{Settings, choice};
use proxy::unix_now;
use proxy::{KeyEntry, KeyFile, KeyFileError, KeyLimits, LimitsError, MAX_KEY_NAME_CHARS, is_key_name};

use crate::cli::KeyAction;

pub(crate) fn run(action: &KeyAction, settings: &Settings) -> Result<(), String> {
    let keys = KeyFile::in_folder(&settings.data_dir);
    let message = |error: KeyFileError| error.to_string();
    match action {
        KeyAction::New { name, models, sandbox, workspace } => {
            let name = name.trim();
            if !is_key_name(name) {
                return Err(format!(
                    "the name of a key must have 1 to {MAX_KEY_NAME_CHARS} printable characters"
                ));
            }
            let limits = if is_plain(models.as_deref(), sandbox.is_some() || workspace.is_some(), settings)? {
                KeyLimits { plain_models_only: true, ..KeyLimits::default() }
            } else {
                limits(sandbox.as_deref(), workspace.clone(), settings)?
            };
            let (key, entry) = keys.create_limited(name, limits, unix_now()).map_err(message)?;
            println!("{}", key.reveal());
            eprintln!(
                "Created the key {:?} (id {}){}. It is not shown again.",
                entry.name,
                entry.id,
                limits_of(&entry)
            );
            if models.is_none() && entry.limits.plain_models_only {
                eprintln!("{PLAIN_BY_DEFAULT}");
            }
        }
        KeyAction::List => {
            let entries = keys.entries().map_err(message)?;
            if entries.is_empty() {
                eprintln!("There are no keys. Create one with `codex-proxyd key new NAME`.");
            }
            for entry in entries.iter() {
                println!("{}  …{}  {}{}", entry.id, entry.last_four, entry.name, limits_of(entry));
            }
        }
        KeyAction::Revoke { id } => {
            let entry = keys.revoke(id).map_err(|error| match error {
                KeyFileError::NoSuchKey(_) => format!("{error}. Run `codex-proxyd key list` to see the ids"),
                error => error.to_string(),
            })?;
            eprintln!("Revoked the key {:?}.", entry.name);
        }
    }
    Ok(())
}

/// Printed with a key that is limited by default.
pub(crate) const PLAIN_BY_DEFAULT: &str = "Others can reach the proxy, so this key is for plain models only. For codex-local, which can read your files, use `key new NAME --models all`.";

/// Whether a new key is for plain models only. `has_limits` says whether it limits codex-local.
fn is_plain(models: Option<&str>, has_limits: bool, settings: &Settings) -> Result<bool, String> {
    match models {
        Some("plain") if has_limits => Err(
            "--sandbox and --workspace limit codex-local, which --models plain leaves out. Use one of them"
                .to_owned(),
        ),
        Some(models) => Ok(models == "plain"),
        None => Ok(!has_limits && !settings.host.is_loopback()),
    }
}

/// Validates the limits of a new key against the settings of this command, which should be the same as the proxy's.
fn limits(
    sandbox: Option<&str>,
    workspace: Option<PathBuf>,
    settings: &Settings,
) -> Result<KeyLimits, String> {
    let mode = |name: &str| {
        choice::<SandboxMode>(name).map_err(|expected| format!("--sandbox is {name:?}. {expected}"))
    };
    let limits = KeyLimits { sandbox: sandbox.map(mode).transpose()?, workspace, ..KeyLimits::default() };
    limits.check(settings.sandbox, &settings.working_folder()).map_err(|error| match error {
        LimitsError::LessStrict(_) | LimitsError::Outside { .. } => format!(
            "{error}. If the proxy runs with other settings, repeat them before `key`: `codex-proxyd --sandbox MODE --workspace DIR key new …`"
        ),
        error @ LimitsError::Unusable { .. } => error.to_string(),
    })
}

/// The limits of a key, to print after its name; empty if it has none.
fn limits_of(entry: &KeyEntry) -> String {
    let KeyLimits { sandbox, workspace, plain_models_only, .. } = &entry.limits;
    let models = plain_models_only.then(|| "plain models".to_owned());
    let mode = sandbox.map(|mode| mode.name().to_owned());
    let folder = workspace.as_ref().map(|folder| format!("in {}", folder.display()));
    match [models, mode, folder].into_iter().flatten().collect::<Vec<_>>().as_slice() {
        [] => String::new(),
        limits => format!("  [{}]", limits.join(" ")),
    }
}
