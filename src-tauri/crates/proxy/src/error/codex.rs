//! What clients get when codex, or the upstream behind it, fails.

use axum::http::StatusCode;
use codex_client::{CodexError, FailureKind, TurnFailure};

use super::{ApiError, located};
use crate::clock::unix_now;

/// Retry-After, in seconds, for an account limit whose reset time is unknown.
const RETRY_LATER: u64 = 300;

/// How to get a newer codex.
pub const UPDATE: &str = "Update it with `npm install -g @openai/codex@latest`.";

pub(super) const INSTALL: &str =
    "Install it with `npm install -g @openai/codex`, or set the path of the binary ({codex_path}).";

pub(super) const FIX_PATH: &str =
    "Set it to the codex binary, or clear it to have codex found automatically ({codex_path}).";

/// What the user can do about an error of codex, as a sentence.
#[must_use]
pub fn next_step(error: &CodexError) -> String {
    located(match error {
        CodexError::NotFound => INSTALL,
        CodexError::BadPath { .. } => FIX_PATH,
        CodexError::NotSignedIn => "Run `codex login` in a terminal.",
        CodexError::Unsupported { .. } | CodexError::CannotDo { .. } => UPDATE,
        _ => "Run `codex` in a terminal to see why.",
    })
}

impl From<CodexError> for ApiError {
    fn from(error: CodexError) -> Self {
        let message = format!("{error}. {}", next_step(&error));
        let unavailable = |code, message| Self::new(StatusCode::SERVICE_UNAVAILABLE, code, message);
        match error {
            CodexError::NotFound => unavailable("codex_not_found", message),
            // The client need not know the path.
            CodexError::BadPath { reason, .. } => unavailable(
                "codex_not_found",
                format!("The configured codex path {reason}. {}", next_step(&error)),
            ),
            CodexError::Unsupported { .. } => unavailable("codex_unsupported", message),
            CodexError::CannotDo { .. } => {
                Self::new(StatusCode::BAD_REQUEST, "unsupported_parameter", message)
            }
            CodexError::NotSignedIn => unavailable("codex_not_signed_in", message),
            CodexError::StartFailed { .. } => Self::codex_not_started().no_retry(),
            CodexError::NoAnswer { .. } => Self::codex_silent(),
            CodexError::Refused { .. } => Self::codex_refused(),
            CodexError::Disconnected => Self::codex_disconnected(),
            CodexError::ReaderTooSlow => Self::client_too_slow(),
            CodexError::ShuttingDown => Self::shutting_down(),
            CodexError::Turn(failure) => failure.into(),
        }
    }
}

impl From<TurnFailure> for ApiError {
    fn from(TurnFailure { kind, message, upstream_status, resets_at }: TurnFailure) -> Self {
        match kind {
            FailureKind::ContextWindow => {
                Self::new(StatusCode::BAD_REQUEST, "context_length_exceeded", message).param("messages")
            }
            FailureKind::BadRequest => Self::unreadable(message),
            FailureKind::ModelNotFound => {
                Self::new(StatusCode::NOT_FOUND, "model_not_found", message).param("model")
            }
            FailureKind::UsageLimit => {
                let wait = resets_at.map_or(RETRY_LATER, |reset| reset.saturating_sub(unix_now()).max(1));
                Self::new(StatusCode::TOO_MANY_REQUESTS, "insufficient_quota", message).retry_after(wait)
            }
            FailureKind::RateLimit => Self::upstream_rate_limit(),
            FailureKind::Overloaded => Self::upstream_overloaded(),
            FailureKind::Unauthorized => Self::upstream_unauthorized(),
            FailureKind::Unreachable => Self::upstream_unreachable(),
            FailureKind::Upstream => {
                let message = match upstream_status {
                    Some(status) => format!("The upstream failed with status {status}. Try again."),
                    None => "The upstream failed, or its stream broke off. Try again.".to_owned(),
                };
                Self::new(StatusCode::BAD_GATEWAY, "upstream_error", message)
            }
        }
    }
}
