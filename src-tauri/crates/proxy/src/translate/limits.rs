//! Validates the limits and names in a request.

use super::answer_request::AnswerRequest;
use crate::error::ApiError;
use crate::openai::text_or::TextOr;

/// Maximum answers per request.
pub(crate) const MAX_ANSWERS: u32 = 8;

/// Maximum stop sequences.
pub(crate) const MAX_STOPS: usize = 4;

/// Maximum length of a stop sequence, in bytes; that much of an answer may be held back.
const MAX_STOP_LEN: usize = 1024;

/// Maximum length of a model, effort or tier name, in bytes.
const MAX_NAME_LEN: usize = 256;

/// Returns the stop sequences, dropping empty ones, which would end every answer immediately.
pub(crate) fn stops(stop: Option<TextOr<String>>) -> Vec<String> {
    let stops = match stop {
        None => Vec::new(),
        Some(TextOr::Text(stop)) => vec![stop],
        Some(TextOr::Parts(stops)) => stops,
    };
    stops.into_iter().filter(|stop| !stop.is_empty()).collect()
}

/// Returns the service tier; `None` for values that mean the default.
pub(crate) fn service_tier(tier: Option<String>) -> Option<String> {
    tier.filter(|tier| !matches!(tier.as_str(), "auto" | "default"))
}

/// Validates a request's limits. `max_tokens_param` is the route's name for the token limit.
///
/// # Errors
/// [`ApiError`] naming the invalid one.
pub(crate) fn validate(request: AnswerRequest, max_tokens_param: &str) -> Result<AnswerRequest, ApiError> {
    if !(1..=MAX_ANSWERS).contains(&request.n) {
        return Err(ApiError::invalid("n", "n must be between 1 and 8."));
    }
    if request.max_tokens == Some(0) {
        return Err(
            ApiError::invalid(max_tokens_param, format!("{max_tokens_param} must be at least 1.")).loggable()
        );
    }
    if request.stop.len() > MAX_STOPS {
        return Err(ApiError::invalid("stop", "stop can contain at most four sequences."));
    }
    if request.stop.iter().any(|stop| stop.len() > MAX_STOP_LEN) {
        return Err(ApiError::invalid("stop", "A stop sequence can be at most 1024 bytes."));
    }
    let names = [
        ("model", Some(&request.model)),
        ("reasoning_effort", request.effort.as_ref()),
        ("service_tier", request.service_tier.as_ref()),
    ];
    for (param, name) in names {
        if name.is_some_and(|name| !is_name(name)) {
            let message =
                format!("{param} must be at most {MAX_NAME_LEN} bytes, without control characters.");
            return Err(ApiError::invalid(param, message).loggable());
        }
    }
    match request.verbosity.as_deref() {
        None | Some("low" | "medium" | "high") => Ok(request),
        Some(_) => Err(ApiError::invalid("verbosity", "verbosity must be low, medium or high.")),
    }
}

/// Whether this is a plausible name. codex before 0.140 gets names on its command line, which is limited.
fn is_name(name: &str) -> bool {
    name.len() <= MAX_NAME_LEN && !name.chars().any(char::is_control)
}
