//! Runs a turn: server requests, the deltas of a single message, the end, and every scripted failure in between.

use std::sync::Arc;

use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::connection::unix_ms;
use crate::server_requests;
use crate::session::{CRASH_STATUS, Session};
use crate::shapes;

#[derive(Debug)]
pub(crate) struct Turn {
    pub(crate) session: Arc<Session>,
    pub(crate) thread: String,
    pub(crate) id: String,
    pub(crate) interrupted: CancellationToken,
}

/// The turn was interrupted.
struct Interrupted;

impl Turn {
    pub(crate) async fn run(self) {
        let started = unix_ms();
        self.status(&json!({"type": "active", "activeFlags": []}));
        let turn = shapes::turn(&self.id, "inProgress", &Value::Null, Some(started), None);
        self.notify("turn/started", json!({"turn": turn}));
        let (status, error) = match self.answer().await {
            Ok(None) => ("completed", Value::Null),
            Ok(Some(error)) => ("failed", error),
            Err(Interrupted) => ("interrupted", Value::Null),
        };
        // Before the notification, so that the client can start the next turn as soon as it gets it.
        self.session.turn_ended(&self.thread, &self.id);
        self.status(&json!({"type": "idle"}));
        let turn = shapes::turn(&self.id, status, &error, Some(started), Some(unix_ms()));
        self.notify("turn/completed", json!({"turn": turn}));
    }

    /// Everything between start and end. Returns the turn's error, if it fails.
    async fn answer(&self) -> Result<Option<Value>, Interrupted> {
        let script = &self.session.script;
        for n in 1..=script.retrying {
            self.retrying(&format!("Reconnecting... {n}/{}", script.retrying));
        }
        while let Some(every) = script.retry_every {
            self.retrying("Reconnecting... waiting for network");
            if tokio::time::timeout(every, self.interrupted.cancelled()).await.is_ok() {
                return Err(Interrupted);
            }
        }
        if let Some(code) = &script.error {
            let error = shapes::turn_error(shapes::FAILURE, code);
            self.notify("error", json!({"error": error, "willRetry": false, "turnId": self.id}));
            return Ok(Some(error));
        }
        let mut deltas = Vec::new();
        for method in &script.ask {
            deltas.push(self.ask(method).await?);
        }
        deltas.extend(script.deltas());
        self.message(&deltas).await?;
        self.usage();
        Ok(None)
    }

    fn retrying(&self, message: &str) {
        let code = json!({"responseStreamDisconnected": {"httpStatusCode": null}});
        let error = shapes::turn_error(message, &code);
        self.notify("error", json!({"error": error, "willRetry": true, "turnId": self.id}));
    }

    async fn message(&self, deltas: &[String]) -> Result<(), Interrupted> {
        let script = &self.session.script;
        let item = format!("msg_fake_{}", self.id);
        let now = unix_ms();
        let started = shapes::agent_message(&item, "");
        self.notify("item/started", json!({"item": started, "turnId": self.id, "startedAtMs": now}));
        for sent in 0..=deltas.len() {
            if sent > 0 {
                let delta = &deltas[sent - 1];
                self.notify(
                    "item/agentMessage/delta",
                    json!({"turnId": self.id, "itemId": item, "delta": delta}),
                );
            }
            if script.nonsense {
                self.session.connection.nonsense();
            }
            if script.crash_after_delta == Some(sent) && script.should_crash() {
                std::process::exit(CRASH_STATUS);
            }
            if script.hang_after_delta == Some(sent) {
                self.interrupted.cancelled().await;
            }
            if self.interrupted.is_cancelled() {
                return Err(Interrupted);
            }
        }
        let whole = shapes::agent_message(&item, &deltas.concat());
        self.notify("item/completed", json!({"item": whole, "turnId": self.id, "completedAtMs": unix_ms()}));
        Ok(())
    }

    /// Sends a request to the client and returns the response as JSON text.
    async fn ask(&self, method: &str) -> Result<String, Interrupted> {
        if let Some(item) = server_requests::item(method) {
            self.notify("item/started", json!({"item": item, "turnId": self.id, "startedAtMs": unix_ms()}));
        }
        let params = server_requests::params(method, &self.thread, &self.id, unix_ms());
        let (id, answer) = self.session.connection.request(method, &params);
        let answer = tokio::select! {
            answer = answer => answer.unwrap_or_default(),
            () = self.interrupted.cancelled() => return Err(Interrupted),
        };
        self.notify("serverRequest/resolved", json!({"requestId": id}));
        if let Some(mut item) = server_requests::item(method) {
            item["status"] = "declined".into();
            self.notify(
                "item/completed",
                json!({"item": item, "turnId": self.id, "completedAtMs": unix_ms()}),
            );
        }
        Ok(answer.to_string())
    }

    fn usage(&self) {
        let usage = shapes::usage();
        let completed =
            json!({"turnId": self.id, "responseId": format!("resp_fake_{}", self.id), "usage": usage});
        self.notify("rawResponse/completed", completed);
        let tokens = json!({"total": usage, "last": usage, "modelContextWindow": 258_400});
        self.notify("thread/tokenUsage/updated", json!({"turnId": self.id, "tokenUsage": tokens}));
    }

    fn status(&self, status: &Value) {
        self.notify("thread/status/changed", json!({"status": status}));
    }

    fn notify(&self, method: &str, mut params: Value) {
        params["threadId"] = json!(self.thread);
        self.session.connection.notify(method, &params);
    }
}
