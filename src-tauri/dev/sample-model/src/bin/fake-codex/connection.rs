//! Writes JSON-RPC lines, flushing each, and matches the client's responses to our requests.

use std::collections::HashMap;
use std::io::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use tokio::sync::oneshot;

/// Has one entry per unanswered server request, of which a turn has at most one.
#[derive(Debug, Default)]
pub(crate) struct Connection {
    pending: Mutex<HashMap<u64, oneshot::Sender<Value>>>,
    next_id: AtomicU64,
}

impl Connection {
    pub(crate) fn result(&self, id: &Value, result: &Value) {
        line(&json!({"id": id, "result": result}));
    }

    pub(crate) fn error(&self, id: &Value, message: &str) {
        line(&json!({"error": {"code": -32600, "message": message}, "id": id}));
    }

    pub(crate) fn notify(&self, method: &str, params: &Value) {
        line(&json!({"method": method, "params": params, "emittedAtMs": unix_ms()}));
    }

    /// Sends a server request. The receiver gets the response without its id.
    pub(crate) fn request(&self, method: &str, params: &Value) -> (u64, oneshot::Receiver<Value>) {
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        let (sender, receiver) = oneshot::channel();
        self.pending.lock().unwrap_or_else(PoisonError::into_inner).insert(id, sender);
        line(&json!({"method": method, "id": id, "params": params}));
        (id, receiver)
    }

    /// Handles a response. One with an unknown id is ignored, as by the real codex.
    pub(crate) fn handle_response(&self, mut answer: Value) {
        let Some(id) = answer["id"].as_u64() else { return };
        let sender = self.pending.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
        if let (Some(sender), Some(fields)) = (sender, answer.as_object_mut()) {
            fields.remove("id");
            // Fails if the turn has been interrupted.
            let _ = sender.send(answer);
        }
    }

    /// Writes invalid and unknown lines.
    pub(crate) fn nonsense(&self) {
        let lines: [&[u8]; 6] = [
            b"this is not JSON",
            b"",
            br#"{"neither":"id","nor":"method"}"#,
            br#"{"id":987654321,"result":{"of":"nothing asked"}}"#,
            br#"{"method":"fake/unheardOf","params":{"a":[1,2,3]},"emittedAtMs":1}"#,
            b"{\"method\":\"\xff\xfe\xfd\"}",
        ];
        for bytes in lines {
            write_line(bytes);
        }
    }

    /// Closes stdout without ending the process.
    pub(crate) fn close_stdout(&self) {
        #[cfg(unix)]
        if let Ok(null) = std::fs::OpenOptions::new().write(true).open("/dev/null") {
            // Replacing stdout closes it; a failure cannot be reported.
            let _ = rustix::stdio::dup2_stdout(null);
        }
    }
}

fn line(value: &Value) {
    write_line(value.to_string().as_bytes());
}

fn write_line(bytes: &[u8]) {
    let mut stdout = io::stdout().lock();
    // Fails if the client is gone; stdin will end soon.
    let _ = stdout.write_all(&[bytes, b"\n"].concat()).and_then(|()| stdout.flush());
}

pub(crate) fn unix_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
