//! What clients get when codex, or the upstream behind it, fails.

use axum::http::StatusCode;
use codex_client::{CodexError, FailureKind, TurnFailure, brief};

use super::{ApiError, located};
use crate::clock::unix_now;

/// Retry-After, in seconds, for an account limit whose reset time is unknown.
const RETRY_LATER: u64 = 300;

/// How to get a newer codex.
pub const UPDATE: &str = "Update it with `npm install -g @openai/codex@latest`.";

pub(super) const INSTALL: &str = "{install}, or set the path of the binary ({codex_path}).";

pub(super) const SIGN_IN: &str = "{sign_in}.";

pub(super) const FIX_PATH: &str =
    "Set it to the codex binary, or clear it to have codex found automatically ({codex_path}).";

/// What the user can do about an error of codex, as a sentence.
#[must_use]
pub fn next_step(error: &CodexError) -> String {
    located(match error {
        CodexError::NotFound => INSTALL,
        CodexError::BadPath { .. } => FIX_PATH,
        CodexError::NotSignedIn => SIGN_IN,
        CodexError::NeedsChatGpt { .. } => {
            "Sign in with ChatGPT ({sign_in}); an API key or another provider cannot."
        }
        CodexError::Unsupported { .. } | CodexError::CannotDo { .. } => UPDATE,
        CodexError::BadConfig { .. } => "Correct it; codex starts again by itself.",
        CodexError::OwnProvider => {
            "Set another `base_url` or `model_provider` in codex's config.toml, or this proxy to another port ({port})."
        }
        CodexError::ProviderKey { provider } => {
            return match &provider.env_key {
                Some(name) => format!(
                    "Set the environment variable {name} to the provider's key, in codex's .env for example, or correct it."
                ),
                None => "Correct the provider's key in codex's config.toml.".to_owned(),
            };
        }
        _ => "Run `codex` in a terminal to see why.",
    })
}

impl From<CodexError> for ApiError {
    fn from(error: CodexError) -> Self {
        let message = format!("{error}. {}", next_step(&error));
        // The messages are ours, and of codex's the part that says what is wrong with its configuration.
        let unavailable =
            |code, message: String| Self::new(StatusCode::SERVICE_UNAVAILABLE, code, message).loggable();
        match error {
            CodexError::NotFound => unavailable("codex_not_found", message),
            // The client need not know the path.
            CodexError::BadPath { reason, .. } => unavailable(
                "codex_not_found",
                format!("The configured codex path {reason}. {}", next_step(&error)),
            ),
            CodexError::Unsupported { .. } => unavailable("codex_unsupported", message),
            CodexError::CannotDo { .. } | CodexError::NeedsChatGpt { .. } => {
                Self::new(StatusCode::BAD_REQUEST, "unsupported_parameter", message).loggable()
            }
            CodexError::NotSignedIn => unavailable("codex_not_signed_in", message),
            CodexError::BadConfig { .. } | CodexError::OwnProvider => {
                unavailable("codex_unavailable", message).no_retry()
            }
            CodexError::ProviderKey { .. } => unavailable("provider_unauthorized", message).no_retry(),
            CodexError::StartFailed { .. } => Self::codex_not_started().no_retry(),
            CodexError::NoAnswer { .. } => Self::codex_silent(),
            // Its cause is the user's configuration, such as a required MCP server that is missing.
            CodexError::Refused { method: "thread/start", message } => unavailable(
                "codex_unavailable",
                format!("codex refused to start a conversation: {}.", brief(&message)),
            )
            .no_retry(),
            CodexError::Refused { method: "exec", .. } => Self::codex_refused(),
            CodexError::Refused { message, .. } => Self::new(
                StatusCode::BAD_GATEWAY,
                "upstream_error",
                format!("codex rejected the request: {}.", brief(&message)),
            ),
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
            FailureKind::BadTool => Self::invalid("tools", format!("codex rejected a tool: {message}.")),
            FailureKind::ModelNotFound => {
                Self::new(StatusCode::NOT_FOUND, "model_not_found", message).param("model")
            }
            FailureKind::UsageLimit => {
                let wait = resets_at.map_or(RETRY_LATER, |reset| reset.saturating_sub(unix_now()).max(1));
                Self::new(StatusCode::TOO_MANY_REQUESTS, "insufficient_quota", message)
                    .retry_after(wait)
                    .loggable()
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
                Self::new(StatusCode::BAD_GATEWAY, "upstream_error", message).loggable()
            }
        }
    }
}
