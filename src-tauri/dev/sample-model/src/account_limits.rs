//! What the account has used of its limits, as codex asks at `/wham/usage`.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use serde_json::{Value, json};

use crate::login;
use crate::state::{Shared, unix_seconds};

/// A limit of the account.
#[derive(Clone, Debug, PartialEq)]
pub struct Limit {
    /// How much is used, from 0 to 100.
    pub used_percent: f64,
    /// The length of its window.
    pub window_minutes: u64,
    /// When the window ends, in Unix seconds.
    pub reset_at: u64,
}

/// The account's limits. [`SampleModel::set_limits`](crate::SampleModel::set_limits) changes them, and so do a prompt's
/// directives.
#[derive(Clone, Debug, PartialEq)]
pub struct AccountLimits {
    /// The first window.
    pub primary: Option<Limit>,
    /// The second one.
    pub secondary: Option<Limit>,
    /// Whether ordinary usage is allowed; `None` to leave it open.
    pub allowed: Option<bool>,
}

impl Limit {
    /// A limit that resets in `reset_seconds`.
    #[must_use]
    pub fn new(used_percent: f64, window_minutes: u64, reset_seconds: u64) -> Self {
        let reset_at = unix_seconds().saturating_add(reset_seconds);
        Self { used_percent, window_minutes, reset_at }
    }

    pub(crate) fn reset_after(&self) -> Duration {
        Duration::from_secs(self.reset_at.saturating_sub(unix_seconds()))
    }

    /// The window of now: the next one, still unused, if it has ended.
    fn current(&self) -> Self {
        match self.reset_after() {
            Duration::ZERO => Self::new(0.0, self.window_minutes, self.window_minutes * 60),
            _ => self.clone(),
        }
    }

    fn to_json(&self) -> Value {
        json!({"used_percent": self.used_percent.round() as i64, "limit_window_seconds": self.window_minutes * 60,
            "reset_after_seconds": self.reset_after().as_secs(), "reset_at": self.reset_at})
    }
}

impl Default for AccountLimits {
    fn default() -> Self {
        let hour = 60 * 60;
        Self {
            primary: Some(Limit::new(12.0, 5 * 60, 3 * hour)),
            secondary: Some(Limit::new(38.0, 7 * 24 * 60, 4 * 24 * hour)),
            allowed: Some(true),
        }
    }
}

/// ChatGPT's answer. codex takes `allowed` only from an answer that names its account and person.
pub(crate) async fn usage(State(shared): State<Shared>, headers: HeaderMap) -> Json<Value> {
    let AccountLimits { primary, secondary, allowed } = shared.state.limits();
    let [primary, secondary] = [primary, secondary].map(|limit| limit.as_ref().map(Limit::current));
    let bearer = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let claims = login::claims(bearer).unwrap_or_default();
    let account = &claims["https://api.openai.com/auth"];
    let is_known = |value: &Value| if allowed.is_some() { value.clone() } else { Value::Null };
    let reached = (allowed == Some(false)).then(|| json!({"type": "rate_limit_reached"}));
    Json(json!({
        "account_id": is_known(&account["chatgpt_account_id"]),
        "user_id": is_known(&account["chatgpt_user_id"]),
        "email": claims["email"],
        "plan_type": account["chatgpt_plan_type"],
        "rate_limit": {
            "allowed": allowed != Some(false), "limit_reached": allowed == Some(false),
            "primary_window": primary.as_ref().map(Limit::to_json),
            "secondary_window": secondary.as_ref().map(Limit::to_json),
        },
        "rate_limit_reached_type": reached,
        "credits": {"has_credits": false, "unlimited": false, "balance": null},
    }))
}
