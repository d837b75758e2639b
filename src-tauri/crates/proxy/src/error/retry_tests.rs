use codex_client::{FailureKind, TurnFailure};

use super::*;
use crate::clock::unix_now;

fn failure(kind: FailureKind) -> TurnFailure {
    TurnFailure { kind, message: String::new(), upstream_status: None, resets_at: None }
}

/// `Retry-After` and `x-should-retry`.
fn retry_of(error: ApiError) -> (Option<String>, Option<String>) {
    let headers = error.into_response().headers().clone();
    let get = |name: &str| headers.get(name).map(|value| value.to_str().unwrap().to_owned());
    (get("retry-after"), get("x-should-retry"))
}

#[test]
fn errors_that_waiting_does_not_cure_are_not_retried() {
    let start_failed = CodexError::StartFailed { reason: "it broke".into() };
    let unsupported = CodexError::Unsupported { version: "0.1".into(), missing: "answer" };
    let unauthorized = failure(FailureKind::Unauthorized);
    for error in [
        Failure::BadForm("is not JSON".into()).into(),
        Failure::Unchecked(JobError::TimedOut).into(),
        Failure::NoCall.into(),
        ApiError::keys_unavailable(),
        ApiError::workspace_outside(),
        ApiError::workspace_unavailable(),
        CodexError::NotFound.into(),
        CodexError::BadPath { path: "/x".into(), reason: "does not exist" }.into(),
        CodexError::NotSignedIn.into(),
        start_failed.into(),
        unsupported.into(),
        unauthorized.into(),
    ] {
        assert_eq!(retry_of(error.clone()), (None, Some("false".into())), "{error:?}");
    }
}

#[test]
fn errors_that_waiting_cures_say_when_to_retry() {
    let overloaded = failure(FailureKind::Overloaded);
    let hanging = CodexError::NoAnswer { method: "x", limit: Duration::ZERO };
    for error in [overloaded.into(), hanging.into(), ApiError::shutting_down(), ApiError::too_many_bodies()] {
        assert_eq!(retry_of(error.clone()), (Some(RETRY_SOON.to_string()), None), "{error:?}");
    }
}

#[test]
fn retry_after_is_at_most_an_hour() {
    let usage_limit = |seconds: u64| {
        let resets_at = Some(unix_now() + seconds);
        retry_of(TurnFailure { resets_at, ..failure(FailureKind::UsageLimit) }.into()).0
    };
    assert!(usage_limit(1800).is_some());
    for seconds in [2 * 60 * 60, 3 * 24 * 60 * 60] {
        assert_eq!(usage_limit(seconds), None, "{seconds}");
    }
}
