//! A key in the window's list, and the check of its name.

use super::KeyRingError;
use crate::keychain::types::{KeyLimitsForm, KeyRow};
use proxy::{KeyEntry, KeyLimits, MAX_KEY_NAME_CHARS, is_key_name, local_day, unix_now};

fn limits_form(limits: &KeyLimits) -> KeyLimitsForm {
    fn text<T: ToString>(value: Option<T>) -> String {
        value.map(|value| value.to_string()).unwrap_or_default()
    }
    let folder = limits.workspace.as_ref().map(|folder| folder.to_string_lossy().into_owned());
    KeyLimitsForm {
        sandbox: limits.sandbox.map(|mode| mode.name().to_owned()).unwrap_or_default(),
        workspace: folder.unwrap_or_default(),
        plain_models_only: limits.plain_models_only,
        // The first second after the last day.
        expires: text(limits.expires.map(|at| local_day(at.saturating_sub(1)))),
        tokens_per_day: text(limits.tokens_per_day),
        requests_per_minute: text(limits.requests_per_minute),
        reserve_percent: text(limits.reserve_percent),
        models: limits.models.join(", "),
        web_search: limits.web_search,
        no_mcp_servers: limits.no_mcp_servers,
        may_ask: limits.may_ask,
        keep_chats: limits.keep_chats,
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
        digest: entry.sha256.to_hex(),
        expired: entry.limits.has_expired(unix_now()),
        tokens_today: None,
        recent_requests: 0,
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
