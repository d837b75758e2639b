//! A small HTTP/1.1 client for our own server: one connection a request, every wait and every size limited.
//!
//! Deliberately not here: TLS, redirects, proxies, compression and kept-alive connections. The server at the other end is
//! ours and on this machine, and a client that went by `HTTP_PROXY` would hand a key of this machine to another.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HOST, HeaderValue, USER_AGENT};
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_util::task::AbortOnDropHandle;

use super::trouble::Trouble;
use proxy::keys::Key;

/// How long a connection may take. The other end is this machine, so it is there at once or not at all.
const CONNECT: Duration = Duration::from_secs(2);

/// The largest body that is read, a stream's included: a hundred times what a long answer has. A larger one is given up.
const BODY: usize = 16 * 1024 * 1024;

/// The largest head of an answer. A larger one is given up.
const HEAD: usize = 64 * 1024;

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

/// An answer that was read whole.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) body: Bytes,
}

/// An answer whose body is still coming. Dropping it closes the connection.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    /// Empty when the answer does not say.
    pub(super) content_type: String,
    body: Incoming,
    /// How much of the body was read.
    read: usize,
    limit: Limit,
    _connection: AbortOnDropHandle<()>,
}

/// Until when an answer must be there, and what to say if it is not.
#[derive(Clone, Copy, Debug)]
struct Limit {
    at: Instant,
    whole: Duration,
}

impl Limit {
    async fn hold<T>(self, what: impl Future<Output = T>) -> Result<T, Trouble> {
        timeout_at(self.at, what).await.map_err(|_| Trouble::TooSlow(self.whole))
    }
}

impl<'a> Caller<'a> {
    /// A caller that names the server by its address.
    pub(super) fn new(target: &'a Target, agent: &'static str) -> Self {
        Self { address: target.address, key: target.key.as_ref(), host: target.address.to_string(), agent }
    }

    /// Gets a whole answer within `limit`.
    pub(super) async fn get(&self, path: &str, limit: Duration) -> Result<Reply, Trouble> {
        self.send(Method::GET, path, Bytes::new(), limit).await?.whole().await
    }

    /// Posts `body` and gets the answer as it comes, all of it within `limit`.
    pub(super) async fn post(&self, path: &str, body: &Value, limit: Duration) -> Result<Answer, Trouble> {
        self.send(Method::POST, path, body.to_string().into(), limit).await
    }

    /// Makes sure that it is our server which listens there, and gives its version.
    ///
    /// A key must not be sent to whoever else happens to have the port, and this asks without one.
    pub(super) async fn greet(&self, limit: Duration) -> Result<String, Trouble> {
        let reply = Self { key: None, ..self.clone() }.get("/health", limit).await;
        let reply = match reply {
            Err(Trouble::BrokeOff | Trouble::TooLarge | Trouble::Unexpected(_)) => {
                return Err(Trouble::NotUs(self.address));
            }
            reply => reply?,
        };
        let health: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
        if health["error"]["code"] == "shutting_down" {
            return Err(Trouble::of_answer(reply.status, &reply.body));
        }
        match health["version"].as_str() {
            Some(version) if health["codex"]["state"].is_string() => Ok(version.chars().take(20).collect()),
            _ => Err(Trouble::NotUs(self.address)),
        }
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        body: Bytes,
        limit: Duration,
    ) -> Result<Answer, Trouble> {
        let limit = Limit { at: Instant::now() + limit, whole: limit };
        let request = self.request(method, path, body)?;
        let stream = match timeout(CONNECT, TcpStream::connect(self.address)).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) if error.kind() == ErrorKind::ConnectionRefused => {
                return Err(Trouble::NothingListens(self.address));
            }
            Ok(Err(_)) => return Err(Trouble::Unreachable(self.address)),
            Err(_) => return Err(Trouble::TooSlow(CONNECT)),
        };
        let handshake = http1::Builder::new().max_buf_size(HEAD).handshake(TokioIo::new(stream));
        let (mut sender, connection) = limit.hold(handshake).await?.map_err(|_| Trouble::BrokeOff)?;
        let connection = AbortOnDropHandle::new(tokio::spawn(async move {
            // What goes wrong with the connection is told by the answer's future, too.
            let _ = connection.await;
        }));
        let response = limit.hold(sender.send_request(request)).await?.map_err(|error| {
            if error.is_parse() {
                Trouble::Unexpected("it is no HTTP answer".to_owned())
            } else {
                Trouble::BrokeOff
            }
        })?;
        let content_type = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        Ok(Answer {
            status: response.status().as_u16(),
            content_type: content_type.unwrap_or_default().to_owned(),
            body: response.into_body(),
            read: 0,
            limit,
            _connection: connection,
        })
    }

    /// The request with the headers of Open WebUI. Accept-Encoding is left out: a packed answer could not be read here.
    fn request(&self, method: Method, path: &str, body: Bytes) -> Result<Request<Full<Bytes>>, Trouble> {
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = method;
        // The paths are constants of ours, so nothing but a key from outside can be bad here.
        *request.uri_mut() = path.parse().map_err(|_| Trouble::BadKey)?;
        let headers = request.headers_mut();
        headers.insert(HOST, HeaderValue::try_from(&self.host).map_err(|_| Trouble::BadKey)?);
        headers.insert(ACCEPT, HeaderValue::from_static("*/*"));
        headers.insert(USER_AGENT, HeaderValue::from_static(self.agent));
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some(key) = self.key {
            let bearer = format!("Bearer {}", key.reveal());
            let mut bearer = HeaderValue::try_from(bearer).map_err(|_| Trouble::BadKey)?;
            bearer.set_sensitive(true);
            headers.insert(AUTHORIZATION, bearer);
        }
        Ok(request)
    }
}

impl Answer {
    /// The next piece of the body; `None` at its end.
    pub(super) async fn piece(&mut self) -> Result<Option<Bytes>, Trouble> {
        loop {
            match self.limit.hold(self.body.frame()).await? {
                None => return Ok(None),
                Some(Err(_)) => return Err(Trouble::BrokeOff),
                Some(Ok(frame)) => {
                    let Ok(bytes) = frame.into_data() else { continue };
                    self.read += bytes.len();
                    return if self.read > BODY { Err(Trouble::TooLarge) } else { Ok(Some(bytes)) };
                }
            }
        }
    }

    /// The whole body.
    pub(super) async fn whole(mut self) -> Result<Reply, Trouble> {
        let mut body = Vec::new();
        while let Some(bytes) = self.piece().await? {
            body.extend_from_slice(&bytes);
        }
        Ok(Reply { status: self.status, body: body.into() })
    }
}
