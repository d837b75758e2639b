//! A key as the window lists it, and the names that a key can have.

use super::KeyRingError;
use crate::keychain::types::{KeyLimitsForm, KeyRow};
use proxy::{KeyEntry, KeyLimits};

/// The longest name of a key, in characters; it has to fit a line of the log.
const LONGEST_NAME: usize = 60;

fn limits_form(limits: &KeyLimits) -> KeyLimitsForm {
    let folder = limits.workspace.as_ref().map(|folder| folder.to_string_lossy().into_owned());
    KeyLimitsForm {
        sandbox: limits.sandbox.map(|mode| mode.name().to_owned()).unwrap_or_default(),
        workspace: folder.unwrap_or_default(),
    }
}

pub(super) fn row(entry: &KeyEntry, can_copy: bool) -> KeyRow {
    KeyRow {
        id: entry.id.clone(),
        name: entry.name.clone(),
        last_four: entry.last_four.clone(),
        created: entry.created,
        last_used: None,
        can_copy,
        limits: limits_form(&entry.limits),
        unshown: false,
    }
}

/// Two keys of one name could not be told apart in the log.
pub(super) fn check_name(name: &str, entries: &[KeyEntry]) -> Result<(), KeyRingError> {
    let wrong = if name.is_empty() {
        "Give the key a name, such as the program that will use it."
    } else if name.chars().count() > LONGEST_NAME || name.chars().any(char::is_control) {
        "Give the key a name of at most 60 letters on one line."
    } else if entries.iter().any(|entry| entry.name == name) {
        "There is a key of this name already. Choose another name."
    } else {
        return Ok(());
    };
    Err(KeyRingError::Name(wrong.to_owned()))
}
