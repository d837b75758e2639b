//! `codex-proxyd key new NAME | list | revoke ID`, on the same file that a running proxy reads.

use std::path::PathBuf;

use codex_client::SandboxMode;
use proxy::settings::{Settings, choice};
use proxy::unix_now;
use proxy::{KeyEntry, KeyFile, KeyLimits, LimitsError};

use crate::cli::KeyAction;

/// The longest name of a key, in characters.
const LONGEST_NAME: usize = 60;

pub(crate) fn run(action: &KeyAction, settings: &Settings) -> Result<(), String> {
    let keys = KeyFile::in_folder(&settings.data_dir);
    let words = |error: proxy::KeyFileError| error.to_string();
    match action {
        KeyAction::New { name, sandbox, workspace } => {
            let name = name.trim();
            if name.is_empty() || name.chars().count() > LONGEST_NAME || name.chars().any(char::is_control) {
                return Err(format!("a key's name has 1 to {LONGEST_NAME} printable characters"));
            }
            let limits = limits(sandbox.as_deref(), workspace.clone(), settings)?;
            let (key, entry) = keys.create_limited(name, limits, unix_now()).map_err(words)?;
            println!("{}", key.reveal());
            eprintln!(
                "This is the key {:?} (id {}){}. It is not shown again.",
                entry.name,
                entry.id,
                limits_of(&entry)
            );
        }
        KeyAction::List => {
            let entries = keys.entries().map_err(words)?;
            if entries.is_empty() {
                eprintln!("There is no key yet. Make one with `codex-proxyd key new NAME`.");
            }
            for entry in entries.iter() {
                println!("{}  …{}  {}{}", entry.id, entry.last_four, entry.name, limits_of(entry));
            }
        }
        KeyAction::Revoke { id } => {
            let entry = keys.revoke(id).map_err(words)?;
            eprintln!("The key {:?} does not work any more.", entry.name);
        }
    }
    Ok(())
}

/// The limits of a new key. They are held against the settings that this command was given, which should be the proxy's.
fn limits(
    sandbox: Option<&str>,
    workspace: Option<PathBuf>,
    settings: &Settings,
) -> Result<KeyLimits, String> {
    let mode =
        |name: &str| choice::<SandboxMode>(name).map_err(|wanted| format!("--sandbox is {name:?}. {wanted}"));
    let limits = KeyLimits { sandbox: sandbox.map(mode).transpose()?, workspace };
    limits.check(settings.sandbox, &settings.working_folder()).map_err(|error| match error {
        LimitsError::Freer(_) | LimitsError::Outside { .. } => format!(
            "{error}. If the proxy has other settings, give them before `key`, as in `codex-proxyd --sandbox MODE --workspace DIR key new …`"
        ),
        error @ LimitsError::Unusable { .. } => error.to_string(),
    })
}

/// The limits of a key as they stand behind its name; nothing when it has none.
fn limits_of(entry: &KeyEntry) -> String {
    let KeyLimits { sandbox, workspace } = &entry.limits;
    let mode = sandbox.map(|mode| mode.name().to_owned());
    let folder = workspace.as_ref().map(|folder| format!("in {}", folder.display()));
    match [mode, folder].into_iter().flatten().collect::<Vec<_>>().as_slice() {
        [] => String::new(),
        limits => format!("  [{}]", limits.join(" ")),
    }
}
