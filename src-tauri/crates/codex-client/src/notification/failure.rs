//! Why a turn failed, in codex's words and in ours.

use serde::Deserialize;
use serde_json::Value;

use crate::account::RateLimits;
use crate::error::{FailureKind, TurnFailure};

/// An error as codex reports it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TurnProblem {
    #[serde(default)]
    pub(crate) message: String,
    #[serde(default)]
    pub(crate) codex_error_info: Value,
}

/// What a failed turn means: by `codexErrorInfo` first and by the upstream's HTTP status where that says more.
pub(crate) fn failure(problem: Option<TurnProblem>, limits: &RateLimits) -> TurnFailure {
    let Some(TurnProblem { message, codex_error_info: info }) = problem else {
        return TurnFailure::new(FailureKind::Upstream, "codex gave no reason");
    };
    let (name, detail) = match &info {
        Value::String(name) => (name.as_str(), None),
        Value::Object(variants) => {
            variants.iter().next().map_or(("", None), |(name, detail)| (name.as_str(), Some(detail)))
        }
        _ => ("", None),
    };
    let body = upstream_body(&message);
    let upstream_status = detail
        .and_then(|detail| detail.get("httpStatusCode"))
        .and_then(Value::as_u64)
        .and_then(|status| u16::try_from(status).ok())
        .or_else(|| status_in_words(&message));
    let kind = match (name, upstream_status, body.code.as_deref()) {
        ("contextWindowExceeded", ..) | (_, _, Some("context_length_exceeded")) => FailureKind::ContextWindow,
        ("usageLimitExceeded" | "sessionBudgetExceeded", ..) | (_, _, Some("insufficient_quota")) => {
            FailureKind::UsageLimit
        }
        ("modelNotFound", ..) | (_, _, Some("model_not_found")) => FailureKind::ModelNotFound,
        ("unauthorized", ..) | (_, Some(401 | 403), _) => FailureKind::Unauthorized,
        ("rateLimitExceeded", ..) | (_, Some(429), _) => FailureKind::RateLimit,
        ("serverOverloaded" | "flexUnavailable" | "policyCapacityUnavailable", ..) | (_, Some(503), _) => {
            FailureKind::Overloaded
        }
        ("badRequest", ..) | (_, Some(400 | 404 | 413 | 422), _) => FailureKind::BadRequest,
        // codex passes an upstream 400 on as "other", with the upstream's body for its message.
        ("other", None, _) if body.message.is_some() => FailureKind::BadRequest,
        _ => FailureKind::Upstream,
    };
    let resets_at = match kind {
        FailureKind::UsageLimit => body.resets_at.or_else(|| limits.blocked_until()),
        _ => None,
    };
    TurnFailure { kind, message: body.message.unwrap_or(message), upstream_status, resets_at }
}

/// What a message says that is an upstream's JSON error body.
#[derive(Default)]
struct UpstreamBody {
    message: Option<String>,
    code: Option<String>,
    resets_at: Option<u64>,
}

fn upstream_body(message: &str) -> UpstreamBody {
    let Some(start) = message.find('{') else { return UpstreamBody::default() };
    let Ok(body) = serde_json::from_str::<Value>(&message[start..]) else {
        return UpstreamBody::default();
    };
    let error = body.get("error").unwrap_or(&body);
    let text = |key: &str| error.get(key).and_then(Value::as_str).map(str::to_owned);
    let message = text("message").or_else(|| body.get("detail").and_then(Value::as_str).map(str::to_owned));
    UpstreamBody {
        message,
        code: text("code").or_else(|| text("type")),
        resets_at: error.get("resets_at").and_then(Value::as_u64),
    }
}

/// The status in "unexpected status 404 Not Found: …", as codex words it where it has no field for it.
fn status_in_words(message: &str) -> Option<u16> {
    let (_, rest) =
        message.split_once("unexpected status ").or_else(|| message.split_once("last status: "))?;
    rest.get(..3)?.parse().ok()
}
