//! Every error that a client can see, and the one place where its HTTP status is chosen.
//!
//! Nothing internal gets into a message: no path, no prompt, no key, and of codex's own words only those that tell the
//! client what was wrong with its request. Conversions do not log; the exchange and the request log do, once.

mod responses;

use std::time::Duration;

use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use codex_client::{CodexError, FailureKind};

use crate::auth::without_keys;
use crate::clock::unix_now;
use crate::off_workers::JobError;
use crate::openai::error::{ErrorBody, ErrorDetail};

/// Why an exchange ended before its answer was whole.
#[derive(Clone, Debug)]
pub enum Failure {
    /// codex, or the model behind it.
    Codex(CodexError),
    /// The turn took longer than it may.
    TooLong(Duration),
    /// codex said nothing of the turn for longer than it may.
    Silent(Duration),
    /// The answer does not have the form that was asked for: what is wrong, without a word of it.
    BadForm(String),
    /// The answer was not checked against its schema.
    Unchecked(JobError),
    /// The model did not call the tool that had to be called.
    NoCall,
    /// The proxy is stopping.
    Stopping,
}

/// Why there was no place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The reason.
    pub why: Why,
    /// After how long another try makes sense, by the length of the queue and of the turns that ended last.
    pub retry: Duration,
}

/// The reasons for which there is no place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// As many wait already as may.
    Full,
    /// It waited, and gave way to the request of a key that has fewer turns.
    GaveWay,
    /// The wait took too long.
    WaitedTooLong,
}

/// A request that cannot be served as it is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// A field is missing or wrong.
    #[error("{message}")]
    Invalid {
        /// The field, as a path like `messages[2].content`.
        param: String,
        /// What is wrong, and what would be right.
        message: String,
    },
    /// A parameter asks for something that cannot be given.
    #[error("{message}")]
    Unsupported {
        /// The parameter.
        param: String,
        /// Why not, and what to do instead.
        message: String,
    },
}

impl Refusal {
    /// A field that is missing or wrong.
    #[must_use]
    pub fn invalid(param: &str, message: &str) -> Self {
        Self::Invalid { param: param.to_owned(), message: message.to_owned() }
    }
}

/// An error, ready to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiError {
    status: StatusCode,
    code: &'static str,
    message: String,
    param: Option<String>,
    /// Seconds after which another try makes sense.
    retry_after: Option<u64>,
    /// Whether the client's library should try again by itself.
    should_retry: Option<bool>,
}

/// How long a client should wait where nobody knows better, in seconds.
const RETRY_SOON: u64 = 5;

/// How long a client should wait for an account's limit whose reset is not known, in seconds.
const RETRY_LATER: u64 = 300;

impl ApiError {
    fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        // A client that names a model or an address by its key has it in its own logs otherwise.
        let message = without_keys(&message.into(), &[]);
        Self { status, code, message, param: None, retry_after: None, should_retry: None }
    }

    fn param(mut self, param: impl Into<String>) -> Self {
        self.param = Some(param.into());
        self
    }

    fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    /// No key, or a wrong one.
    pub(crate) fn invalid_api_key(given: bool) -> Self {
        let message = if given {
            "Incorrect API key provided. Use a key that the proxy was given by API_KEYS, or make one with `codex-proxyd key new NAME`."
        } else {
            "You didn't provide an API key. Send it as `Authorization: Bearer YOUR_KEY`."
        };
        Self::new(StatusCode::UNAUTHORIZED, "invalid_api_key", message)
    }

    /// The keys cannot be read.
    pub(crate) fn keys_unavailable() -> Self {
        let message = "The proxy's file of keys cannot be used. The proxy's log says why.";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "keys_unavailable", message)
    }

    /// The key's own working folder cannot be worked in: it is not there, or it is outside of the one of the settings.
    pub(crate) fn workspace_unavailable(outside: bool) -> Self {
        let message = if outside {
            "The working folder of this key is not within the one of the proxy's settings. Give the key another one; the proxy's log names both."
        } else {
            "The working folder of this key is not there. Make it again, or give the key another one; the proxy's log names it."
        };
        let error = Self::new(StatusCode::SERVICE_UNAVAILABLE, "workspace_unavailable", message);
        Self { should_retry: Some(false), ..error }
    }

    /// There is no such model, or none that the alias of this name leads to.
    pub(crate) fn model_not_found(model: &str, alias_of: Option<&str>, nearest: &[String]) -> Self {
        let model: String = model.chars().take(100).collect();
        let hint = match nearest {
            [] => "`GET /v1/models` lists them.".to_owned(),
            nearest => format!("Did you mean {}? `GET /v1/models` lists all.", nearest.join(", ")),
        };
        let message = match alias_of {
            Some(real) => format!(
                "The model {model:?} is an alias of {real:?} in the proxy's settings, which codex does not list. {hint}"
            ),
            None => format!("The model {model:?} does not exist. {hint}"),
        };
        Self::new(StatusCode::NOT_FOUND, "model_not_found", message).param("model")
    }

    /// The model reads no pictures.
    pub(crate) fn no_pictures(model: &str) -> Self {
        let model: String = model.chars().take(100).collect();
        let message =
            format!("The model {model} does not read pictures. Send text, or choose another model.");
        Self::invalid_request(message, Some("messages".to_owned()))
    }

    /// There is no such route.
    pub(crate) fn not_found(path: &str) -> Self {
        let shown: String = path.chars().take(100).collect();
        let tidy = path.replace("//", "/");
        let tidy = if tidy.len() > 1 { tidy.trim_end_matches('/').to_owned() } else { tidy };
        let short_tidy: String = tidy.chars().take(100).collect();
        let message = if matches!(
            tidy.as_str(),
            "/models" | "/chat/completions" | "/completions" | "/responses"
        ) || tidy.starts_with("/models/")
        {
            format!("There is nothing at {shown}. The base URL ends with /v1: try /v1{short_tidy}.")
        } else if tidy != path {
            format!(
                "There is nothing at {shown}. The base URL ends with /v1, without a slash: try {short_tidy}."
            )
        } else {
            format!("There is nothing at {shown}. /docs shows what there is.")
        };
        Self::new(StatusCode::NOT_FOUND, "not_found", message)
    }

    /// The route has other methods; axum names them in the `Allow` header.
    pub(crate) fn method_not_allowed() -> Self {
        let message =
            "This address does not take this method. The answer's Allow header names those that it takes.";
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", message)
    }

    /// The request cannot be read. `param` names the field, where there is one.
    pub(crate) fn invalid_request(message: impl Into<String>, param: Option<String>) -> Self {
        Self { param, ..Self::new(StatusCode::BAD_REQUEST, "invalid_request", message) }
    }

    /// The schemas of a request, at `param`, were not compiled.
    pub(crate) fn not_compiled(error: JobError, param: &str) -> Self {
        match error {
            JobError::Busy => Self::too_many_schemas(),
            JobError::Panicked => Self::internal(),
            JobError::TimedOut => {
                let message = "The schema is too costly: it was not compiled in time. Send a simpler one.";
                Self::invalid_request(message, Some(param.to_owned()))
            }
        }
    }

    fn too_many_schemas() -> Self {
        let message = "Too many requests with JSON schemas are in progress. Try again in a moment.";
        Self::new(StatusCode::TOO_MANY_REQUESTS, "rate_limit_exceeded", message).retry_after(RETRY_SOON)
    }

    fn bad_form(what: &str) -> Self {
        let message =
            format!("The model did not keep to the form: {what}. Try again, or ask for a simpler form.");
        Self::new(StatusCode::BAD_GATEWAY, "invalid_output", message)
    }

    /// The body is too large; `limit` is in bytes.
    pub(crate) fn too_large(limit: usize) -> Self {
        let message = format!("The request is larger than {} MiB.", limit / (1024 * 1024));
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "request_too_large", message)
    }

    /// There are too many large bodies at once.
    pub(crate) fn too_many_bodies() -> Self {
        let message = "Too many large requests arrive at once. Try again in a moment.";
        Self::new(StatusCode::TOO_MANY_REQUESTS, "rate_limit_exceeded", message).retry_after(5)
    }

    /// The body did not come.
    pub(crate) fn body_timeout() -> Self {
        Self::new(
            StatusCode::REQUEST_TIMEOUT,
            "request_timeout",
            "The request's body did not arrive in time.",
        )
    }

    /// The body is not JSON by its own word.
    pub(crate) fn unsupported_media_type() -> Self {
        let message = "Send the body as JSON, with the header `Content-Type: application/json`.";
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", message)
    }

    /// The request names another host, as a web page does that rebinds its name to this machine.
    pub(crate) fn host_not_allowed() -> Self {
        let message = "This proxy does not answer to that host name. Use http://localhost or the IP address, or allow the name with ALLOWED_HOSTS.";
        Self::new(StatusCode::FORBIDDEN, "host_not_allowed", message)
    }

    /// The request comes from a web page that has not been allowed.
    pub(crate) fn origin_not_allowed() -> Self {
        let message = "Web pages of this origin may not call this proxy. Allow it with ALLOWED_ORIGINS.";
        Self::new(StatusCode::FORBIDDEN, "origin_not_allowed", message)
    }

    /// The proxy is stopping.
    pub(crate) fn shutting_down() -> Self {
        let message = "The proxy is stopping. Try again when it runs.";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "shutting_down", message).retry_after(RETRY_SOON)
    }

    /// The turn took its time. A library that tries again by itself would spend as much once more.
    fn turn_timeout(message: String) -> Self {
        let error = Self::new(StatusCode::GATEWAY_TIMEOUT, "turn_timeout", message);
        Self { should_retry: Some(false), ..error }
    }

    /// A bug of ours.
    pub(crate) fn internal() -> Self {
        let message = "Something went wrong within the proxy. Its log says more.";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal_error", message)
    }

    /// The error in OpenAI's shape.
    #[must_use]
    pub fn body(&self) -> ErrorBody {
        let detail = ErrorDetail {
            message: self.message.clone(),
            kind: self.kind(),
            param: self.param.clone(),
            code: self.code,
        };
        ErrorBody { error: detail }
    }

    /// The error's HTTP status.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.status.as_u16()
    }

    /// The error's code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.code
    }

    /// The error's message.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What the request log keeps of it: the message, unless that may quote what the client sent.
    #[must_use]
    pub fn for_log(&self) -> String {
        match (self.status.as_u16(), &self.param) {
            (400 | 404, Some(param)) => format!("Refused: {} ({param}). The client was told why.", self.code),
            (400, None) => format!("Refused: {}. The client was told why.", self.code),
            _ => self.message.clone(),
        }
    }

    /// OpenAI's class of the error.
    fn kind(&self) -> &'static str {
        match (self.status.as_u16(), self.code) {
            (429, "insufficient_quota") => "insufficient_quota",
            (429, _) => "rate_limit_error",
            (400..=499, _) => "invalid_request_error",
            _ => "server_error",
        }
    }

    fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        if let Some(seconds) = self.retry_after {
            headers.insert(RETRY_AFTER, seconds.into());
        }
        if let Some(retry) = self.should_retry {
            let value = if retry { "true" } else { "false" };
            headers.insert(HeaderName::from_static("x-should-retry"), HeaderValue::from_static(value));
        }
        headers
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        (self.status, self.headers(), axum::Json(self.body())).into_response()
    }
}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Invalid { param, message } => Self::invalid_request(message, Some(param)),
            Refusal::Unsupported { param, message } => {
                Self::new(StatusCode::BAD_REQUEST, "unsupported_parameter", message).param(param)
            }
        }
    }
}

impl From<Refused> for ApiError {
    fn from(refused: Refused) -> Self {
        let message = match refused.why {
            Why::Full => "Too many requests are waiting for codex. Try again in a moment.",
            Why::GaveWay => {
                "Too many requests of this key are waiting for codex, so this one made room for another key's. Try again in a moment."
            }
            Why::WaitedTooLong => "The request waited too long for codex. Try again in a moment.",
        };
        let seconds = refused.retry.as_secs() + u64::from(refused.retry.subsec_nanos() > 0);
        Self::new(StatusCode::TOO_MANY_REQUESTS, "rate_limit_exceeded", message).retry_after(seconds)
    }
}

impl From<Failure> for ApiError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Codex(error) => error.into(),
            Failure::TooLong(limit) => {
                Self::turn_timeout(format!("The turn took longer than {} and was ended.", in_words(limit)))
            }
            Failure::Silent(limit) => Self::turn_timeout(format!(
                "codex said nothing for {}, so the turn was ended. Try again; the limit is one of the proxy's settings.",
                in_words(limit)
            )),
            Failure::BadForm(what) => Self::bad_form(&what),
            Failure::Unchecked(JobError::Busy) => Self::too_many_schemas(),
            Failure::Unchecked(JobError::Panicked) => Self::internal(),
            Failure::Unchecked(JobError::TimedOut) => {
                Self::bad_form("it takes too long to check the answer against the schema")
            }
            Failure::NoCall => {
                let message = "The model did not call the tool that it had to call. Try again, or say in words what it is to do.";
                Self::new(StatusCode::BAD_GATEWAY, "tool_not_called", message)
            }
            Failure::Stopping => Self::shutting_down(),
        }
    }
}

/// A limit of time, in minutes where there are whole ones.
fn in_words(limit: Duration) -> String {
    let (number, unit) = match limit.as_secs() {
        seconds if seconds > 0 && seconds % 60 == 0 => (seconds / 60, "minute"),
        seconds => (seconds, "second"),
    };
    format!("{number} {unit}{}", if number == 1 { "" } else { "s" })
}

impl From<CodexError> for ApiError {
    fn from(error: CodexError) -> Self {
        let unavailable = |code, message: String| Self::new(StatusCode::SERVICE_UNAVAILABLE, code, message);
        let bad_gateway = |code, message: &str| Self::new(StatusCode::BAD_GATEWAY, code, message);
        match error {
            CodexError::NotFound => unavailable("codex_not_found", format!("{error}.")),
            CodexError::BadPath { reason, .. } => unavailable(
                "codex_not_found",
                format!(
                    "CODEX_PATH names something that {reason}. Set it to the codex binary, or leave it out."
                ),
            ),
            CodexError::Unsupported { .. } => unavailable("codex_unsupported", format!("{error}.")),
            CodexError::CannotDo { .. } => {
                Self::new(StatusCode::BAD_REQUEST, "unsupported_parameter", format!("{error}."))
            }
            CodexError::NotSignedIn => unavailable("codex_not_signed_in", format!("{error}.")),
            CodexError::StartFailed { .. } => unavailable(
                "codex_unavailable",
                "codex could not be started. The proxy's log says why.".to_owned(),
            )
            .retry_after(RETRY_SOON),
            CodexError::NoAnswer { .. } => {
                unavailable("codex_unavailable", "codex does not answer and is started again.".to_owned())
                    .retry_after(RETRY_SOON)
            }
            CodexError::Refused { .. } => {
                bad_gateway("upstream_error", "codex refused the request. The proxy's log says more.")
            }
            CodexError::Disconnected => bad_gateway(
                "codex_disconnected",
                "codex ended while it was working on this request. The next request starts it again.",
            ),
            CodexError::ReaderTooSlow => {
                bad_gateway("client_too_slow", "The answer was not read fast enough and was given up.")
            }
            CodexError::ShuttingDown => Self::shutting_down(),
            CodexError::Turn(failure) => {
                let words = failure.message;
                match failure.kind {
                    FailureKind::ContextWindow => {
                        Self::new(StatusCode::BAD_REQUEST, "context_length_exceeded", words).param("messages")
                    }
                    FailureKind::BadRequest => Self::invalid_request(words, None),
                    FailureKind::ModelNotFound => {
                        Self::new(StatusCode::NOT_FOUND, "model_not_found", words).param("model")
                    }
                    FailureKind::UsageLimit => {
                        let wait = failure
                            .resets_at
                            .map_or(RETRY_LATER, |reset| reset.saturating_sub(unix_now()).max(1));
                        let error = Self::new(StatusCode::TOO_MANY_REQUESTS, "insufficient_quota", words);
                        Self { should_retry: Some(false), ..error.retry_after(wait) }
                    }
                    FailureKind::RateLimit => {
                        let message = "The model's service asks for fewer requests. Try again in a moment.";
                        Self::new(StatusCode::TOO_MANY_REQUESTS, "rate_limit_exceeded", message)
                            .retry_after(RETRY_SOON)
                    }
                    FailureKind::Overloaded => {
                        let message = "The model's service is overloaded. Try again in a moment.".to_owned();
                        unavailable("upstream_overloaded", message).retry_after(RETRY_SOON)
                    }
                    FailureKind::Unauthorized => unavailable(
                        "codex_not_signed_in",
                        "The model's service refused codex's sign-in. Run `codex login` in a terminal, then try again."
                            .to_owned(),
                    ),
                    FailureKind::Upstream => {
                        let message = match failure.upstream_status {
                            Some(status) => format!("The model's service failed with the status {status}."),
                            None => "The model's service failed, or its stream broke off.".to_owned(),
                        };
                        bad_gateway("upstream_error", &message)
                    }
                }
            }
        }
    }
}
