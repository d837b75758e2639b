//! The limits of an answer, as a request may set them.

use super::answer_request::AnswerRequest;
use crate::error::ApiError;
use crate::openai::text_or::TextOr;

/// The most answers to one request.
pub(crate) const MOST_ANSWERS: u32 = 8;

/// The most stop texts.
pub(crate) const MOST_STOPS: usize = 4;

/// The longest stop text, in bytes: as much of an answer is held back.
const LONGEST_STOP: usize = 1024;

/// The longest name of a model, an effort or a tier, in bytes.
const LONGEST_NAME: usize = 256;

/// The stop texts of a request; an empty one would end every answer at once, and is passed over.
pub(crate) fn stops(stop: Option<TextOr<String>>) -> Vec<String> {
    let stops = match stop {
        None => Vec::new(),
        Some(TextOr::Text(stop)) => vec![stop],
        Some(TextOr::Parts(stops)) => stops,
    };
    stops.into_iter().filter(|stop| !stop.is_empty()).collect()
}

/// The service tier to ask for; `None` for the words that ask for none in particular.
pub(crate) fn service_tier(tier: Option<String>) -> Option<String> {
    tier.filter(|tier| !matches!(tier.as_str(), "auto" | "default"))
}

/// Checks the limits that are wanted, and gives back the request. `most_tokens` is what the route calls that limit.
///
/// # Errors
/// [`ApiError`] naming the one that cannot be had.
pub(crate) fn checked(wanted: AnswerRequest, most_tokens: &str) -> Result<AnswerRequest, ApiError> {
    if !(1..=MOST_ANSWERS).contains(&wanted.n) {
        return Err(ApiError::invalid("n", "n must be from 1 to 8."));
    }
    if wanted.max_tokens == Some(0) {
        return Err(ApiError::invalid(most_tokens, format!("{most_tokens} must be 1 at least.")));
    }
    if wanted.stop.len() > MOST_STOPS {
        return Err(ApiError::invalid("stop", "stop can hold four texts at most."));
    }
    if wanted.stop.iter().any(|stop| stop.len() > LONGEST_STOP) {
        return Err(ApiError::invalid("stop", "A stop text can have 1024 bytes at most."));
    }
    let names = [
        ("model", Some(&wanted.model)),
        ("reasoning_effort", wanted.effort.as_ref()),
        ("service_tier", wanted.service_tier.as_ref()),
    ];
    for (param, name) in names {
        if name.is_some_and(|name| !is_name(name)) {
            let message = format!(
                "{param} must be a name of {LONGEST_NAME} bytes at most, without control characters."
            );
            return Err(ApiError::invalid(param, &message));
        }
    }
    match wanted.verbosity.as_deref() {
        None | Some("low" | "medium" | "high") => Ok(wanted),
        Some(_) => Err(ApiError::invalid("verbosity", "verbosity must be low, medium or high.")),
    }
}

/// Whether this can be the name of anything: an older codex is told names on its command line, where there is no room for more.
fn is_name(name: &str) -> bool {
    name.len() <= LONGEST_NAME && !name.chars().any(char::is_control)
}
