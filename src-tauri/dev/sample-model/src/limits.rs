//! The account's rate limits in the three forms codex reads: headers, an error body and a WebSocket event.
//!
//! codex 0.169 reads `-reset-at` (Unix seconds) and ignores `-reset-after-seconds`.

use serde_json::{Map, Value, json};

use crate::account_limits::Limit;

pub(crate) fn headers(primary: Option<&Limit>, secondary: Option<&Limit>) -> Vec<(String, String)> {
    let mut headers = Vec::new();
    for (name, limit) in [("primary", primary), ("secondary", secondary)] {
        let Some(limit) = limit else { continue };
        headers.push((format!("x-codex-{name}-used-percent"), limit.used_percent.to_string()));
        headers.push((format!("x-codex-{name}-window-minutes"), limit.window_minutes.to_string()));
        headers.push((format!("x-codex-{name}-reset-at"), limit.reset_at.to_string()));
        headers
            .push((format!("x-codex-{name}-reset-after-seconds"), limit.reset_after().as_secs().to_string()));
    }
    headers
}

/// The headers as a JSON object, for errors on a WebSocket.
pub(crate) fn headers_json(primary: Option<&Limit>, secondary: Option<&Limit>) -> Value {
    let headers: Map<String, Value> =
        headers(primary, secondary).into_iter().map(|(name, value)| (name, json!(value))).collect();
    Value::Object(headers)
}

/// The additional fields of a `usage_limit_reached` error.
pub(crate) fn error_details(primary: Option<&Limit>) -> Value {
    primary.map_or_else(|| json!({}), |limit| json!({"plan_type": "plus", "resets_at": limit.reset_at}))
}

/// The WebSocket event with the same content as the headers.
pub(crate) fn event(primary: Option<&Limit>, secondary: Option<&Limit>) -> Option<Value> {
    let window = |limit: &Limit| {
        json!({"used_percent": limit.used_percent, "window_minutes": limit.window_minutes,
            "reset_at": limit.reset_at, "reset_after_seconds": limit.reset_after().as_secs()})
    };
    primary.or(secondary)?;
    Some(json!({
        "type": "codex.rate_limits", "plan_type": "plus", "code_review_rate_limits": null, "credits": null,
        "rate_limits": {"allowed": true, "limit_reached": false,
            "primary": primary.map(window), "secondary": secondary.map(window)},
    }))
}
