//! The WebSocket server: successive responses on one connection, with each event as a JSON text frame.
//!
//! Codex sends only new items and refers to the others by `previous_response_id`, so a connection remembers its last response.
//! Concurrent responses and frame compression are not supported.

use std::pin::pin;
use std::sync::Arc;

use axum::extract::State;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use futures_util::StreamExt;
use serde_json::{Value, json};

use crate::api_error::ApiError;
use crate::conversation;
use crate::limits;
use crate::player::{Frame, Player};
use crate::recorded::{Origin, Transport};
use crate::state::{Received, Shared};

/// The connection has ended: closed by the client, cut by a script, or because the sample model stopped.
#[derive(Debug)]
struct Closed;

/// The last response, with all its conversation's items.
#[derive(Debug, Default)]
struct LastResponse {
    response_id: String,
    items: Arc<Vec<Value>>,
}

pub(crate) async fn upgrade(
    State(shared): State<Shared>,
    uri: Uri,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Response {
    let origin = Origin::new("GET", uri.to_string(), &headers, Transport::WebSocket);
    upgrade.on_upgrade(move |socket| async move {
        // The accept loop does not own upgraded connections, so they wait for the stop themselves.
        let stop = shared.stop.clone();
        stop.run_until_cancelled(Connection { socket, shared, origin, last: LastResponse::default() }.run())
            .await;
    })
}

struct Connection {
    socket: WebSocket,
    shared: Shared,
    origin: Origin,
    last: LastResponse,
}

impl Connection {
    async fn run(mut self) {
        while let Some(Ok(message)) = self.socket.recv().await {
            let handled = match message {
                Message::Text(text) => self.message(text.as_str()).await,
                Message::Close(_) => Err(Closed),
                // axum answers pings.
                Message::Binary(_) | Message::Ping(_) | Message::Pong(_) => Ok(()),
            };
            if handled.is_err() {
                return;
            }
        }
    }

    async fn message(&mut self, text: &str) -> Result<(), Closed> {
        let body: Value = match serde_json::from_str(text) {
            Ok(body) => body,
            Err(error) => {
                return self.send_error(&ApiError::invalid_request(format!("not JSON: {error}")), None).await;
            }
        };
        match body["type"].as_str() {
            Some("response.create") => self.create(Arc::new(body)).await,
            // Acknowledges a finished response.
            Some("response.processed") => Ok(()),
            _ => self.send_error(&ApiError::invalid_request("unknown message type".to_owned()), None).await,
        }
    }

    async fn create(&mut self, body: Arc<Value>) -> Result<(), Closed> {
        let earlier = match body["previous_response_id"].as_str() {
            None => Arc::default(),
            Some(id) if id == self.last.response_id => Arc::clone(&self.last.items),
            Some(_) => {
                let message = "the previous response is from another connection".to_owned();
                let code = Some("previous_response_not_found".to_owned());
                return self.send_error(&ApiError { code, ..ApiError::invalid_request(message) }, None).await;
            }
        };
        if body["generate"] == false {
            return self.warm_up(body, earlier).await;
        }
        let received = self.shared.state.receive(self.origin.clone(), &body, &earlier);
        if let Some(event) = limits::event(received.primary.as_ref(), received.secondary.as_ref()) {
            self.send(event.to_string()).await?;
        }
        match received.outcome {
            Ok(answer) => {
                let (id, output) = (answer.ids.response.clone(), answer.layout.output.clone());
                self.play(Player::new(Arc::clone(&self.shared.state), answer)).await?;
                self.remember(id, &body, &earlier, output);
                Ok(())
            }
            Err(ref error) => self.send_error(error, Some(&received)).await,
        }
    }

    /// Answers a request that only prepares the connection with an empty response.
    async fn warm_up(&mut self, body: Arc<Value>, earlier: Arc<Vec<Value>>) -> Result<(), Closed> {
        self.shared.state.records.push(self.origin.clone().record(
            None,
            Arc::clone(&body),
            Arc::clone(&earlier),
        ));
        let id = "resp_sample_warm_up";
        let usage = json!({"input_tokens": 0, "output_tokens": 0, "total_tokens": 0,
            "input_tokens_details": {"cached_tokens": 0}, "output_tokens_details": {"reasoning_tokens": 0}});
        let response = |status: &str, usage: &Value| {
            json!({"id": id, "object": "response", "status": status,
            "model": body["model"], "output": [], "usage": usage})
        };
        for (number, (kind, response)) in [
            ("response.created", response("in_progress", &Value::Null)),
            ("response.completed", response("completed", &usage)),
        ]
        .into_iter()
        .enumerate()
        {
            self.send(json!({"type": kind, "sequence_number": number, "response": response}).to_string())
                .await?;
        }
        self.remember(id.to_owned(), &body, &earlier, Vec::new());
        Ok(())
    }

    fn remember(&mut self, response_id: String, body: &Value, earlier: &[Value], output: Vec<Value>) {
        let items = earlier.iter().chain(conversation::input_items(body)).cloned().chain(output).collect();
        self.last = LastResponse { response_id, items: Arc::new(items) };
    }

    /// Plays an answer while receiving, so that a close ends it even during a silence.
    async fn play(&mut self, player: Player) -> Result<(), Closed> {
        let mut events = pin!(player.play());
        loop {
            tokio::select! {
                frame = events.next() => match frame {
                    Some(Frame::Event { json, .. }) => self.send(json).await?,
                    Some(Frame::Cut) => return Err(Closed),
                    None => return Ok(()),
                },
                message = self.socket.recv() => match message {
                    None | Some(Err(_) | Ok(Message::Close(_))) => return Err(Closed),
                    // Codex never requests a second response before the first has ended.
                    Some(Ok(_)) => {}
                },
            }
        }
    }

    async fn send_error(&mut self, error: &ApiError, received: Option<&Received>) -> Result<(), Closed> {
        let (primary, secondary) =
            received.map_or((None, None), |it| (it.primary.as_ref(), it.secondary.as_ref()));
        let mut body = error.to_json();
        if let (Some(body), Value::Object(details)) = (body.as_object_mut(), limits::error_details(primary)) {
            body.extend(details);
        }
        let mut headers = limits::headers_json(primary, secondary);
        if let Some(seconds) = error.retry_after {
            headers["retry-after"] = json!(seconds.to_string());
        }
        let event = json!({"type": "error", "status": error.status, "error": body, "headers": headers});
        self.send(event.to_string()).await
    }

    async fn send(&mut self, json: String) -> Result<(), Closed> {
        self.socket.send(Message::Text(json.into())).await.map_err(|_| Closed)
    }
}
