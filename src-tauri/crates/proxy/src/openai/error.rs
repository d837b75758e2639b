//! The body of every error.

use serde::Serialize;
use utoipa::ToSchema;

/// `{"error": {…}}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct ErrorBody {
    /// The error.
    pub error: ErrorDetail,
}

/// What went wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct ErrorDetail {
    /// In words, with what to do next.
    pub message: String,
    /// OpenAI's class of the error.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// The field or parameter that is at fault.
    pub param: Option<String>,
    /// What programs tell errors apart by.
    pub code: &'static str,
}
