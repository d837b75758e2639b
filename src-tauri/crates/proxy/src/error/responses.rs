//! The errors of the Responses API, and how it words others.

use axum::http::StatusCode;

use super::{ApiError, shown};
use crate::openai::responses::response::ResponseError;

impl ApiError {
    /// There is no such response, or it is another key's.
    pub(crate) fn response_not_found(id: &str) -> Self {
        let message = format!(
            "The response {:?} does not exist. Responses are kept in memory, and not forever.",
            shown(id)
        );
        Self::new(StatusCode::NOT_FOUND, "response_not_found", message).param("response_id")
    }

    /// There is no such response to go on from.
    pub(crate) fn previous_response_not_found(id: &str) -> Self {
        let message = format!(
            "The previous response {:?} does not exist. Responses are kept in memory, and not forever: send the conversation in input.",
            shown(id)
        );
        Self::new(StatusCode::BAD_REQUEST, "previous_response_not_found", message)
            .param("previous_response_id")
    }

    /// The response to go on from has not ended.
    pub(crate) fn previous_response_running() -> Self {
        let message = "The previous response is still being written. Wait for its end, or cancel it.";
        Self::invalid("previous_response_id", message)
    }

    /// The response has ended by itself.
    pub(crate) fn cannot_cancel() -> Self {
        Self::invalid("response_id", "A response that has ended cannot be cancelled.")
    }

    /// The events of a response are there once.
    pub(crate) fn no_stream_of_old() -> Self {
        let message = "A response can be streamed only while it is made. Ask for it without stream.";
        Self::unsupported("stream", message)
    }

    /// The error, naming parameters as the Responses API does.
    pub(crate) fn of_responses(mut self) -> Self {
        let name = match self.param.as_deref() {
            Some("messages") => "input",
            Some("max_completion_tokens" | "max_tokens") => "max_output_tokens",
            Some("reasoning_effort") => "reasoning.effort",
            Some("verbosity") => "text.verbosity",
            _ => return self,
        };
        self.param = Some(name.to_owned());
        self
    }

    /// The error as a response tells of it. OpenAI's description has few codes there; two more are known to come from OpenAI, and
    /// codex itself looks for them.
    pub(crate) fn in_response(&self) -> ResponseError {
        let code = match (self.code, self.status.as_u16()) {
            (code @ ("context_length_exceeded" | "insufficient_quota" | "rate_limit_exceeded"), _) => code,
            (_, 400..=499) => "invalid_prompt",
            _ => "server_error",
        };
        ResponseError { code, message: self.message.clone() }
    }
}
