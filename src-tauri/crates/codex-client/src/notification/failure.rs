//! Classifies the errors of failed turns.

use serde::Deserialize;
use serde_json::Value;

use crate::error::{FailureKind, TurnFailure};
use crate::event::Incomplete;

/// How codex reports that it could not connect: to a closed port, or to a name that does not resolve.
const NOT_CONNECTED: &str = "error sending request";

/// An error as codex reports it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TurnError {
    #[serde(default)]
    pub(crate) message: String,
    #[serde(default)]
    pub(crate) codex_error_info: Value,
    /// The cause, where the message only announces a retry.
    #[serde(default)]
    pub(crate) additional_details: Option<String>,
}

impl TurnError {
    /// Why upstream ended its response early, which codex names only in words.
    pub(crate) fn incomplete(&self) -> Option<Incomplete> {
        incomplete(&self.message).or_else(|| incomplete(self.additional_details.as_deref()?))
    }
}

/// The reason in "Incomplete response returned, reason: content_filter".
pub(crate) fn incomplete(message: &str) -> Option<Incomplete> {
    let (_, reason) = message.split_once("Incomplete response returned, reason: ")?;
    // `codex exec` adds a closing bracket.
    match reason.split(|c: char| c != '_' && !c.is_ascii_lowercase()).next()? {
        "max_output_tokens" => Some(Incomplete::MaxOutputTokens),
        "content_filter" => Some(Incomplete::ContentFilter),
        _ => None,
    }
}

/// Classifies a turn's error by `codexErrorInfo`, then by upstream's HTTP status and error code. The account's exhausted limits
/// reset at `exhausted_until`.
pub(crate) fn failure(error: Option<TurnError>, exhausted_until: Option<u64>) -> TurnFailure {
    let Some(TurnError { message, codex_error_info: info, .. }) = error else {
        return TurnFailure::new(FailureKind::Upstream, "codex reported no reason");
    };
    let (name, detail) = match &info {
        Value::String(name) => (name.as_str(), &Value::Null),
        Value::Object(variants) => {
            variants.iter().next().map_or(("", &Value::Null), |(name, detail)| (name.as_str(), detail))
        }
        _ => ("", &Value::Null),
    };
    // The message may contain upstream's JSON body.
    let body = message.find('{').and_then(|start| serde_json::from_str(&message[start..]).ok());
    let body: Value = body.unwrap_or_default();
    let error = body.get("error").unwrap_or(&body);
    let upstream_text = error["message"].as_str().or_else(|| body["detail"].as_str());
    let code = error["code"].as_str().or_else(|| error["type"].as_str());
    let upstream_status = detail["httpStatusCode"]
        .as_u64()
        .and_then(|status| u16::try_from(status).ok())
        .or_else(|| status_in_message(&message));
    let kind = match (name, upstream_status, code) {
        ("contextWindowExceeded", ..) | (_, _, Some("context_length_exceeded")) => FailureKind::ContextWindow,
        ("usageLimitExceeded" | "sessionBudgetExceeded", ..)
        | (_, _, Some("insufficient_quota" | "usage_limit_reached")) => FailureKind::UsageLimit,
        ("modelNotFound", ..) | (_, _, Some("model_not_found")) => FailureKind::ModelNotFound,
        ("unauthorized", ..) | (_, Some(401 | 403), _) => FailureKind::Unauthorized,
        // The key of the user's own provider.
        _ if message.starts_with("Missing environment variable") => FailureKind::Unauthorized,
        ("rateLimitExceeded", ..) | (_, Some(429), _) => FailureKind::RateLimit,
        ("serverOverloaded" | "flexUnavailable" | "policyCapacityUnavailable", ..) | (_, Some(503), _) => {
            FailureKind::Overloaded
        }
        ("badRequest", ..) | (_, Some(400 | 404 | 413 | 422), _) => FailureKind::BadRequest,
        // codex reports an upstream 400 as "other", with upstream's body as the message.
        ("other", None, _) if upstream_text.is_some() => FailureKind::BadRequest,
        (_, None, _) if message.contains(NOT_CONNECTED) => FailureKind::Unreachable,
        _ => FailureKind::Upstream,
    };
    let resets_at = match kind {
        FailureKind::UsageLimit => error["resets_at"].as_u64().or(exhausted_until),
        _ => None,
    };
    TurnFailure { kind, message: upstream_text.unwrap_or(&message).to_owned(), upstream_status, resets_at }
}

/// The status in "unexpected status 404 Not Found: …", where codex has no field for it.
fn status_in_message(message: &str) -> Option<u16> {
    let (_, rest) =
        message.split_once("unexpected status ").or_else(|| message.split_once("last status: "))?;
    rest.get(..3)?.parse().ok()
}
