//! Every error that a client can see, and the one place where its HTTP status is chosen.
//!
//! Nothing internal gets into a message: no path, no prompt, no key, and of codex's own words only those that tell the
//! client what was wrong with its request. Conversions do not log; the exchange and the request log do, once.

mod responses;

use std::time::Duration;

use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use codex_client::{CodexError, FailureKind, TurnFailure};

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

/// The errors whose words are always the same: a constructor, its status, its code and its message each.
macro_rules! fixed {
    ($($(#[$doc:meta])* $name:ident: $status:ident $code:literal $message:literal)+) => {
        impl ApiError {
            $($(#[$doc])* pub(crate) fn $name() -> Self { Self::new(StatusCode::$status, $code, $message) })+
        }
    };
}

fixed! {
    /// No key.
    no_api_key: UNAUTHORIZED "invalid_api_key"
        "You didn't provide an API key. Send it as `Authorization: Bearer YOUR_KEY`."
    /// A wrong key.
    wrong_api_key: UNAUTHORIZED "invalid_api_key"
        "Incorrect API key provided. Use a key that the proxy was given by API_KEYS, or make one with `codex-proxyd key new NAME`."
    /// The keys cannot be read.
    keys_unavailable: SERVICE_UNAVAILABLE "keys_unavailable"
        "The proxy's file of keys cannot be used. The proxy's log says why."
    /// The key's own working folder is outside of the one of the settings.
    workspace_outside: SERVICE_UNAVAILABLE "workspace_unavailable"
        "The working folder of this key is not within the one of the proxy's settings. Give the key another one; the proxy's log names both."
    /// The key's own working folder cannot be worked in.
    workspace_unavailable: SERVICE_UNAVAILABLE "workspace_unavailable"
        "The working folder of this key is not there. Make it again, or give the key another one; the proxy's log names it."
    /// The request names another host, as a web page does that rebinds its name to this machine.
    host_not_allowed: FORBIDDEN "host_not_allowed"
        "This proxy does not answer to that host name. Use http://localhost or the IP address, or allow the name with ALLOWED_HOSTS."
    /// The request comes from a web page that has not been allowed.
    origin_not_allowed: FORBIDDEN "origin_not_allowed"
        "Web pages of this origin may not call this proxy. Allow it with ALLOWED_ORIGINS."
    /// The route has other methods; axum names them in the `Allow` header.
    method_not_allowed: METHOD_NOT_ALLOWED "method_not_allowed"
        "This address does not take this method. The answer's Allow header names those that it takes."
    /// The body is not JSON by its own word.
    unsupported_media_type: UNSUPPORTED_MEDIA_TYPE "unsupported_media_type"
        "Send the body as JSON, with the header `Content-Type: application/json`."
    /// The body did not come.
    body_timeout: REQUEST_TIMEOUT "request_timeout"
        "The request's body did not arrive in time."
    /// There are too many large bodies at once.
    too_many_bodies: TOO_MANY_REQUESTS "rate_limit_exceeded"
        "Too many large requests arrive at once. Try again in a moment."
    /// There are too many schemas at once.
    too_many_schemas: TOO_MANY_REQUESTS "rate_limit_exceeded"
        "Too many requests with JSON schemas are in progress. Try again in a moment."
    /// The model did not call the tool that had to be called.
    tool_not_called: BAD_GATEWAY "tool_not_called"
        "The model did not call the tool that it had to call. Try again, or say in words what it is to do."
    /// codex did not start.
    codex_not_started: SERVICE_UNAVAILABLE "codex_unavailable"
        "codex could not be started. The proxy's log says why."
    /// codex does not answer at all.
    codex_silent: SERVICE_UNAVAILABLE "codex_unavailable"
        "codex does not answer and is started again."
    /// codex answered a call of ours with an error.
    codex_refused: BAD_GATEWAY "upstream_error"
        "codex refused the request. The proxy's log says more."
    /// codex ended within the turn.
    codex_disconnected: BAD_GATEWAY "codex_disconnected"
        "codex ended while it was working on this request. The next request starts it again."
    /// More of the answer waits to be read than may.
    client_too_slow: BAD_GATEWAY "client_too_slow"
        "The answer was not read fast enough and was given up."
    /// Too many requests for the model's service.
    upstream_rate_limit: TOO_MANY_REQUESTS "rate_limit_exceeded"
        "The model's service asks for fewer requests. Try again in a moment."
    /// Too many requests of everybody's for the model's service.
    upstream_overloaded: SERVICE_UNAVAILABLE "upstream_overloaded"
        "The model's service is overloaded. Try again in a moment."
    /// The model's service does not know the account.
    upstream_unauthorized: SERVICE_UNAVAILABLE "codex_not_signed_in"
        "The model's service refused codex's sign-in. Run `codex login` in a terminal, then try again."
    /// The proxy is stopping.
    shutting_down: SERVICE_UNAVAILABLE "shutting_down"
        "The proxy is stopping. Try again when it runs."
    /// A bug of ours.
    internal: INTERNAL_SERVER_ERROR "internal_error"
        "Something went wrong within the proxy. Its log says more."
}

impl ApiError {
    fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        // A client that names a model or an address by its key has it in its own logs otherwise.
        let message = without_keys(&message.into(), &[]);
        let (retry_after, should_retry) = match code {
            "rate_limit_exceeded" | "shutting_down" | "codex_unavailable" | "upstream_overloaded" => {
                (Some(RETRY_SOON), None)
            }
            // A library that tries again by itself would only spend as much once more.
            "insufficient_quota" | "turn_timeout" | "workspace_unavailable" => (None, Some(false)),
            _ => (None, None),
        };
        Self { status, code, message, param: None, retry_after, should_retry }
    }

    fn param(self, param: impl Into<String>) -> Self {
        Self { param: Some(param.into()), ..self }
    }

    fn retry_after(self, seconds: u64) -> Self {
        Self { retry_after: Some(seconds), ..self }
    }

    /// The request cannot be read, and no field of it is at fault.
    pub(crate) fn unreadable(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_request", message)
    }

    /// A field, as a path like `messages[2].content`, is missing or wrong: what is wrong, and what would be right.
    pub(crate) fn invalid(param: impl Into<String>, message: impl Into<String>) -> Self {
        Self::unreadable(message).param(param)
    }

    /// A parameter asks for something that cannot be given: why not, and what to do instead.
    pub(crate) fn unsupported(param: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "unsupported_parameter", message).param(param)
    }

    /// There is no such model, or none that the alias of this name leads to.
    pub(crate) fn model_not_found(model: &str, alias_of: Option<&str>, nearest: &[String]) -> Self {
        let model = shown(model);
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
        let model = shown(model);
        Self::invalid(
            "messages",
            format!("The model {model} does not read pictures. Send text, or choose another model."),
        )
    }

    /// There is no such route.
    pub(crate) fn not_found(path: &str) -> Self {
        let tidy = path.replace("//", "/");
        let tidy = if tidy.len() > 1 { tidy.trim_end_matches('/') } else { &tidy };
        let (path_shown, tidy_shown) = (shown(path), shown(tidy));
        let lacks_v1 = matches!(tidy, "/models" | "/chat/completions" | "/completions" | "/responses")
            || tidy.starts_with("/models/");
        let hint = if lacks_v1 {
            format!("The base URL ends with /v1: try /v1{tidy_shown}.")
        } else if tidy != path {
            format!("The base URL ends with /v1, without a slash: try {tidy_shown}.")
        } else {
            "/docs shows what there is.".to_owned()
        };
        let message = format!("There is nothing at {path_shown}. {hint}");
        Self::new(StatusCode::NOT_FOUND, "not_found", message)
    }

    /// The schemas of a request, at `param`, were not compiled.
    pub(crate) fn not_compiled(error: JobError, param: &str) -> Self {
        let message = "The schema is too costly: it was not compiled in time. Send a simpler one.";
        match error {
            JobError::Busy => Self::too_many_schemas(),
            JobError::Panicked => Self::internal(),
            JobError::TimedOut => Self::invalid(param, message),
        }
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
        let turn_timeout = |message| Self::new(StatusCode::GATEWAY_TIMEOUT, "turn_timeout", message);
        match failure {
            Failure::Codex(error) => error.into(),
            Failure::TooLong(limit) => {
                turn_timeout(format!("The turn took longer than {} and was ended.", in_words(limit)))
            }
            Failure::Silent(limit) => turn_timeout(format!(
                "codex said nothing for {}, so the turn was ended. Try again; the limit is one of the proxy's settings.",
                in_words(limit)
            )),
            Failure::BadForm(what) => Self::bad_form(&what),
            Failure::Unchecked(JobError::Busy) => Self::too_many_schemas(),
            Failure::Unchecked(JobError::Panicked) => Self::internal(),
            Failure::Unchecked(JobError::TimedOut) => {
                Self::bad_form("it takes too long to check the answer against the schema")
            }
            Failure::NoCall => Self::tool_not_called(),
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

/// As much of a client's word as an error message has room for.
fn shown(word: &str) -> String {
    word.chars().take(100).collect()
}

impl From<CodexError> for ApiError {
    fn from(error: CodexError) -> Self {
        let unavailable = |code| Self::new(StatusCode::SERVICE_UNAVAILABLE, code, format!("{error}."));
        match error {
            CodexError::NotFound => unavailable("codex_not_found"),
            CodexError::BadPath { reason, .. } => Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "codex_not_found",
                format!(
                    "CODEX_PATH names something that {reason}. Set it to the codex binary, or leave it out."
                ),
            ),
            CodexError::Unsupported { .. } => unavailable("codex_unsupported"),
            CodexError::CannotDo { .. } => {
                Self::new(StatusCode::BAD_REQUEST, "unsupported_parameter", format!("{error}."))
            }
            CodexError::NotSignedIn => unavailable("codex_not_signed_in"),
            CodexError::StartFailed { .. } => Self::codex_not_started(),
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
            FailureKind::Upstream => {
                let message = match upstream_status {
                    Some(status) => format!("The model's service failed with the status {status}."),
                    None => "The model's service failed, or its stream broke off.".to_owned(),
                };
                Self::new(StatusCode::BAD_GATEWAY, "upstream_error", message)
            }
        }
    }
}
