//! The body of every error.

use serde::Serialize;
use utoipa::ToSchema;

/// The body of every error, on every route, and of an error event within a stream of completions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct ErrorBody {
    /// What went wrong.
    pub error: ErrorDetail,
}

/// What went wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct ErrorDetail {
    /// Explanation for people: what happened, and what to do about it.
    pub message: String,
    /// Class of the error: `invalid_request_error`, `rate_limit_error`, `insufficient_quota` or `server_error`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// Path of the field at fault, such as `messages[2].content`; `null` if no single field is.
    pub param: Option<String>,
    /// Code for programs, such as `model_not_found`. Each response lists the codes it can have.
    pub code: &'static str,
}
