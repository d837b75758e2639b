//! Errors of a key's rules.

use std::time::Duration;

use axum::http::StatusCode;

use super::{ApiError, shown};
use crate::clock::{local_date, local_time};

impl ApiError {
    /// The key has expired at `at`, in Unix seconds.
    pub(crate) fn key_expired(at: u64) -> Self {
        let last_day = local_date(at.saturating_sub(1));
        let message = format!(
            "This API key expired at the end of {last_day}. Ask the owner of this proxy for another key."
        );
        Self::new(StatusCode::UNAUTHORIZED, "key_expired", message).loggable()
    }

    /// The key is limited to plain models, and the model is codex-local.
    pub(crate) fn plain_models_only(model: &str) -> Self {
        let message = format!(
            "This key is limited to plain models and cannot use {:?}. Choose another model, or another key.",
            shown(model)
        );
        Self::new(StatusCode::NOT_FOUND, "model_not_found", message).param("model").loggable()
    }

    /// The key is limited to other models.
    pub(crate) fn model_not_allowed(model: &str) -> Self {
        let message = format!(
            "This key is limited to certain models and cannot use {:?}. See `GET /v1/models` for the models that it can use.",
            shown(model)
        );
        Self::new(StatusCode::NOT_FOUND, "model_not_found", message).param("model").loggable()
    }

    /// The key has made its requests of the last minute; it may make another one after `wait`.
    pub(crate) fn too_many_requests(limit: u32, wait: Duration) -> Self {
        let seconds = whole_seconds(wait).max(1);
        let message = format!(
            "This key is limited to {} per minute. Try again in {}.",
            count(limit.into(), "request"),
            count(seconds, "second")
        );
        Self::new(StatusCode::TOO_MANY_REQUESTS, "rate_limit_exceeded", message)
            .retry_after(seconds)
            .loggable()
    }

    /// The key has used its tokens of the day, which ends at `ends`. Times are in Unix seconds.
    pub(crate) fn tokens_used_up(limit: u64, ends: u64, now: u64) -> Self {
        let message = format!(
            "This key is limited to {} per day and has used them up. It works again {}, when the day ends on this proxy's clock.",
            count(limit, "token"),
            local_time(ends, now)
        );
        Self::new(StatusCode::TOO_MANY_REQUESTS, "insufficient_quota", message).loggable()
    }

    /// So much of the account's week is used that the rest is kept for other keys. Times are in Unix seconds.
    pub(crate) fn reserve_reached(reserve: u8, used: u8, resets_at: Option<u64>, now: u64) -> Self {
        let resets =
            resets_at.map(|at| format!(" The week resets {}.", local_time(at, now))).unwrap_or_default();
        let message = format!(
            "This key stops at {reserve} % of the account's weekly limit, and {used} % is used. The rest is kept for other keys.{resets}"
        );
        Self::new(StatusCode::TOO_MANY_REQUESTS, "insufficient_quota", message).loggable()
    }

    /// How much of the week is used is unknown, so a reserve cannot be kept.
    pub(crate) fn usage_unknown(reserve: u8) -> Self {
        let message = format!(
            "This key stops at {reserve} % of the account's weekly limit, and codex does not report how much is used. Try again later, or use another key. Only a ChatGPT sign-in has a weekly limit."
        );
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "usage_unknown", message).loggable()
    }
}

/// A duration in seconds, rounded up.
fn whole_seconds(duration: Duration) -> u64 {
    duration.as_secs() + u64::from(duration.subsec_nanos() > 0)
}

/// `1 request`, `12,300 tokens`.
fn count(number: u64, unit: &str) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (at, digit) in digits.char_indices() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    format!("{grouped} {unit}{}", if number == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use axum::response::IntoResponse as _;

    use super::*;
    use crate::clock::{end_of_date, end_of_day};

    fn header(error: &ApiError, name: &str) -> Option<String> {
        let headers = error.clone().into_response().headers().clone();
        headers.get(name).map(|value| value.to_str().unwrap().to_owned())
    }

    #[test]
    fn an_expired_key_names_its_last_day() {
        let error = ApiError::key_expired(end_of_date("2027-01-31").unwrap());
        assert_eq!((error.status(), error.code()), (401, "key_expired"));
        assert!(error.message().contains("31 Jan 2027"), "{}", error.message());
    }

    #[test]
    fn only_a_rate_limit_is_retried_by_itself() {
        let now = 1_795_700_000;
        let rate = ApiError::too_many_requests(1, Duration::from_millis(11_001));
        assert_eq!(header(&rate, "retry-after").as_deref(), Some("12"));
        assert_eq!(header(&rate, "x-should-retry"), None);
        assert!(
            rate.message().contains("1 request per minute. Try again in 12 seconds"),
            "{}",
            rate.message()
        );
        let tokens = ApiError::tokens_used_up(50_000, end_of_day(now, 0).unwrap(), now);
        let reserve = ApiError::reserve_reached(80, 85, Some(now), now);
        for error in [&tokens, &reserve] {
            assert_eq!((error.status(), error.code()), (429, "insufficient_quota"));
            assert_eq!(
                (header(error, "retry-after"), header(error, "x-should-retry")),
                (None, Some("false".into()))
            );
        }
        assert!(tokens.message().contains("50,000 tokens per day"), "{}", tokens.message());
        assert!(reserve.message().contains(&local_time(now, now)), "{}", reserve.message());
        assert_eq!(header(&ApiError::usage_unknown(80), "x-should-retry").as_deref(), Some("false"));
    }

    #[test]
    fn thousands_are_grouped() {
        for (number, words) in
            [(1, "1 token"), (999, "999 tokens"), (12_300, "12,300 tokens"), (1_000_000, "1,000,000 tokens")]
        {
            assert_eq!(count(number, "token"), words);
        }
    }
}
