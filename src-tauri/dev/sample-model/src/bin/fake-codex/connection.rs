//! The lines that go out, and the answers that come back to requests of the server.
//!
//! A line is written and flushed at once, whoever writes it. Deliberately not here: what the lines say.

use std::collections::HashMap;
use std::io::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use tokio::sync::oneshot;

/// One entry a request of the server that is not answered; a turn has at most one.
#[derive(Debug, Default)]
pub(crate) struct Connection {
    asked: Mutex<HashMap<u64, oneshot::Sender<Value>>>,
    next_ask: AtomicU64,
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

    /// Sends a request of the server; the receiver gets the answer without its id.
    pub(crate) fn ask(&self, method: &str, params: &Value) -> (u64, oneshot::Receiver<Value>) {
        let id = self.next_ask.fetch_add(1, Ordering::Relaxed);
        let (sender, receiver) = oneshot::channel();
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).insert(id, sender);
        line(&json!({"method": method, "id": id, "params": params}));
        (id, receiver)
    }

    /// Takes a line that is an answer; one that nobody waits for is ignored, as by the real codex.
    pub(crate) fn answered(&self, mut answer: Value) {
        let Some(id) = answer["id"].as_u64() else { return };
        let waiting = self.asked.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
        if let (Some(waiting), Some(fields)) = (waiting, answer.as_object_mut()) {
            fields.remove("id");
            // The turn may have been interrupted meanwhile.
            let _ = waiting.send(answer);
        }
    }

    /// Lines that no client should have to see.
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
            raw_line(bytes);
        }
    }

    /// Closes stdout while the process lives on.
    pub(crate) fn close_stdout(&self) {
        #[cfg(unix)]
        if let Ok(null) = std::fs::OpenOptions::new().write(true).open("/dev/null") {
            // What takes the place of stdout closes it; there is nobody to tell of a failure.
            let _ = rustix::stdio::dup2_stdout(null);
        }
    }
}

fn line(value: &Value) {
    raw_line(value.to_string().as_bytes());
}

fn raw_line(bytes: &[u8]) {
    let mut stdout = io::stdout().lock();
    // When the client is gone, the end of stdin is near.
    let _ = stdout.write_all(&[bytes, b"\n"].concat()).and_then(|()| stdout.flush());
}

pub(crate) fn unix_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
