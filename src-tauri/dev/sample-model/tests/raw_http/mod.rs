//! A raw HTTP client, which shows what is on the wire and when.

use std::time::Duration;

use sample_model::SampleModel;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

/// Longer than anything here takes.
const LONG: Duration = Duration::from_secs(20);

/// A sample model on a free port.
pub(crate) async fn model() -> SampleModel {
    SampleModel::start(TcpListener::bind("127.0.0.1:0").await.unwrap())
}

/// A request body with one user message.
pub(crate) fn prompt(text: &str) -> String {
    let content = json!([{"type": "input_text", "text": text}]);
    json!({"model": "m", "stream": true, "instructions": "Be a model.", "input": [{"type": "message", "role": "user", "content": content}]})
        .to_string()
}

/// A request, and the bytes received so far.
pub(crate) struct Exchange {
    stream: TcpStream,
    received: Vec<u8>,
}

impl Exchange {
    pub(crate) async fn open(model: &SampleModel, method: &str, path: &str, body: &str) -> Self {
        let mut stream = TcpStream::connect(model.address()).await.unwrap();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: sample\r\nconnection: close\r\ncontent-type: application/json\r\n\
             content-length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        Self { stream, received: Vec::new() }
    }

    pub(crate) fn received(&self) -> String {
        String::from_utf8_lossy(&self.received).into_owned()
    }

    pub(crate) async fn read_until(&mut self, text: &str) {
        while !self.received().contains(text) {
            assert!(self.read_some().await > 0, "ended before {text:?}: {}", self.received());
        }
    }

    pub(crate) async fn read_to_end(mut self) -> Answer {
        while self.read_some().await > 0 {}
        Answer::parse(&self.received)
    }

    /// Reads some bytes; returns 0 at the end, or after an error.
    async fn read_some(&mut self) -> usize {
        timeout(LONG, self.stream.read_buf(&mut self.received)).await.unwrap().unwrap_or(0)
    }
}

/// A complete HTTP response.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) is_complete: bool,
    headers: Vec<(String, String)>,
    body: String,
}

impl Answer {
    fn parse(bytes: &[u8]) -> Self {
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
        let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
        let mut lines = head.lines();
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let headers: Vec<(String, String)> = lines
            .map(|line| line.split_once(": ").unwrap())
            .map(|(k, v)| (k.to_owned(), v.to_owned()))
            .collect();
        let is_chunked = headers.iter().any(|(key, _)| key == "transfer-encoding");
        let (body, is_complete) =
            if is_chunked { unchunk(&bytes[end + 4..]) } else { (bytes[end + 4..].to_vec(), true) };
        Self { status, is_complete, headers, body: String::from_utf8(body).unwrap() }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    pub(crate) fn events(&self) -> Vec<Value> {
        self.body
            .lines()
            .filter_map(|line| line.strip_prefix("data: "))
            .map(|data| serde_json::from_str(data).unwrap())
            .collect()
    }

    /// The concatenated deltas.
    pub(crate) fn text(&self) -> String {
        let events = self.events();
        let deltas = events.iter().filter(|event| event["type"] == "response.output_text.delta");
        deltas.map(|event| event["delta"].as_str().unwrap()).collect()
    }
}

/// Joins the chunks, and returns whether the last one has arrived.
fn unchunk(mut bytes: &[u8]) -> (Vec<u8>, bool) {
    let mut body = Vec::new();
    while let Some(end) = bytes.windows(2).position(|two| two == b"\r\n") {
        let size = usize::from_str_radix(std::str::from_utf8(&bytes[..end]).unwrap(), 16).unwrap();
        let rest = &bytes[end + 2..];
        if size == 0 {
            return (body, true);
        }
        if rest.len() < size + 2 {
            return (body, false);
        }
        body.extend_from_slice(&rest[..size]);
        bytes = &rest[size + 2..];
    }
    (body, false)
}
