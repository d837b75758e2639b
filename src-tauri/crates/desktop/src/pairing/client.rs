//! Requests to our server: one connection each, with limits on every wait and size.
//!
//! Uses no TLS, redirects or proxy: the server is on this computer, and `HTTP_PROXY` would send a key to another one.

use std::error::Error;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::BoxStream;
use futures_util::{StreamExt, TryStreamExt};
use reqwest::header::{CONTENT_TYPE, HOST};
use reqwest::{Client, RequestBuilder, Response};
use serde_json::Value;

use super::error::{RequestError, Result};
use proxy::Key;

/// Timeout for connecting, which is immediate on this computer.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// Limit of a body, streamed or not: a hundred times a long answer.
const MAX_BODY_BYTES: usize = 16 * 1024 * 1024;

/// Where to send requests, and with which key.
#[derive(Clone, Debug)]
pub struct Target {
    /// The proxy's address.
    pub address: SocketAddr,
    /// The key; `None` if keys are off.
    pub key: Option<Key>,
}

/// How to make a request.
#[derive(Clone, Debug)]
pub(super) struct Caller<'a> {
    pub(super) address: SocketAddr,
    pub(super) key: Option<&'a Key>,
    /// The `Host` header.
    pub(super) host: String,
    /// The `User-Agent`, for the request log.
    pub(super) agent: &'static str,
}

/// A complete response.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: u16,
    /// The JSON, or null.
    pub(super) body: Value,
}

impl Reply {
    /// The error of an unsuccessful response.
    pub(super) fn error(&self) -> RequestError {
        RequestError::from_response(self.status, &self.body)
    }
}

/// A response whose body is not read yet. Dropping it closes the connection.
#[derive(Debug)]
pub(super) struct PendingReply {
    response: Response,
    timeout: Duration,
}

impl<'a> Caller<'a> {
    /// A caller whose `Host` is the address.
    pub(super) fn new(target: &'a Target, agent: &'static str) -> Self {
        Self { address: target.address, key: target.key.as_ref(), host: target.address.to_string(), agent }
    }

    /// Sends a GET and reads the complete response within `timeout`.
    pub(super) async fn get(&self, path: &str, timeout: Duration) -> Result<Reply> {
        self.send(Client::get, path, timeout).await?.complete().await
    }

    /// Posts `body`. The response must be complete within `timeout`.
    pub(super) async fn post(&self, path: &str, body: &Value, timeout: Duration) -> Result<PendingReply> {
        self.send(|client, url| client.post(url).body(body.to_string()), path, timeout).await
    }

    /// Returns an error if another program has the port. Sends no key, which that program must not get.
    pub(super) async fn identify(&self, timeout: Duration) -> Result<()> {
        let reply = Self { key: None, ..self.clone() }.get("/health", timeout).await;
        let reply = match reply {
            Err(RequestError::Disconnected | RequestError::TooLarge) => {
                return Err(RequestError::NotCodexProxy(self.address));
            }
            reply => reply?,
        };
        let health = &reply.body;
        if health["error"]["code"] == "shutting_down" {
            return Err(reply.error());
        }
        if health["status"] == "ok" && health["level"].is_string() {
            Ok(())
        } else {
            Err(RequestError::NotCodexProxy(self.address))
        }
    }

    /// Sends a request with Open WebUI's headers.
    async fn send(
        &self,
        method: impl FnOnce(&Client, String) -> RequestBuilder,
        path: &str,
        timeout: Duration,
    ) -> Result<PendingReply> {
        let client = Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT_TIMEOUT)
            .user_agent(self.agent)
            .build()
            .map_err(|_| RequestError::Unreachable(self.address))?;
        let mut request = method(&client, format!("http://{}{path}", self.address))
            .timeout(timeout)
            .header(HOST, &self.host)
            .header(CONTENT_TYPE, "application/json");
        if let Some(key) = self.key {
            request = request.bearer_auth(key.reveal());
        }
        let response = request.send().await.map_err(|error| self.error(&error, timeout))?;
        Ok(PendingReply { response, timeout })
    }

    fn error(&self, error: &reqwest::Error, timeout: Duration) -> RequestError {
        if error.is_builder() {
            // All paths are constants, so only the key can be invalid.
            RequestError::InvalidKey
        } else if !error.is_connect() {
            body_error(error, timeout)
        } else if error.is_timeout() {
            RequestError::TimedOut(CONNECT_TIMEOUT)
        } else if is_refused(error) {
            RequestError::ConnectionRefused(self.address)
        } else {
            RequestError::Unreachable(self.address)
        }
    }
}

impl PendingReply {
    pub(super) fn status(&self) -> u16 {
        self.response.status().as_u16()
    }

    /// Empty if the header is missing.
    pub(super) fn content_type(&self) -> &str {
        let value = self.response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        value.unwrap_or_default()
    }

    /// Streams the body, up to [`MAX_BODY_BYTES`].
    pub(super) fn body(self) -> BoxStream<'static, Result<Bytes>> {
        let Self { response, timeout } = self;
        let mut read = 0;
        let limited = move |piece: reqwest::Result<Bytes>| {
            let piece = piece.map_err(|error| body_error(&error, timeout))?;
            read += piece.len();
            if read > MAX_BODY_BYTES { Err(RequestError::TooLarge) } else { Ok(piece) }
        };
        response.bytes_stream().map(limited).boxed()
    }

    /// Reads the complete response.
    pub(super) async fn complete(self) -> Result<Reply> {
        let status = self.status();
        let body: Vec<Bytes> = self.body().try_collect().await?;
        Ok(Reply { status, body: serde_json::from_slice(&body.concat()).unwrap_or_default() })
    }
}

/// The error of an established connection.
fn body_error(error: &reqwest::Error, timeout: Duration) -> RequestError {
    if error.is_timeout() { RequestError::TimedOut(timeout) } else { RequestError::Disconnected }
}

fn is_refused(error: &reqwest::Error) -> bool {
    let causes = std::iter::successors(error.source(), |&cause| cause.source());
    let mut io = causes.filter_map(|cause| cause.downcast_ref::<io::Error>());
    io.any(|error| error.kind() == ErrorKind::ConnectionRefused)
}
