//! What ChatGPT answers at `/wham/usage`.

use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};

use crate::account_limits::{AccountLimits, Limit};
use crate::login;
use crate::state::Shared;

pub(crate) fn routes() -> Router<Shared> {
    Router::new().route(&format!("{}/wham/usage", login::BACKEND), get(usage))
}

/// ChatGPT's answer. codex takes `allowed` only from an answer that names its account and person.
async fn usage(State(shared): State<Shared>, headers: HeaderMap) -> Json<Value> {
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
