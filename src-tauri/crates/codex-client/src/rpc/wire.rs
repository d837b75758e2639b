//! The messages on codex's stdin and stdout: JSON-RPC without the `jsonrpc` field.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use tokio::io::AsyncRead;
use tokio_util::codec::{AnyDelimiterCodec, FramedRead};

/// A longer line closes the connection with a log entry; codex's messages are far shorter.
const MAX_LINE_BYTES: usize = 64 * 1024 * 1024;

/// The lines of a stream.
pub(crate) type Lines<R> = FramedRead<R, AnyDelimiterCodec>;

/// Splits codex's output into lines.
pub(crate) fn lines<R: AsyncRead>(stdout: R) -> Lines<R> {
    let newline = b"\n".to_vec();
    FramedRead::new(stdout, AnyDelimiterCodec::new_with_max_length(newline.clone(), newline, MAX_LINE_BYTES))
}

/// A message from codex, with its parameters or result left unparsed.
#[derive(Debug)]
pub(crate) enum Incoming<'a> {
    /// The response to one of our requests: its result, or its error message.
    Response { id: u64, outcome: Result<&'a RawValue, String> },
    /// A request; its id is echoed verbatim.
    Request { id: Value, method: Cow<'a, str>, params: Option<&'a RawValue> },
    /// A notification.
    Notification { method: Cow<'a, str>, params: Option<&'a RawValue> },
}

/// Our response: a result, or an error message.
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
    /// Parses one line; `None` if it is not a message.
    pub(crate) fn parse(line: &'a [u8]) -> Option<Self> {
        let envelope: Envelope<'a> = serde_json::from_slice(line).ok()?;
        match (envelope.id, envelope.method) {
            (Some(id), Some(method)) => Some(Self::Request { id, method, params: envelope.params }),
            (None, Some(method)) => Some(Self::Notification { method, params: envelope.params }),
            (Some(id), None) => {
                // Our ids are numbers; a response with any other id is not ours.
                let id = id.as_u64()?;
                let outcome = match (envelope.result, envelope.error) {
                    (_, Some(error)) => Err(error["message"].as_str().unwrap_or_default().to_owned()),
                    (Some(result), None) => Ok(result),
                    // `"result": null` parses as absent, but is a valid response.
                    (None, None) => Ok(RawValue::NULL),
                };
                Some(Self::Response { id, outcome })
            }
            (None, None) => None,
        }
    }
}

/// Builds a request. The parameters can be large, so they are moved; `json!` would copy them.
pub(crate) fn request(id: u64, method: &str, params: Value) -> Value {
    let mut request = json!({ "id": id, "method": method });
    request["params"] = params;
    request
}

/// Builds a response to one of codex's requests.
pub(crate) fn response(id: &Value, outcome: Outcome) -> Value {
    let mut response = json!({ "id": id });
    match outcome {
        Ok(result) => response["result"] = result,
        Err(message) => response["error"] = json!({ "code": -32601, "message": message }),
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn response_error_request_and_notification_are_distinguished() {
        assert!(matches!(
            Incoming::parse(br#"{"id":3,"result":{}}"#),
            Some(Incoming::Response { id: 3, outcome: Ok(_) })
        ));
        assert!(matches!(
            Incoming::parse(br#"{"id":3,"error":{"code":-1,"message":"no"}}"#),
            Some(Incoming::Response { outcome: Err(message), .. }) if message == "no"
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
    fn null_result_is_a_valid_response() {
        assert!(matches!(
            Incoming::parse(br#"{"id":1,"result":null}"#),
            Some(Incoming::Response { id: 1, outcome: Ok(_) })
        ));
    }

    #[test]
    fn invalid_message_is_skipped() {
        for line in
            [&b"hello"[..], b"", b"[]", b"{}", b"{\"id\":\"x\",\"result\":1}", b"\xff\xfe{}", b"{\"id\":1"]
        {
            assert!(Incoming::parse(line).is_none(), "{}", String::from_utf8_lossy(line));
        }
    }
}
