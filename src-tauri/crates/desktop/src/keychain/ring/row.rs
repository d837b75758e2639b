//! A key in the window's list, and the check of its name.

use super::KeyRingError;
use crate::keychain::types::{KeyLimitsForm, KeyRow};
use proxy::{KeyEntry, KeyLimits, MAX_KEY_NAME_CHARS, is_key_name};

fn limits_form(limits: &KeyLimits) -> KeyLimitsForm {
    let folder = limits.workspace.as_ref().map(|folder| folder.to_string_lossy().into_owned());
    KeyLimitsForm {
        sandbox: limits.sandbox.map(|mode| mode.name().to_owned()).unwrap_or_default(),
        workspace: folder.unwrap_or_default(),
        plain_models_only: limits.plain_models_only,
    }
}

pub(super) fn row(entry: &KeyEntry, can_copy: bool) -> KeyRow {
    KeyRow {
        id: entry.id.clone(),
        name: entry.name.clone(),
        last_four: entry.last_four.clone(),
        created: entry.created,
        last_used: entry.renamed.and_then(|renamed| renamed.last_used),
        named: entry.renamed.map_or(entry.created, |renamed| renamed.at),
        can_copy,
        limits: limits_form(&entry.limits),
        not_yet_shown: false,
    }
}

/// Names are unique, because the log shows only the name. `others` are the other keys.
pub(super) fn check_name<'a>(
    name: &str,
    mut others: impl Iterator<Item = &'a KeyEntry>,
) -> Result<(), KeyRingError> {
    let message = if name.is_empty() {
        "Enter a name, such as \"Open WebUI\".".to_owned()
    } else if !is_key_name(name) {
        format!("Enter a name of at most {MAX_KEY_NAME_CHARS} characters on one line.")
    } else if others.any(|entry| entry.name == name) {
        format!("A key named '{name}' already exists. Choose another name.")
    } else {
        return Ok(());
    };
    Err(KeyRingError::Name(message))
}
