//! The app-server: answers the client's requests, or does what the script says instead.

use std::sync::Arc;

use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::connection::unix_ms;
use crate::session::{CRASH_STATUS, Session};
use crate::turn::Turn;
use crate::{methods, shapes};

impl Session {
    /// Handles a line. Anything but a message is ignored, as by the real codex.
    pub(crate) fn receive(self: &Arc<Self>, line: &str) {
        let Ok(message) = serde_json::from_str::<Value>(line) else { return };
        let Some(method) = message["method"].as_str() else {
            return self.connection.handle_response(message);
        };
        self.script.note(method);
        if self.script.crash_on.iter().any(|crash| crash == method) && self.script.should_crash() {
            std::process::exit(CRASH_STATUS);
        }
        if self.script.close_stdout_on.iter().any(|close| close == method) {
            self.connection.close_stdout();
        }
        if message["id"].is_null() || self.script.hang_on.iter().any(|hang| hang == method) {
            return;
        }
        let method = method.to_owned();
        match self.script.delay(&method) {
            None => self.answer(&message["id"], &method, &message["params"]),
            Some(by) => {
                let session = Arc::clone(self);
                tokio::spawn(async move {
                    tokio::time::sleep(by).await;
                    session.answer(&message["id"], &method, &message["params"]);
                });
            }
        }
    }

    fn answer(self: &Arc<Self>, id: &Value, method: &str, params: &Value) {
        let known = methods::known_to(self.script.minor());
        let is_unknown = self.script.unknown.iter().any(|unknown| unknown == method);
        if is_unknown || !known.contains(&method) || !methods::ANSWERED.contains(&method) {
            return self.connection.error(id, &unknown_variant(method, &known));
        }
        if self.state().client.is_none() && method != "initialize" {
            return self.connection.error(id, "Not initialized");
        }
        let result = match method {
            "initialize" => self.initialize(params),
            "model/list" => Ok(shapes::models()),
            "account/read" => Ok(shapes::account(self.script.not_signed_in)),
            "account/rateLimits/read" => {
                Err("codex account authentication required to read rate limits".to_owned())
            }
            "config/read" => Ok(shapes::config()),
            "experimentalFeature/list" => Ok(shapes::features()),
            "server/diagnostics" => Ok(shapes::diagnostics(self.script.resident)),
            "thread/start" => self.start_thread(params),
            "thread/inject_items" => self.thread(params).map(|_| json!({})),
            "thread/loaded/list" => Ok(json!({"data": self.state().threads, "nextCursor": null})),
            "thread/unsubscribe" => self.unsubscribe(params),
            "turn/start" => return self.start_turn(id, params),
            _ => return self.interrupt(id, params),
        };
        match &result {
            Ok(result) => self.connection.result(id, result),
            Err(message) => self.connection.error(id, message),
        }
        match (method, result) {
            ("initialize", _) if self.script.nonsense => self.connection.nonsense(),
            ("thread/start", Ok(started)) => {
                self.connection.notify("thread/started", &json!({"thread": started["thread"]}));
            }
            _ => {}
        }
    }

    fn initialize(&self, params: &Value) -> Result<Value, String> {
        let name =
            params["clientInfo"]["name"].as_str().ok_or("Invalid request: missing field `clientInfo`")?;
        let before = self.state().client.replace(name.to_owned());
        if before.is_some() {
            return Err("Already initialized".to_owned());
        }
        Ok(shapes::initialize(name, &self.script.version()))
    }

    fn start_thread(&self, params: &Value) -> Result<Value, String> {
        let allowed = if self.script.minor() < 80 {
            ["readOnly", "workspaceWrite", "dangerFullAccess"]
        } else {
            ["read-only", "workspace-write", "danger-full-access"]
        };
        if let Some(sandbox) = params["sandbox"].as_str()
            && !allowed.contains(&sandbox)
        {
            return Err(unknown_variant(sandbox, &allowed));
        }
        let policies: &[&str] = if self.script.minor() < 120 {
            &["untrusted", "on-failure", "on-request", "never"]
        } else {
            &["untrusted", "on-request", "granular", "never"]
        };
        if let Some(policy) = params["approvalPolicy"].as_str()
            && !policies.contains(&policy)
        {
            return Err(unknown_variant(policy, policies));
        }
        if let Some(message) = self.script.refuse_threads.as_ref().filter(|_| params["cwd"].is_string()) {
            return Err(message.clone());
        }
        let id = self.new_id();
        self.state().threads.push(id.clone());
        Ok(shapes::thread(&id, params, &self.script.version(), unix_ms() / 1000))
    }

    fn thread(&self, params: &Value) -> Result<String, String> {
        let id = params["threadId"].as_str().ok_or("Invalid request: missing field `threadId`")?;
        let is_loaded = self.state().threads.iter().any(|thread| thread == id);
        if is_loaded { Ok(id.to_owned()) } else { Err(format!("thread not found: {id}")) }
    }

    /// Unloads the thread immediately, like codex with `thread_unload_delay_secs` 0.
    fn unsubscribe(&self, params: &Value) -> Result<Value, String> {
        let Ok(thread) = self.thread(params) else { return Ok(json!({"status": "notLoaded"})) };
        self.state().threads.retain(|loaded| *loaded != thread);
        Ok(json!({"status": "unsubscribed"}))
    }

    fn start_turn(self: &Arc<Self>, id: &Value, params: &Value) {
        let thread = match self.thread(params) {
            Ok(thread) => thread,
            Err(message) => return self.connection.error(id, &message),
        };
        let turn = self.new_id();
        let interrupted = CancellationToken::new();
        self.state().turns.insert(thread.clone(), (turn.clone(), interrupted.clone()));
        let started = shapes::turn(&turn, "inProgress", &Value::Null, None, None);
        self.connection.result(id, &json!({"turn": started}));
        tokio::spawn(Turn { session: Arc::clone(self), thread, id: turn, interrupted }.run());
    }

    fn interrupt(&self, id: &Value, params: &Value) {
        let thread = match self.thread(params) {
            Ok(thread) => thread,
            Err(message) => return self.connection.error(id, &message),
        };
        let running = self.state().turns.get(&thread).cloned();
        match running.filter(|(turn, _)| params["turnId"] == turn.as_str()) {
            Some((_, interrupted)) => {
                self.connection.result(id, &json!({}));
                interrupted.cancel();
            }
            None => self.connection.error(id, "no active turn to interrupt"),
        }
    }
}

fn unknown_variant(name: &str, known: &[&str]) -> String {
    let known: Vec<String> = known.iter().map(|known| format!("`{known}`")).collect();
    // As serde words it.
    let expected = if known.len() == 1 { "expected" } else { "expected one of" };
    format!("Invalid request: unknown variant `{name}`, {expected} {}", known.join(", "))
}
