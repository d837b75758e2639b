//! Every error a client can get, and the only place that chooses HTTP statuses.
//!
//! Messages say what happened and what to do. They contain no internals: no path, prompt or key, and of codex's messages only
//! those that tell clients what was wrong with their request. Conversions do not log; the exchange and the request log do, once.

mod codex;
mod folders;
mod images;
mod key_rules;
mod responses;
#[cfg(test)]
mod retry_tests;
mod routes;
mod stored;
mod websocket;

use std::borrow::Cow;
use std::time::Duration;

use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use codex_client::CodexError;

use crate::auth::without_keys;
use crate::off_workers::JobError;
use crate::openai::error::{ErrorBody, ErrorDetail};
use crate::settings::Program;

pub use codex::{UPDATE, next_step};
pub(crate) use responses::in_responses;

/// Why an exchange ended before its answer was complete.
#[derive(Clone, Debug)]
pub enum Failure {
    /// codex, or the upstream behind it, failed.
    Codex(CodexError),
    /// The turn exceeded its time limit.
    TooLong(Duration),
    /// The turn exceeded its idle timeout.
    Silent(Duration),
    /// The answer does not match the requested format: what is wrong, without quoting the answer.
    BadForm(String),
    /// A call of a strict tool does not match its schema: what is wrong, without quoting the call.
    BadCall(String),
    /// The answer could not be validated against its schema.
    Unchecked(JobError),
    /// Upstream broke off, and what codex got next differs from what a stream has sent already.
    Cut,
    /// The model did not call the required tool.
    NoCall,
    /// The model ended its answer without the image that was requested: its words.
    NoImage(String),
    /// The proxy is stopping.
    Stopping,
    /// The owner of the proxy stopped this request.
    Cancelled,
    /// The owner of the proxy denied what codex asked for, and stopped the answer.
    Denied,
}

/// A request that was not admitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The reason.
    pub why: RejectReason,
    /// When to retry, estimated from the queue's length and the duration of recent turns.
    pub retry: Duration,
}

/// Why a request was not admitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RejectReason {
    /// The queue is full.
    Full,
    /// It was queued and displaced by a request of a key with fewer turns.
    Evicted,
    /// Its time in the queue is up.
    TimedOut,
}

/// An error in the form it is sent to the client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiError {
    status: StatusCode,
    code: &'static str,
    message: String,
    /// Whether the message may quote the request, or a text of codex or upstream that may.
    quotes: bool,
    param: Option<String>,
    /// Seconds until a retry makes sense.
    retry_after: Option<u64>,
    /// Whether OpenAI's libraries should retry on their own.
    should_retry: Option<bool>,
}

/// Retry-After, in seconds, if nothing better is known.
const RETRY_SOON: u64 = 5;

/// Maximum Retry-After, in seconds. Clients that obey it sleep meanwhile, so a longer one is left out.
const MAX_RETRY_AFTER: u64 = 60 * 60;

/// Declares the errors with a fixed message: constructor, status, code and message. `{field}` in a message becomes the place of
/// that setting in the running program.
macro_rules! fixed {
    ($($(#[$doc:meta])* $name:ident: $status:ident $code:literal $message:literal)+) => {
        impl ApiError {
            $($(#[$doc])* pub(crate) fn $name() -> Self {
                Self::new(StatusCode::$status, $code, Program::current().locate($message)).loggable()
            })+
        }

        #[cfg(test)]
        const FIXED: &[&str] = &[$($message),+];
    };
}

fixed! {
    /// The request has no key.
    no_api_key: UNAUTHORIZED "invalid_api_key"
        "You didn't provide an API key. Send it in the header `Authorization: Bearer YOUR_KEY` or `x-api-key: YOUR_KEY`."
    /// The key is unknown.
    wrong_api_key: UNAUTHORIZED "invalid_api_key"
        "Incorrect API key provided. Create a key with {new_key}."
    /// The key file cannot be read.
    keys_unavailable: SERVICE_UNAVAILABLE "keys_unavailable"
        "The key file cannot be read. See the proxy's log for the reason."
    /// What keys have used cannot be read.
    key_use_unavailable: SERVICE_UNAVAILABLE "keys_unavailable"
        "How many tokens this key has used cannot be read. See the proxy's log for the reason."
    /// The key's working folder is outside the one in the settings.
    workspace_outside: SERVICE_UNAVAILABLE "workspace_unavailable"
        "This key's working folder is not inside the proxy's working folder ({workspace}). Create a key with another folder; the proxy's log names both folders."
    /// The working folder in the settings is missing.
    no_workspace: SERVICE_UNAVAILABLE "workspace_unavailable"
        "The working folder of codex-local does not exist. Restore it, or choose another ({workspace}). Other models need none."
    /// codex sent this proxy its own request.
    own_request: SERVICE_UNAVAILABLE "codex_unavailable"
        "This request comes from this proxy's own codex, which is set up to use the proxy as its provider."
    /// The key's working folder cannot be used.
    workspace_unavailable: SERVICE_UNAVAILABLE "workspace_unavailable"
        "This key's working folder does not exist. Restore it, or create a key with another folder; the proxy's log names it."
    /// The owner of the proxy stopped this request in the app. A status that no client retries on its own.
    cancelled_by_owner: FORBIDDEN "cancelled_by_owner"
        "The owner of this proxy stopped the request."
    /// The owner of the proxy denied what codex asked for, and stopped the answer.
    denied_by_owner: FORBIDDEN "denied_by_owner"
        "The owner of this proxy denied what Codex asked for and stopped the answer."
    /// The Host header is unknown, as with a web page that rebinds its name to this machine.
    host_not_allowed: FORBIDDEN "host_not_allowed"
        "This host name is not allowed. Use http://localhost or the IP address, or allow the name ({allowed_hosts})."
    /// The request comes from a web page that is not allowed.
    origin_not_allowed: FORBIDDEN "origin_not_allowed"
        "Web pages from this origin are not allowed. Allow the origin ({allowed_origins})."
    /// The body is not declared as JSON.
    unsupported_media_type: UNSUPPORTED_MEDIA_TYPE "unsupported_media_type"
        "The body must be JSON. Send the header `Content-Type: application/json`."
    /// The body ended early, or cannot be decompressed.
    broken_body: BAD_REQUEST "invalid_request"
        "The request's body ended early, or is not what its Content-Encoding says."
    /// The body did not arrive in time.
    body_timeout: REQUEST_TIMEOUT "request_timeout"
        "The request body did not arrive in time. Try again."
    /// Too many large bodies are being received.
    too_many_bodies: TOO_MANY_REQUESTS "rate_limit_exceeded"
        "Too many large requests are in progress. Try again in a moment."
    /// The settings do not allow fetching images.
    images_not_fetched: BAD_REQUEST "invalid_request"
        "Images by address are not fetched. Send the image as a data URL, or turn this on ({fetch_images})."
    /// Too many schemas are being compiled or checked.
    too_many_schemas: TOO_MANY_REQUESTS "rate_limit_exceeded"
        "Too many requests with JSON schemas are in progress. Try again in a moment."
    /// The model did not call the required tool.
    tool_not_called: BAD_GATEWAY "tool_not_called"
        "The model did not call the required tool. Try again, or describe the task in the prompt."
    /// codex failed to start.
    codex_not_started: SERVICE_UNAVAILABLE "codex_unavailable"
        "codex failed to start. See the proxy's log for the reason."
    /// codex is unresponsive.
    codex_silent: SERVICE_UNAVAILABLE "codex_unavailable"
        "codex is not responding and is being restarted. Try again in a moment."
    /// `codex exec` ended before its turn; its last words may be those of a command.
    codex_refused: BAD_GATEWAY "upstream_error"
        "codex rejected the request. Run `codex` in a terminal to see why."
    /// codex exited during the turn.
    codex_disconnected: BAD_GATEWAY "codex_disconnected"
        "codex exited during this request. It restarts with the next one."
    /// The client fell behind by more than the event queue holds.
    client_too_slow: BAD_GATEWAY "client_too_slow"
        "The answer was canceled because it was not read fast enough."
    /// The upstream's rate limit applies.
    upstream_rate_limit: TOO_MANY_REQUESTS "rate_limit_exceeded"
        "Upstream rate limit reached. Try again in a moment."
    /// The upstream has no capacity.
    upstream_overloaded: SERVICE_UNAVAILABLE "upstream_overloaded"
        "The upstream is overloaded. Try again in a moment."
    /// codex cannot connect to the upstream.
    upstream_unreachable: BAD_GATEWAY "upstream_unreachable"
        "codex cannot reach its upstream. Check the network connection and the proxy settings of this machine, and the provider's address in codex's config.toml. Then try again."
    /// The upstream broke off, and its next answer began differently.
    answer_cut: BAD_GATEWAY "answer_cut"
        "The upstream broke off and then answered differently, so the answer was cut. Try again, or turn off streaming: then only the last attempt is sent."
    /// The upstream rejected codex's sign-in.
    upstream_unauthorized: SERVICE_UNAVAILABLE "codex_not_signed_in"
        "The upstream rejected codex's sign-in. Run `codex login` in a terminal."
    /// The proxy is stopping.
    shutting_down: SERVICE_UNAVAILABLE "shutting_down"
        "The proxy is stopping. Try again once it is running."
    /// A bug.
    internal: INTERNAL_SERVER_ERROR "internal_error"
        "Internal error. See the proxy's log for details."
}

impl ApiError {
    /// A message put together at run time may quote the request; see [`ApiError::loggable`].
    fn new(status: StatusCode, code: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        let message = message.into();
        let quotes = matches!(message, Cow::Owned(_));
        // A client may send its key as the model or in the path; without this, its own logs would contain it.
        let message = without_keys(&message, &[]);
        let (retry_after, should_retry) = match code {
            "rate_limit_exceeded" | "shutting_down" | "codex_unavailable" | "upstream_overloaded" => {
                (Some(RETRY_SOON), None)
            }
            // An automatic retry would fail again: at the same cost, or until someone acts.
            "insufficient_quota"
            | "turn_timeout"
            | "upstream_unreachable"
            | "invalid_output"
            | "tool_not_called"
            | "image_not_generated"
            | "keys_unavailable"
            | "usage_unknown"
            | "workspace_unavailable"
            | "workspace_not_allowed"
            | "codex_not_found"
            | "codex_unsupported"
            | "codex_not_signed_in"
            | "cancelled_by_owner"
            | "denied_by_owner" => (None, Some(false)),
            _ => (None, None),
        };
        Self { status, code, message, quotes, param: None, retry_after, should_retry }
    }

    /// The message contains only our own words, names of parameters and models, and numbers: the request log may store it.
    pub(crate) fn loggable(self) -> Self {
        Self { quotes: false, ..self }
    }

    pub(crate) fn param(self, param: impl Into<String>) -> Self {
        Self { param: Some(param.into()), ..self }
    }

    fn retry_after(self, seconds: u64) -> Self {
        Self { retry_after: Some(seconds).filter(|seconds| *seconds <= MAX_RETRY_AFTER), ..self }
    }

    fn no_retry(self) -> Self {
        Self { retry_after: None, should_retry: Some(false), ..self }
    }

    /// The request is invalid as a whole, not in one field.
    pub(crate) fn unreadable(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_request", message)
    }

    /// A field is missing or invalid. `param` is its path, such as `messages[2].content`.
    pub(crate) fn invalid(param: impl Into<String>, message: impl Into<Cow<'static, str>>) -> Self {
        Self::unreadable(message).param(param)
    }

    /// A parameter asks for something that is not supported.
    pub(crate) fn unsupported(param: impl Into<String>, message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "unsupported_parameter", message).param(param)
    }

    /// The model does not exist, or the one its alias stands for.
    pub(crate) fn model_not_found(model: &str, alias_of: Option<&str>, nearest: &[String]) -> Self {
        let model = shown(model);
        let hint = match nearest {
            [] => "See `GET /v1/models` for the list.".to_owned(),
            nearest => format!("Did you mean {}? See `GET /v1/models` for the list.", nearest.join(", ")),
        };
        let message = match alias_of {
            Some(real) => {
                format!("The model {model:?} is an alias for {real:?}, which codex does not list. {hint}")
            }
            None => format!("The model {model:?} does not exist. {hint}"),
        };
        // The log has the model anyway.
        Self::new(StatusCode::NOT_FOUND, "model_not_found", message).param("model").loggable()
    }

    /// The model does not support images.
    pub(crate) fn no_images(model: &str) -> Self {
        let model = shown(model);
        Self::invalid(
            "messages",
            format!("The model {model} does not support images. Send text, or choose another model."),
        )
        .loggable()
    }

    /// The body has a content encoding that we do not know.
    pub(crate) fn unsupported_encoding(encoding: &str) -> Self {
        let message = format!(
            "The content encoding {:?} is not supported. Use gzip, deflate, br or zstd, or none.",
            shown(encoding)
        );
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", message)
    }

    /// The schemas of a request, at `param`, could not be compiled.
    pub(crate) fn not_compiled(error: JobError, param: &str) -> Self {
        let message = "The schema is too complex to compile in time. Send a simpler one.";
        match error {
            JobError::Busy => Self::too_many_schemas(),
            JobError::Panicked => Self::internal(),
            JobError::TimedOut => Self::invalid(param, message),
        }
    }

    fn bad_form(what: &str) -> Self {
        let message = format!(
            "The output did not match the requested format: {what}. Try again, or request a simpler format."
        );
        Self::new(StatusCode::BAD_GATEWAY, "invalid_output", message).loggable()
    }

    fn bad_call(what: &str) -> Self {
        let message = format!(
            "The model called a strict tool with wrong arguments, twice: {what}. Try again, or send a simpler schema."
        );
        Self::new(StatusCode::BAD_GATEWAY, "invalid_output", message).loggable()
    }

    /// The body exceeds `limit` bytes.
    pub(crate) fn too_large(limit: usize) -> Self {
        let message = format!(
            "The request is larger than {} MiB. Send less, or smaller images.",
            limit / (1024 * 1024)
        );
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "request_too_large", message).loggable()
    }

    /// The error in OpenAI's format.
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

    /// What the request log may store instead of the message, if that may quote the request.
    #[must_use]
    pub fn summary(&self) -> Option<String> {
        // Deeper names may be the client's own.
        let field = self.param.as_deref().and_then(|param| param.split('.').next());
        let place = field.map(|field| format!(" ({field})")).unwrap_or_default();
        let code = self.code;
        self.quotes.then(|| {
            format!("Rejected: {code}{place}. The reason may quote the request, so it wasn't saved.")
        })
    }

    /// Whether the owner stopped the request.
    pub(crate) fn is_cancelled(&self) -> bool {
        matches!(self.code, "cancelled_by_owner" | "denied_by_owner")
    }

    /// OpenAI's error type.
    fn kind(&self) -> &'static str {
        match (self.status.as_u16(), self.code) {
            (429, "insufficient_quota") => "insufficient_quota",
            (429, _) => "rate_limit_error",
            (400..=499, _) => "invalid_request_error",
            _ => "server_error",
        }
    }

    /// When to retry, and whether.
    pub(crate) fn headers(&self) -> HeaderMap {
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
            RejectReason::Full => "The request queue is full. Try again in a moment.",
            RejectReason::Evicted => {
                "The request queue is full and this key has the most requests in it. Try again in a moment."
            }
            RejectReason::TimedOut => "The request was queued for too long. Try again in a moment.",
        };
        let seconds = refused.retry.as_secs() + u64::from(refused.retry.subsec_nanos() > 0);
        Self::new(StatusCode::TOO_MANY_REQUESTS, "rate_limit_exceeded", message).retry_after(seconds)
    }
}

const TOO_LONG: &str = "The answer took longer than {limit} and was interrupted. The limit can be raised ({turn_limit_minutes}).";

const IDLE: &str = "codex was idle for {limit}, so the turn was interrupted. Try again; the limit can be raised ({silence_limit_minutes}).";

impl From<Failure> for ApiError {
    fn from(failure: Failure) -> Self {
        let turn_timeout =
            |message: String| Self::new(StatusCode::GATEWAY_TIMEOUT, "turn_timeout", message).loggable();
        match failure {
            Failure::Codex(error) => error.into(),
            Failure::TooLong(limit) => turn_timeout(located(&TOO_LONG.replace("{limit}", &in_words(limit)))),
            Failure::Silent(limit) => turn_timeout(located(&IDLE.replace("{limit}", &in_words(limit)))),
            Failure::BadForm(what) => Self::bad_form(&what),
            Failure::BadCall(what) => Self::bad_call(&what),
            Failure::Unchecked(JobError::Busy) => Self::too_many_schemas(),
            Failure::Unchecked(JobError::Panicked) => Self::internal(),
            Failure::Unchecked(JobError::TimedOut) => {
                Self::bad_form("validating it against the schema takes too long")
            }
            Failure::Cut => Self::answer_cut(),
            Failure::NoCall => Self::tool_not_called(),
            Failure::NoImage(words) => Self::no_image(&words),
            Failure::Stopping => Self::shutting_down(),
            Failure::Cancelled => Self::cancelled_by_owner(),
            Failure::Denied => Self::denied_by_owner(),
        }
    }
}

/// A duration in minutes, or in seconds unless they are whole minutes.
pub(crate) fn in_words(limit: Duration) -> String {
    let (number, unit) = match limit.as_secs() {
        seconds if seconds > 0 && seconds % 60 == 0 => (seconds / 60, "minute"),
        seconds => (seconds, "second"),
    };
    format!("{number} {unit}{}", if number == 1 { "" } else { "s" })
}

/// The beginning of a text of the client, for an error message.
fn shown(word: &str) -> String {
    word.chars().take(100).collect()
}

/// A message with the places of the settings in the running program.
fn located(message: &str) -> String {
    Program::current().locate(message)
}

#[cfg(test)]
mod tests;
