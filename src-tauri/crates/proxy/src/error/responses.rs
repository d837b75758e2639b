//! Errors of the Responses API.

use axum::extract::rejection::QueryRejection;
use axum::http::StatusCode;

use super::{ApiError, shown};
use crate::openai::responses::response::ResponseError;

/// The Responses API's name of a parameter.
pub(crate) fn in_responses(param: &str) -> &str {
    match param {
        "messages" => "input",
        "max_completion_tokens" | "max_tokens" => "max_output_tokens",
        "reasoning_effort" => "reasoning.effort",
        "verbosity" => "text.verbosity",
        param => param,
    }
}

impl ApiError {
    /// The response does not exist, or belongs to another key.
    pub(crate) fn response_not_found(id: &str) -> Self {
        let message =
            format!("The response {:?} does not exist. Responses are kept for a limited time.", shown(id));
        Self::new(StatusCode::NOT_FOUND, "response_not_found", message).param("response_id")
    }

    /// The previous response does not exist.
    pub(crate) fn previous_response_not_found(id: &str) -> Self {
        let message = format!(
            "The previous response {:?} does not exist. Responses are kept for a limited time; send the conversation in input.",
            shown(id)
        );
        Self::new(StatusCode::BAD_REQUEST, "previous_response_not_found", message)
            .param("previous_response_id")
    }

    /// The previous response is still in progress.
    pub(crate) fn previous_response_running() -> Self {
        let message = "The previous response is still in progress. Wait until it ends, or cancel it.";
        Self::invalid("previous_response_id", message)
    }

    /// The response is no longer in progress.
    pub(crate) fn cannot_cancel() -> Self {
        Self::invalid("response_id", "Only a response in progress can be cancelled.")
    }

    /// The query of the address is invalid.
    pub(crate) fn bad_query(error: &QueryRejection) -> Self {
        Self::unreadable(format!("{}.", shown(&error.body_text())))
    }

    /// The response was not created in the background. These are OpenAI's words.
    pub(crate) fn not_in_background() -> Self {
        let message = "This response cannot be streamed because it was not created with background=true.";
        Self::invalid("stream", message)
    }

    /// The response was created without `stream`.
    pub(crate) fn not_streamed() -> Self {
        let message = "This response cannot be streamed because it was not created with stream=true.";
        Self::invalid("stream", message)
    }

    /// The events of the response are no longer kept. These are OpenAI's words, with a second reason.
    pub(crate) fn no_longer_streamed() -> Self {
        let message = "This response can no longer be streamed because it is more than 5 minutes old, or was not created with stream=true.";
        Self::invalid("stream", message)
    }

    /// The model wrote no summary.
    pub(crate) fn no_summary() -> Self {
        let message = "The model wrote no complete summary of the conversation. Try again.";
        Self::new(StatusCode::BAD_GATEWAY, "invalid_output", message)
    }

    /// The events that a reader asks for, or has not read in time, are no longer kept.
    pub(crate) fn events_gone() -> Self {
        let message =
            "The next events of this response are no longer kept. Retrieve the response without stream.";
        Self::invalid("starting_after", message)
    }

    /// The error with the Responses API's names of parameters.
    pub(crate) fn of_responses(mut self) -> Self {
        self.param = self.param.map(|param| in_responses(&param).to_owned());
        self
    }

    /// The error inside a response object. OpenAI documents few codes there; two more are known to occur, and codex itself
    /// checks for them.
    pub(crate) fn in_response(&self) -> ResponseError {
        let code = match (self.code, self.status.as_u16()) {
            (code @ ("context_length_exceeded" | "insufficient_quota" | "rate_limit_exceeded"), _) => code,
            (_, 400..=499) => "invalid_prompt",
            _ => "server_error",
        };
        ResponseError { code, message: self.message.clone() }
    }
}
