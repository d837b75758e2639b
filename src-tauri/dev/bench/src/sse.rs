//! Reads server-sent events out of the pieces in which a response's body arrives.
//!
//! Only `data:` is read, because the chat API sends nothing else that means something. Deliberately not here: what the
//! events say.

/// A reader of one stream.
#[derive(Debug, Default)]
pub(crate) struct Events {
    /// The line that has begun and not ended.
    line: Vec<u8>,
    /// The data of the event that has begun and not ended.
    data: Option<String>,
}

impl Events {
    /// Takes the next bytes, and gives the data of each event that they complete.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> Vec<String> {
        let mut whole = Vec::new();
        for &byte in bytes {
            if byte != b'\n' {
                self.line.push(byte);
                continue;
            }
            let line = std::mem::take(&mut self.line);
            let line = String::from_utf8_lossy(line.strip_suffix(b"\r").unwrap_or(&line)).into_owned();
            if line.is_empty() {
                whole.extend(self.data.take());
            } else if let Some(text) = line.strip_prefix("data:") {
                let text = text.strip_prefix(' ').unwrap_or(text);
                match &mut self.data {
                    Some(data) => {
                        data.push('\n');
                        data.push_str(text);
                    }
                    None => self.data = Some(text.to_owned()),
                }
            }
        }
        whole
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_whole_wherever_the_bytes_are_cut() {
        let bytes =
            "data: {\"a\":\"ü\"}\n\n: ping\n\ndata: one\r\ndata:two\r\n\r\nevent: x\n\ndata: [DONE]\n\n";
        let expected = ["{\"a\":\"ü\"}", "one\ntwo", "[DONE]"];
        assert_eq!(Events::default().push(bytes.as_bytes()), expected);
        for size in 1..bytes.len() {
            let mut events = Events::default();
            let found: Vec<String> =
                bytes.as_bytes().chunks(size).flat_map(|piece| events.push(piece)).collect();
            assert_eq!(found, expected, "in pieces of {size} bytes");
        }
    }

    #[test]
    fn an_event_comes_with_the_bytes_that_end_it_and_not_before() {
        let mut events = Events::default();
        assert!(events.push(b"data: a\n").is_empty());
        assert_eq!(events.push(b"\ndata: b"), ["a"]);
    }
}
