//! Clients that talk over a WebSocket: several responses on a connection, events that are none, and connections that break.

use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use super::client::{Client, KEY, REQUEST_ID};
use super::request::Script;
use crate::round_spec::MODEL;

/// Longer than any event takes.
const EVENT_TIMEOUT: Duration = Duration::from_secs(120);

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// How a response ended.
enum End {
    /// With its id and text.
    Completed(String, String),
    /// With this code.
    Failed(String),
    /// The client has left.
    Left,
}

/// A conversation over one connection.
pub(super) async fn converse(client: &mut Client<'_>, name: &str) {
    if let Err(error) = run(client, name).await {
        client.shared.tally.borrow_mut().fail(format_args!("{name} (WebSocket): {error:#}"));
    }
}

async fn run(client: &mut Client<'_>, name: &str) -> Result<()> {
    let address = client.shared.address.replacen("http", "ws", 1);
    let mut request = format!("{address}/v1/responses").into_client_request()?;
    let headers = request.headers_mut();
    headers.insert("authorization", format!("Bearer {KEY}").parse()?);
    headers.insert(REQUEST_ID, name.parse()?);
    client.shared.tally.borrow_mut().outcomes.insert(name.to_owned(), Some(101));
    let (mut socket, _) = timeout(EVENT_TIMEOUT, connect_async(request)).await?.context("no handshake")?;
    let mut previous = Value::Null;
    let mut sent = 0;
    for _ in 0..client.rng.u8(1..=4) {
        if client.one_in(5) {
            let garbage =
                client.rng.choice(["", "{", "[]", "{\"type\":\"x\"}", "{\"type\":\"response.create\"}"]);
            socket.send(Message::text(garbage.unwrap_or_default())).await?;
            sent += 1;
            client.shared.tally.borrow_mut().outcomes.insert(format!("{name}.{sent}"), None);
            let End::Failed(_) = read(&mut socket, None).await? else { bail!("garbage is no error") };
            client.shared.tally.borrow_mut().refused += 1;
        }
        sent += 1;
        let id = format!("{name}.{sent}");
        let script = Script::random(&id, &mut client.rng);
        let body = json!({ "type": "response.create", "model": MODEL, "input": script.prompt(), "store": client.one_in(2),
            "previous_response_id": previous });
        let (started, leave) = (Instant::now(), client.one_in(6).then(|| client.rng.usize(..20)));
        client.shared.tally.borrow_mut().outcomes.insert(id.clone(), None);
        socket.send(Message::text(body.to_string())).await?;
        let end = read(&mut socket, leave).await?;
        let mut tally = client.shared.tally.borrow_mut();
        match end {
            End::Completed(response, text) if text.trim_end() == script.answer() => {
                tally.add_answer(&id, &response);
                tally.correct += 1;
                previous = response.into();
            }
            End::Failed(code) if client.shared.excused_by_kill(&code, started) => tally.killed += 1,
            End::Completed(_, text) => {
                tally.fail(format_args!("{id}: {text:.200}, expected {}", script.answer()));
            }
            End::Failed(code) => tally.fail(format_args!("{id}: {code}")),
            End::Left => {
                tally.hung_up += 1;
                return Ok(());
            }
        }
    }
    if client.one_in(2) {
        socket.close(None).await?;
    }
    Ok(())
}

/// Reads the events of a response, but at most `leave`.
async fn read(socket: &mut Socket, leave: Option<usize>) -> Result<End> {
    let mut events = 0;
    loop {
        if leave == Some(events) {
            return Ok(End::Left);
        }
        let message = timeout(EVENT_TIMEOUT, socket.next()).await?.context("the connection is gone")??;
        let Message::Text(text) = message else { continue };
        let event: Value = serde_json::from_str(&text)?;
        events += 1;
        let response = &event["response"];
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        match event["type"].as_str().unwrap_or_default() {
            "error" => return Ok(End::Failed(text(&event["error"]["code"]))),
            "response.failed" => return Ok(End::Failed(text(&response["error"]["code"]))),
            "response.completed" => {
                let items = response["output"].as_array().map(Vec::as_slice).unwrap_or_default();
                let answer = items.iter().map(|item| text(&item["content"][0]["text"])).collect();
                return Ok(End::Completed(text(&response["id"]), answer));
            }
            _ => {}
        }
    }
}
