//! The envelope of the lines on codex's stdin and stdout: JSON-RPC without its `jsonrpc` field.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use tokio::io::AsyncRead;
use tokio_util::codec::{AnyDelimiterCodec, FramedRead};

/// The longest line that is read. A longer one ends the connection, and the log says so; no message of codex comes near it.
const MAX_LINE: usize = 64 * 1024 * 1024;

/// The lines of a stream.
pub(crate) type Lines<R> = FramedRead<R, AnyDelimiterCodec>;

/// The lines of what codex writes.
pub(crate) fn lines<R: AsyncRead>(stdout: R) -> Lines<R> {
    let newline = b"\n".to_vec();
    FramedRead::new(stdout, AnyDelimiterCodec::new_with_max_length(newline.clone(), newline, MAX_LINE))
}

/// A line that came from codex, as far as it can be read without knowing the method.
#[derive(Debug)]
pub(crate) enum Incoming<'a> {
    /// The answer to a request of ours: its result, or codex's words on its error.
    Answer { id: u64, outcome: Result<&'a RawValue, String> },
    /// A request that codex wants answered; its id is echoed as it came.
    Request { id: Value, method: Cow<'a, str>, params: Option<&'a RawValue> },
    /// A notification.
    Notification { method: Cow<'a, str>, params: Option<&'a RawValue> },
}

/// What we answer: the result, or the message of an error.
pub(crate) type Outcome = Result<Value, &'static str>;

#[derive(Deserialize)]
struct Envelope<'a> {
    id: Option<Value>,
    #[serde(borrow)]
    method: Option<Cow<'a, str>>,
    #[serde(borrow)]
    params: Option<&'a RawValue>,
    #[serde(borrow)]
    result: Option<&'a RawValue>,
    error: Option<Value>,
}

impl<'a> Incoming<'a> {
    /// Parses one line; `None` for a line that is no message, which the caller skips.
    pub(crate) fn parse(line: &'a [u8]) -> Option<Self> {
        let envelope: Envelope<'a> = serde_json::from_slice(line).ok()?;
        match (envelope.id, envelope.method) {
            (Some(id), Some(method)) => Some(Self::Request { id, method, params: envelope.params }),
            (None, Some(method)) => Some(Self::Notification { method, params: envelope.params }),
            (Some(id), None) => {
                // Our request ids are numbers; an answer with another id is not to us.
                let id = id.as_u64()?;
                let outcome = match (envelope.result, envelope.error) {
                    (_, Some(error)) => Err(error["message"].as_str().unwrap_or_default().to_owned()),
                    (Some(result), None) => Ok(result),
                    // `"result": null` reads as absent; it is an answer all the same.
                    (None, None) => Ok(RawValue::NULL),
                };
                Some(Self::Answer { id, outcome })
            }
            (None, None) => None,
        }
    }
}

/// A request. The parameters can be large, so they are moved in: `json!` would copy them.
pub(crate) fn request(id: u64, method: &str, params: Value) -> Value {
    let mut request = json!({ "id": id, "method": method });
    request["params"] = params;
    request
}

/// The answer to a request of codex.
pub(crate) fn answer(id: &Value, outcome: Outcome) -> Value {
    let mut answer = json!({ "id": id });
    match outcome {
        Ok(result) => answer["result"] = result,
        Err(message) => answer["error"] = json!({ "code": -32601, "message": message }),
    }
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_an_error_a_request_and_a_notification_are_told_apart() {
        assert!(matches!(
            Incoming::parse(br#"{"id":3,"result":{}}"#),
            Some(Incoming::Answer { id: 3, outcome: Ok(_) })
        ));
        assert!(matches!(
            Incoming::parse(br#"{"id":3,"error":{"code":-1,"message":"no"}}"#),
            Some(Incoming::Answer { outcome: Err(message), .. }) if message == "no"
        ));
        assert!(matches!(
            Incoming::parse(br#"{"id":"a","method":"m","params":{}}"#),
            Some(Incoming::Request { id: Value::String(_), .. })
        ));
        assert!(matches!(
            Incoming::parse(br#"{"method":"m\u0041"}"#),
            Some(Incoming::Notification { method, params: None }) if method == "mA"
        ));
    }

    #[test]
    fn a_null_result_is_an_answer() {
        assert!(matches!(
            Incoming::parse(br#"{"id":1,"result":null}"#),
            Some(Incoming::Answer { id: 1, outcome: Ok(_) })
        ));
    }

    #[test]
    fn what_is_no_message_is_skipped() {
        for line in
            [&b"hello"[..], b"", b"[]", b"{}", b"{\"id\":\"x\",\"result\":1}", b"\xff\xfe{}", b"{\"id\":1"]
        {
            assert!(Incoming::parse(line).is_none(), "{}", String::from_utf8_lossy(line));
        }
    }
}
