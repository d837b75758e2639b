//! The WebSocket side: several responses in a row on one connection, each a JSON text frame an event.
//!
//! Codex sends only what is new and refers to the rest by `previous_response_id`, so a connection remembers its last
//! conversation. Deliberately not here: two responses at once on one connection, and compression of frames.

use std::pin::pin;
use std::sync::Arc;

use axum::extract::State;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use futures_util::StreamExt;
use serde_json::{Value, json};

use crate::api_error::Refusal;
use crate::conversation;
use crate::limits;
use crate::player::{Played, Player};
use crate::recorded::{Origin, Transport};
use crate::state::{Received, Shared};

/// The connection is over: the client went, a script cut it, or the sample model ends.
#[derive(Debug)]
struct Over;

/// What the connection remembers of its last response.
#[derive(Debug, Default)]
struct Remembered {
    response_id: String,
    items: Arc<Vec<Value>>,
}

/// Upgrades a `GET /v1/responses`.
pub(crate) async fn upgrade(
    State(shared): State<Shared>,
    uri: Uri,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Response {
    let origin = Origin::new("GET", uri.to_string(), &headers, Transport::WebSocket);
    upgrade.on_upgrade(move |socket| async move {
        // Upgraded connections are no part of the accept loop's set, so they watch for the end themselves.
        let stop = shared.stop.clone();
        stop.run_until_cancelled(Connection { socket, shared, origin, last: Remembered::default() }.run())
            .await;
    })
}

struct Connection {
    socket: WebSocket,
    shared: Shared,
    origin: Origin,
    last: Remembered,
}

impl Connection {
    async fn run(mut self) {
        while let Some(Ok(message)) = self.socket.recv().await {
            let handled = match message {
                Message::Text(text) => self.message(text.as_str()).await,
                Message::Close(_) => Err(Over),
                // Pings are answered by the library.
                Message::Binary(_) | Message::Ping(_) | Message::Pong(_) => Ok(()),
            };
            if handled.is_err() {
                return;
            }
        }
    }

    async fn message(&mut self, text: &str) -> Result<(), Over> {
        let body: Value = match serde_json::from_str(text) {
            Ok(body) => body,
            Err(error) => {
                return self.refuse(&Refusal::invalid_request(format!("not JSON: {error}")), None).await;
            }
        };
        match body["type"].as_str() {
            Some("response.create") => self.create(Arc::new(body)).await,
            // A receipt for a response that ended.
            Some("response.processed") => Ok(()),
            _ => self.refuse(&Refusal::invalid_request("unknown message type".to_owned()), None).await,
        }
    }

    async fn create(&mut self, body: Arc<Value>) -> Result<(), Over> {
        let earlier = match body["previous_response_id"].as_str() {
            None => Arc::default(),
            Some(id) if id == self.last.response_id => Arc::clone(&self.last.items),
            Some(_) => {
                let message = "the previous response is not of this connection".to_owned();
                let code = Some("previous_response_not_found".to_owned());
                return self.refuse(&Refusal { code, ..Refusal::invalid_request(message) }, None).await;
            }
        };
        if body["generate"] == false {
            return self.warm_up(body, earlier).await;
        }
        let received = self.shared.stage.receive(self.origin.clone(), &body, &earlier);
        if let Some(event) = limits::event(received.primary.as_ref(), received.secondary.as_ref()) {
            self.send(event.to_string()).await?;
        }
        match received.outcome {
            Ok(performance) => {
                let (id, output) = (performance.names.response.clone(), performance.layout.output.clone());
                self.play(Player::new(Arc::clone(&self.shared.stage), performance)).await?;
                self.remember(id, &body, &earlier, output);
                Ok(())
            }
            Err(ref refusal) => self.refuse(refusal, Some(&received)).await,
        }
    }

    /// A request that only prepares the connection: it is answered at once, with nothing.
    async fn warm_up(&mut self, body: Arc<Value>, earlier: Arc<Vec<Value>>) -> Result<(), Over> {
        self.shared.stage.records.push(self.origin.clone().record(
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
        self.last = Remembered { response_id, items: Arc::new(items) };
    }

    /// Plays an answer, and listens at the same time: a close ends it even while the model is silent.
    async fn play(&mut self, player: Player) -> Result<(), Over> {
        let mut events = pin!(player.play());
        loop {
            tokio::select! {
                played = events.next() => match played {
                    Some(Played::Event { json, .. }) => self.send(json).await?,
                    Some(Played::Cut) => return Err(Over),
                    None => return Ok(()),
                },
                message = self.socket.recv() => match message {
                    None | Some(Err(_) | Ok(Message::Close(_))) => return Err(Over),
                    // Codex never asks for a second response before the first ended.
                    Some(Ok(_)) => {}
                },
            }
        }
    }

    async fn refuse(&mut self, refusal: &Refusal, received: Option<&Received>) -> Result<(), Over> {
        let (primary, secondary) =
            received.map_or((None, None), |it| (it.primary.as_ref(), it.secondary.as_ref()));
        let mut error = refusal.error();
        if let (Some(error), Value::Object(details)) = (error.as_object_mut(), limits::error_details(primary))
        {
            error.extend(details);
        }
        let mut headers = limits::headers_json(primary, secondary);
        if let Some(seconds) = refusal.retry_after {
            headers["retry-after"] = json!(seconds.to_string());
        }
        let event = json!({"type": "error", "status": refusal.status, "error": error, "headers": headers});
        self.send(event.to_string()).await
    }

    async fn send(&mut self, json: String) -> Result<(), Over> {
        self.socket.send(Message::Text(json.into())).await.map_err(|_| Over)
    }
}
