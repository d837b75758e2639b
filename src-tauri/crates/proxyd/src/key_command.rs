//! `codex-proxyd key new | edit | list | revoke`, on the key file that a running proxy reads too.

use std::path::PathBuf;
use std::time::Duration;

use codex_client::{Account, Environment, SandboxMode};
use proxy::models::backends::plain_config;
use proxy::settings::{Settings, choice};
use proxy::unix_now;
use proxy::{KeyEntry, KeyFile, KeyFileError, KeyLimits, LimitsError, MAX_KEY_NAME_CHARS, is_key_name};

use crate::cli::KeyAction;
use crate::key_rules::{self, KeyRules};
use crate::runtime::start_runtime;

pub(crate) fn run(action: &KeyAction, settings: &Settings, environment: &Environment) -> Result<(), String> {
    let keys = KeyFile::in_folder(&settings.data_dir);
    let describe = |entry: &KeyEntry| {
        key_rules::describe(entry, key_rules::used_today(&settings.data_dir, entry), unix_now())
    };
    match action {
        KeyAction::New { name, models, sandbox, workspace, rules } => {
            let name = name.trim();
            if !is_key_name(name) {
                return Err(format!(
                    "the name of a key must have 1 to {MAX_KEY_NAME_CHARS} printable characters"
                ));
            }
            let has_limits = sandbox.is_some() || workspace.is_some();
            let limits = if is_plain(models.as_deref(), has_limits, settings)? {
                KeyLimits { plain_models_only: true, ..KeyLimits::default() }
            } else {
                limits(KeyLimits::default(), sandbox.as_deref(), workspace.clone(), settings)?
            };
            check_reserve(rules, settings, environment)?;
            let (key, entry) =
                keys.create_limited(name, rules.apply(limits)?, unix_now()).map_err(message)?;
            println!("{}", key.reveal());
            eprintln!(
                "Created the key {:?} (id {}){}. It is not shown again.",
                entry.name,
                entry.id,
                describe(&entry)
            );
            if models.is_none() && entry.limits.plain_models_only {
                eprintln!("{PLAIN_BY_DEFAULT}");
            }
        }
        KeyAction::Edit { id, models, sandbox, workspace, rules } => {
            let has_limits = sandbox.is_some() || workspace.is_some();
            if rules.is_empty() && models.is_none() && !has_limits {
                return Err(
                    "nothing to change. Run `codex-proxyd key edit --help` to see the flags".to_owned()
                );
            }
            let entries = keys.entries().map_err(message)?;
            let known = entries.iter().find(|entry| entry.id == *id);
            let known = known.ok_or_else(|| message(KeyFileError::NoSuchKey(id.clone())))?;
            let mut changed = known.limits.clone();
            if let Some(models) = models.as_deref() {
                changed.plain_models_only = is_plain(Some(models), has_limits, settings)?;
                if changed.plain_models_only {
                    (changed.sandbox, changed.workspace) = (None, None);
                }
            }
            if has_limits {
                if changed.plain_models_only {
                    return Err(PLAIN_AND_LIMITED.to_owned());
                }
                changed = limits(changed, sandbox.as_deref(), workspace.clone(), settings)?;
            }
            check_reserve(rules, settings, environment)?;
            let entry = keys.limit(id, rules.apply(changed)?).map_err(message)?;
            eprintln!("Changed the key {:?}{}.", entry.name, describe(&entry));
        }
        KeyAction::List => {
            let entries = keys.entries().map_err(message)?;
            if entries.is_empty() {
                eprintln!("There are no keys. Create one with `codex-proxyd key new NAME`.");
            }
            for entry in entries.iter() {
                println!("{}  …{}  {}{}", entry.id, entry.last_four, entry.name, describe(entry));
            }
        }
        KeyAction::Revoke { id } => {
            let entry = keys.revoke(id).map_err(message)?;
            eprintln!("Revoked the key {:?}.", entry.name);
        }
    }
    Ok(())
}

fn message(error: KeyFileError) -> String {
    match error {
        KeyFileError::NoSuchKey(_) => format!("{error}. Run `codex-proxyd key list` to see the ids"),
        error => error.to_string(),
    }
}

/// Checks that a reserve can be kept: codex must report how much of the week is used.
fn check_reserve(rules: &KeyRules, settings: &Settings, environment: &Environment) -> Result<(), String> {
    if !rules.needs_weekly_limit() {
        return Ok(());
    }
    let config = plain_config(settings.codex_path.as_deref(), environment, &settings.data_dir);
    let probed = start_runtime()?
        .block_on(async { tokio::time::timeout(PROBE_TIMEOUT, codex_client::probe(&config)).await });
    match probed.map(|probed| probed.map(|probed| probed.readiness.account)) {
        Ok(Ok(Some(Account::ChatGpt { .. }))) => Ok(()),
        Ok(Ok(_)) => {
            Err("a reserve needs a weekly limit, which only a ChatGPT sign-in has. Run `codex login`"
                .to_owned())
        }
        Ok(Err(error)) => {
            Err(format!("a reserve needs a ChatGPT sign-in, and codex can't be asked: {error}"))
        }
        Err(_) => Err("a reserve needs a ChatGPT sign-in, and codex did not answer in time".to_owned()),
    }
}

/// Timeout for starting codex and asking for its account.
const PROBE_TIMEOUT: Duration = Duration::from_secs(60);

const PLAIN_AND_LIMITED: &str =
    "--sandbox and --workspace limit codex-local, which a key for plain models leaves out. Use one of them";

/// Printed with a key that is limited by default.
pub(crate) const PLAIN_BY_DEFAULT: &str = "Others can reach the proxy, so this key is for plain models only. For codex-local, which can read your files, use `key new NAME --models all`.";

/// Whether a new key is for plain models only. `has_limits` says whether it limits codex-local.
fn is_plain(models: Option<&str>, has_limits: bool, settings: &Settings) -> Result<bool, String> {
    match models {
        Some("plain") if has_limits => Err(PLAIN_AND_LIMITED.to_owned()),
        Some(models) => Ok(models == "plain"),
        None => Ok(!has_limits && !settings.host.is_loopback()),
    }
}

/// Validates the limits of codex-local against the settings of this command, which should be the same as the proxy's.
fn limits(
    known: KeyLimits,
    sandbox: Option<&str>,
    workspace: Option<PathBuf>,
    settings: &Settings,
) -> Result<KeyLimits, String> {
    let mode = |name: &str| match name {
        "default" => Ok(None),
        name => choice::<SandboxMode>(name)
            .map(Some)
            .map_err(|expected| format!("--sandbox is {name:?}. {expected}")),
    };
    let limits = KeyLimits {
        sandbox: sandbox.map_or(Ok(known.sandbox), mode)?,
        workspace: workspace.map_or(known.workspace, key_rules::folder),
        ..known
    };
    limits.check(settings.sandbox, &settings.working_folder()).map_err(|error| match error {
        LimitsError::LessStrict(_) | LimitsError::Outside { .. } => format!(
            "{error}. If the proxy runs with other settings, repeat them before `key`: `codex-proxyd --sandbox MODE --workspace DIR key new …`"
        ),
        error @ LimitsError::Unusable { .. } => error.to_string(),
    })
}
