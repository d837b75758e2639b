//! Errors in OpenAI's form.

use axum::Json;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde_json::{Value, json};

use crate::script::Script;

/// An HTTP status with OpenAI's error object.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ApiError {
    pub(crate) status: u16,
    pub(crate) message: String,
    pub(crate) error_type: String,
    pub(crate) code: Option<String>,
    pub(crate) retry_after: Option<u64>,
}

impl ApiError {
    pub(crate) fn invalid_request(message: String) -> Self {
        Self {
            status: 400,
            message,
            error_type: "invalid_request_error".to_owned(),
            code: None,
            retry_after: None,
        }
    }

    /// ChatGPT's reported answer to a request without instructions.
    pub(crate) fn no_instructions() -> Self {
        Self::invalid_request("Instructions are required".to_owned())
    }

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

    /// The HTTP response, with `details` added to the error object.
    pub(crate) fn response(&self, details: Value) -> Response {
        let mut body = self.to_json();
        if let (Some(body), Value::Object(details)) = (body.as_object_mut(), details) {
            body.extend(details);
        }
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, Json(json!({ "error": body }))).into_response();
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
        }
        response
    }

    /// OpenAI's error object.
    pub(crate) fn to_json(&self) -> Value {
        json!({"message": self.message, "type": self.error_type, "param": null, "code": self.code})
    }
}
