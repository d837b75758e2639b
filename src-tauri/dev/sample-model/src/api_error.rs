//! An answer that is no stream: a status, and the error object that OpenAI sends with it.
//!
//! Deliberately not here: how a transport carries it.

use serde_json::{Value, json};

use crate::script::Script;

/// An answer that is no stream: an HTTP status with OpenAI's error body.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Refusal {
    pub(crate) status: u16,
    pub(crate) message: String,
    pub(crate) error_type: String,
    pub(crate) code: Option<String>,
    pub(crate) retry_after: Option<u64>,
}

impl Refusal {
    /// The plain 400.
    pub(crate) fn invalid_request(message: String) -> Self {
        Self {
            status: 400,
            message,
            error_type: "invalid_request_error".to_owned(),
            code: None,
            retry_after: None,
        }
    }

    /// What ChatGPT is reported to answer to a request without instructions.
    pub(crate) fn no_instructions() -> Self {
        Self::invalid_request("Instructions are required".to_owned())
    }

    /// The one a script asks for.
    pub(crate) fn scripted(status: u16, script: &Script) -> Self {
        let error_type = match status {
            401 => "authentication_error",
            403 => "permission_error",
            429 => "rate_limit_error",
            500.. => "server_error",
            _ => "invalid_request_error",
        };
        Self {
            status,
            message: script.message.clone().unwrap_or_else(|| format!("sample status {status}")),
            error_type: script.error_type.clone().unwrap_or_else(|| error_type.to_owned()),
            code: script.code.clone(),
            retry_after: script.retry_after,
        }
    }

    /// OpenAI's error object.
    pub(crate) fn error(&self) -> Value {
        json!({"message": self.message, "type": self.error_type, "param": null, "code": self.code})
    }
}
