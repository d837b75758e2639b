//! Requests to our own server: one connection each, every wait and every size limited.
//!
//! There is no TLS, no redirect and no proxy. The server at the other end is ours and on this machine, and a client that went by
//! `HTTP_PROXY` would hand a key of this machine to another.

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

use super::error::Trouble;
use crate::text::truncated;
use proxy::Key;

/// How long a connection may take. The other end is this machine, so it is there at once or not at all.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// The largest body that is read, a stream's included: a hundred times a long answer.
const MAX_BODY: usize = 16 * 1024 * 1024;

/// Where requests go, and with which key.
#[derive(Clone, Debug)]
pub struct Target {
    /// The address that the proxy listens on.
    pub address: SocketAddr,
    /// The key; `None` where none is needed.
    pub key: Option<Key>,
}

/// How a request is made.
#[derive(Clone, Debug)]
pub(super) struct Caller<'a> {
    pub(super) address: SocketAddr,
    pub(super) key: Option<&'a Key>,
    /// The name that the request uses for the server, with the port.
    pub(super) host: String,
    /// The name that the request log shows.
    pub(super) agent: &'static str,
}

/// A whole answer.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: u16,
    /// As JSON; null where it is none.
    pub(super) body: Value,
}

impl Reply {
    /// The trouble in an answer whose status is not a success.
    pub(super) fn trouble(&self) -> Trouble {
        Trouble::of_answer(self.status, &self.body)
    }
}

/// An answer whose body is still coming. Dropping it closes the connection.
#[derive(Debug)]
pub(super) struct Answer {
    response: Response,
    timeout: Duration,
}

impl<'a> Caller<'a> {
    /// A caller that names the server by its address.
    pub(super) fn new(target: &'a Target, agent: &'static str) -> Self {
        Self { address: target.address, key: target.key.as_ref(), host: target.address.to_string(), agent }
    }

    /// Gets a whole answer within `timeout`.
    pub(super) async fn get(&self, path: &str, timeout: Duration) -> Result<Reply, Trouble> {
        self.send(Client::get, path, timeout).await?.whole().await
    }

    /// Posts `body` and gets the answer as it comes, all of it within `timeout`.
    pub(super) async fn post(&self, path: &str, body: &Value, timeout: Duration) -> Result<Answer, Trouble> {
        self.send(|client, url| client.post(url).body(body.to_string()), path, timeout).await
    }

    /// Makes sure that it is our server which listens there, and gives its version.
    ///
    /// A key must not be sent to another program that happens to have the port, so this asks without one.
    pub(super) async fn greet(&self, timeout: Duration) -> Result<String, Trouble> {
        let reply = Self { key: None, ..self.clone() }.get("/health", timeout).await;
        let reply = match reply {
            Err(Trouble::BrokeOff | Trouble::TooLarge) => return Err(Trouble::NotUs(self.address)),
            reply => reply?,
        };
        let health = &reply.body;
        if health["error"]["code"] == "shutting_down" {
            return Err(reply.trouble());
        }
        match health["version"].as_str() {
            Some(version) if health["codex"]["state"].is_string() => Ok(truncated(version, 20)),
            _ => Err(Trouble::NotUs(self.address)),
        }
    }

    /// Sends a request with the headers of Open WebUI.
    async fn send(
        &self,
        method: impl FnOnce(&Client, String) -> RequestBuilder,
        path: &str,
        timeout: Duration,
    ) -> Result<Answer, Trouble> {
        let client = Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT_TIMEOUT)
            .user_agent(self.agent)
            .build()
            .map_err(|_| Trouble::Unreachable(self.address))?;
        let mut request = method(&client, format!("http://{}{path}", self.address))
            .timeout(timeout)
            .header(HOST, &self.host)
            .header(CONTENT_TYPE, "application/json");
        if let Some(key) = self.key {
            request = request.bearer_auth(key.reveal());
        }
        let response = request.send().await.map_err(|error| self.trouble(&error, timeout))?;
        Ok(Answer { response, timeout })
    }

    fn trouble(&self, error: &reqwest::Error, timeout: Duration) -> Trouble {
        if error.is_builder() {
            // The paths are constants of ours, so nothing but a key from outside can be bad here.
            Trouble::BadKey
        } else if !error.is_connect() {
            in_answer(error, timeout)
        } else if error.is_timeout() {
            Trouble::TooSlow(CONNECT_TIMEOUT)
        } else if is_refused(error) {
            Trouble::NothingListens(self.address)
        } else {
            Trouble::Unreachable(self.address)
        }
    }
}

impl Answer {
    pub(super) fn status(&self) -> u16 {
        self.response.status().as_u16()
    }

    /// Empty when the answer does not say.
    pub(super) fn content_type(&self) -> &str {
        let value = self.response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        value.unwrap_or_default()
    }

    /// The body as it comes, up to [`MAX_BODY`].
    pub(super) fn pieces(self) -> BoxStream<'static, Result<Bytes, Trouble>> {
        let Self { response, timeout } = self;
        let mut read = 0;
        let limited = move |piece: reqwest::Result<Bytes>| {
            let piece = piece.map_err(|error| in_answer(&error, timeout))?;
            read += piece.len();
            if read > MAX_BODY { Err(Trouble::TooLarge) } else { Ok(piece) }
        };
        response.bytes_stream().map(limited).boxed()
    }

    /// The whole body.
    pub(super) async fn whole(self) -> Result<Reply, Trouble> {
        let status = self.status();
        let body: Vec<Bytes> = self.pieces().try_collect().await?;
        Ok(Reply { status, body: serde_json::from_slice(&body.concat()).unwrap_or_default() })
    }
}

/// The trouble once there is a connection.
fn in_answer(error: &reqwest::Error, timeout: Duration) -> Trouble {
    if error.is_timeout() { Trouble::TooSlow(timeout) } else { Trouble::BrokeOff }
}

fn is_refused(error: &reqwest::Error) -> bool {
    let causes = std::iter::successors(error.source(), |&cause| cause.source());
    let mut io = causes.filter_map(|cause| cause.downcast_ref::<io::Error>());
    io.any(|error| error.kind() == ErrorKind::ConnectionRefused)
}
