//! A client of the WebSocket that checks everything it gets against OpenAI's schema.

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::{Bytes, Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::support::{TIMEOUT, TestProxy, schema};

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

pub(crate) struct Client {
    pub(crate) socket: Socket,
}

async fn connect(
    proxy: &TestProxy,
    path: &str,
    key: Option<&str>,
    origin: Option<&str>,
) -> Result<Socket, Error> {
    let mut request = format!("ws://{}{path}", proxy.address).into_client_request().unwrap();
    if let Some(key) = key {
        let value = HeaderValue::try_from(format!("Bearer {key}")).unwrap();
        request.headers_mut().insert("authorization", value);
    }
    if let Some(origin) = origin {
        request.headers_mut().insert("origin", HeaderValue::try_from(origin).unwrap());
    }
    timeout(TIMEOUT, connect_async(request)).await.unwrap().map(|(socket, _)| socket)
}

/// The status of a handshake.
pub(crate) async fn handshake_at(
    proxy: &TestProxy,
    path: &str,
    key: Option<&str>,
    origin: Option<&str>,
) -> u16 {
    match connect(proxy, path, key, origin).await {
        Ok(_) => 101,
        Err(Error::Http(response)) => response.status().as_u16(),
        Err(error) => panic!("{error}"),
    }
}

pub(crate) async fn handshake(proxy: &TestProxy, key: Option<&str>, origin: Option<&str>) -> u16 {
    handshake_at(proxy, "/v1/responses", key, origin).await
}

/// A `response.create` with this prompt.
pub(crate) fn create(prompt: &str) -> Value {
    json!({"type":"response.create","model":"gpt-5.5","input":prompt})
}

pub(crate) fn text_of(response: &Value) -> String {
    let items = response["output"].as_array().unwrap().iter();
    items.filter_map(|item| item["content"][0]["text"].as_str()).collect()
}

fn is_end(event: &Value) -> bool {
    matches!(
        event["type"].as_str(),
        Some("response.completed" | "response.incomplete" | "response.failed" | "error")
    )
}

impl Client {
    pub(crate) async fn connect(proxy: &TestProxy, key: &str) -> Self {
        Self { socket: connect(proxy, "/v1/responses", Some(key), None).await.unwrap() }
    }

    pub(crate) async fn send(&mut self, event: &Value) {
        self.send_text(&event.to_string()).await;
    }

    pub(crate) async fn send_text(&mut self, text: &str) {
        self.socket.send(Message::text(text)).await.unwrap();
    }

    pub(crate) async fn send_binary(&mut self, bytes: &'static [u8]) {
        self.socket.send(Message::Binary(Bytes::from_static(bytes))).await.unwrap();
    }

    /// The next message; `None` once the connection is gone.
    pub(crate) async fn message(&mut self) -> Option<Message> {
        timeout(TIMEOUT, self.socket.next()).await.expect("nothing arrives")?.ok()
    }

    /// The next event.
    pub(crate) async fn next(&mut self) -> Value {
        loop {
            match self.message().await.expect("the connection is gone") {
                Message::Text(text) => {
                    let event = serde_json::from_str(&text).unwrap();
                    schema::conforms("ResponsesServerEvent", &event);
                    return event;
                }
                Message::Ping(_) => {}
                other => panic!("{other:?}"),
            }
        }
    }

    /// The events up to the end of a response.
    pub(crate) async fn until_end(&mut self) -> Vec<Value> {
        let mut events = vec![self.next().await];
        while !events.last().is_some_and(is_end) {
            events.push(self.next().await);
        }
        events
    }

    /// The events of a response.
    pub(crate) async fn response(&mut self, event: &Value) -> Vec<Value> {
        self.send(event).await;
        self.until_end().await
    }

    /// A response that must complete.
    pub(crate) async fn completed(&mut self, event: &Value) -> Value {
        let events = self.response(event).await;
        let last = events.last().unwrap();
        assert_eq!(last["type"], "response.completed", "{last}");
        last["response"].clone()
    }

    /// An event that must be answered by an error alone.
    pub(crate) async fn error(&mut self, event: &Value) -> Value {
        let events = self.response(event).await;
        assert_eq!((events.len(), &events[0]["type"]), (1, &json!("error")), "{events:?}");
        events[0].clone()
    }

    pub(crate) async fn close(mut self) {
        self.socket.close(None).await.unwrap();
    }

    /// The code with which the server closes the connection, after these events.
    pub(crate) async fn closed(&mut self) -> (Vec<Value>, Option<u16>) {
        let mut events = Vec::new();
        loop {
            match self.message().await {
                Some(Message::Text(text)) => {
                    let event = serde_json::from_str(&text).unwrap();
                    schema::conforms("ResponsesServerEvent", &event);
                    events.push(event);
                }
                Some(Message::Close(frame)) => return (events, frame.map(|frame| frame.code.into())),
                Some(_) => {}
                None => return (events, None),
            }
        }
    }
}
