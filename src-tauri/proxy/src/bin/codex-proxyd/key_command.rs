//! `codex-proxyd key new NAME | list | revoke ID`, on the same file that a running proxy reads.

use proxy::keys::KeyFile;
use proxy::server::unix_now;
use proxy::settings::Settings;

use crate::cli::KeyAction;

/// The longest name of a key, in characters.
const LONGEST_NAME: usize = 60;

pub(crate) fn run(action: &KeyAction, settings: &Settings) -> Result<(), String> {
    let keys = KeyFile::in_folder(&settings.data_dir);
    let words = |error: proxy::keys::KeyFileError| error.to_string();
    match action {
        KeyAction::New { name } => {
            let name = name.trim();
            if name.is_empty() || name.chars().count() > LONGEST_NAME || name.chars().any(char::is_control) {
                return Err(format!("a key's name has 1 to {LONGEST_NAME} printable characters"));
            }
            let (key, entry) = keys.create(name, unix_now()).map_err(words)?;
            println!("{}", key.reveal());
            eprintln!("This is the key {:?} (id {}). It is not shown again.", entry.name, entry.id);
        }
        KeyAction::List => {
            let entries = keys.entries().map_err(words)?;
            if entries.is_empty() {
                eprintln!("There is no key yet. Make one with `codex-proxyd key new NAME`.");
            }
            for entry in entries.iter() {
                println!("{}  …{}  {}", entry.id, entry.last_four, entry.name);
            }
        }
        KeyAction::Revoke { id } => {
            let entry = keys.revoke(id).map_err(words)?;
            eprintln!("The key {:?} does not work any more.", entry.name);
        }
    }
    Ok(())
}
