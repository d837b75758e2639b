//! The account's rate limits in the three forms codex reads them: headers, an error body, a WebSocket event.
//!
//! Measured with codex 0.169: `-reset-at` (Unix seconds) is read, `-reset-after-seconds` is not.

use serde_json::{Map, Value, json};

use crate::script::Limit;
use crate::state::unix_seconds;

fn reset_at(limit: &Limit) -> u64 {
    unix_seconds().saturating_add(limit.reset_after.as_secs())
}

/// The response headers.
pub(crate) fn headers(primary: Option<&Limit>, secondary: Option<&Limit>) -> Vec<(String, String)> {
    let mut headers = Vec::new();
    for (name, limit) in [("primary", primary), ("secondary", secondary)] {
        let Some(limit) = limit else { continue };
        headers.push((format!("x-codex-{name}-used-percent"), limit.used_percent.to_string()));
        headers.push((format!("x-codex-{name}-window-minutes"), limit.window_minutes.to_string()));
        headers.push((format!("x-codex-{name}-reset-at"), reset_at(limit).to_string()));
        headers
            .push((format!("x-codex-{name}-reset-after-seconds"), limit.reset_after.as_secs().to_string()));
    }
    headers
}

/// The same as a JSON object, as an error on a WebSocket carries them.
pub(crate) fn headers_json(primary: Option<&Limit>, secondary: Option<&Limit>) -> Value {
    let headers: Map<String, Value> =
        headers(primary, secondary).into_iter().map(|(name, value)| (name, json!(value))).collect();
    Value::Object(headers)
}

/// What an error of type `usage_limit_reached` says about the moment the limit ends.
pub(crate) fn error_details(primary: Option<&Limit>) -> Value {
    primary.map_or_else(|| json!({}), |limit| json!({"plan_type": "plus", "resets_at": reset_at(limit)}))
}

/// The event that takes the place of the headers on a WebSocket.
pub(crate) fn event(primary: Option<&Limit>, secondary: Option<&Limit>) -> Option<Value> {
    let window = |limit: &Limit| {
        json!({"used_percent": limit.used_percent, "window_minutes": limit.window_minutes,
            "reset_at": reset_at(limit), "reset_after_seconds": limit.reset_after.as_secs()})
    };
    primary.or(secondary)?;
    Some(json!({
        "type": "codex.rate_limits", "plan_type": "plus", "code_review_rate_limits": null, "credits": null,
        "rate_limits": {"allowed": true, "limit_reached": false,
            "primary": primary.map(window), "secondary": secondary.map(window)},
    }))
}
