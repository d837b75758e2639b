//! From a turn's events to the server-sent events of a stream, one for every delta, none held back.

use bytes::{BufMut, Bytes, BytesMut};
use serde::Serialize;

use crate::openai::chunk::{ChatChunk, ChunkChoice, ChunkUsage, Delta};
use crate::openai::completion::{FinishReason, Usage};

/// The comment that keeps a silent stream open.
pub const PING: &[u8] = b": ping\n\n";

/// The line that ends a stream.
pub const DONE: &[u8] = b"data: [DONE]\n\n";

/// Writes the chunks of one completion.
#[derive(Clone, Debug)]
pub struct ChunkWriter {
    id: String,
    created: u64,
    model: String,
    include_usage: bool,
    started: bool,
}

impl ChunkWriter {
    /// A writer for the completion `id`. `created` is in Unix seconds.
    #[must_use]
    pub fn new(id: String, created: u64, model: String, include_usage: bool) -> Self {
        Self { id, created, model, include_usage, started: false }
    }

    /// From now on the chunks name this model.
    pub fn set_model(&mut self, model: String) {
        if !model.is_empty() {
            self.model = model;
        }
    }

    /// A piece of the answer.
    pub fn text(&mut self, text: &str) -> Bytes {
        self.delta(Delta { content: Some(text), ..Delta::default() })
    }

    /// A piece of the reasoning's summary.
    pub fn reasoning(&mut self, text: &str) -> Bytes {
        self.delta(Delta { reasoning_content: Some(text), ..Delta::default() })
    }

    /// The end of a stream that went well.
    pub fn end(&mut self, usage: Option<Usage>) -> Bytes {
        let mut out = BytesMut::with_capacity(512);
        self.role(&mut out);
        self.chunk(&mut out, Delta::default(), Some(FinishReason::Stop));
        if self.include_usage {
            self.write(&mut out, &[], ChunkUsage::Known(usage));
        }
        out.put_slice(DONE);
        out.freeze()
    }

    fn delta(&mut self, delta: Delta<'_>) -> Bytes {
        let mut out = BytesMut::with_capacity(256);
        self.role(&mut out);
        self.chunk(&mut out, delta, None);
        out.freeze()
    }

    /// The chunk that names the role, before the first other one.
    fn role(&mut self, out: &mut BytesMut) {
        if !self.started {
            self.started = true;
            self.chunk(out, Delta { role: Some("assistant"), content: Some(""), ..Delta::default() }, None);
        }
    }

    fn chunk(&self, out: &mut BytesMut, delta: Delta<'_>, finish_reason: Option<FinishReason>) {
        let usage = if self.include_usage { ChunkUsage::Null } else { ChunkUsage::Absent };
        self.write(out, &[ChunkChoice { index: 0, delta, logprobs: None, finish_reason }], usage);
    }

    fn write(&self, out: &mut BytesMut, choices: &[ChunkChoice<'_>], usage: ChunkUsage) {
        event(
            out,
            &ChatChunk {
                id: &self.id,
                object: "chat.completion.chunk",
                created: self.created,
                model: &self.model,
                choices,
                usage,
            },
        );
    }
}

/// One `data:` event that holds `value`.
pub fn event(out: &mut BytesMut, value: &impl Serialize) {
    out.put_slice(b"data: ");
    // Our own types of strings and numbers always serialise, and memory never refuses a write.
    let _ = serde_json::to_writer(out.writer(), value);
    out.put_slice(b"\n\n");
}

#[cfg(test)]
mod tests {
    use codex_client::Usage as TurnUsage;
    use serde_json::{Value, json};

    use super::*;

    fn writer(include_usage: bool) -> ChunkWriter {
        ChunkWriter::new("chatcmpl-1".into(), 7, "m".into(), include_usage)
    }

    /// The `data:` events of some bytes, `[DONE]` as a string.
    fn events(bytes: &[u8]) -> Vec<Value> {
        std::str::from_utf8(bytes)
            .unwrap()
            .split_terminator("\n\n")
            .map(|event| event.strip_prefix("data: ").unwrap())
            .map(|data| serde_json::from_str(data).unwrap_or_else(|_| json!(data)))
            .collect()
    }

    #[test]
    fn the_role_comes_once_and_every_delta_is_a_chunk() {
        let mut writer = writer(false);
        let first = events(&writer.text("a\n\"b\""));
        assert_eq!(first.len(), 2);
        assert_eq!(first[0]["choices"][0]["delta"], json!({"role":"assistant","content":""}));
        assert_eq!(
            first[1],
            json!({"id":"chatcmpl-1","object":"chat.completion.chunk","created":7,"model":"m","choices":[
                {"index":0,"delta":{"content":"a\n\"b\""},"logprobs":null,"finish_reason":null}
            ]})
        );
        let second = events(&writer.reasoning("why"));
        assert_eq!(second.len(), 1);
        assert_eq!(second[0]["choices"][0]["delta"], json!({"reasoning_content":"why"}));
    }

    #[test]
    fn the_end_has_one_finish_reason_and_done() {
        let mut writer = writer(false);
        writer.text("a");
        let end = events(&writer.end(None));
        assert_eq!(end.len(), 2);
        assert_eq!(
            end[0]["choices"][0],
            json!({"index":0,"delta":{},"logprobs":null,"finish_reason":"stop"})
        );
        assert_eq!(end[1], "[DONE]");
    }

    #[test]
    fn usage_is_null_until_its_own_chunk_without_choices() {
        let mut writer = writer(true);
        assert_eq!(events(&writer.text("a"))[1]["usage"], Value::Null);
        assert!(events(&writer.text("a"))[0].as_object().unwrap().contains_key("usage"));
        let usage = TurnUsage { input: 10, cached: 4, output: 5, reasoning: 2 };
        let end = events(&writer.end(Some(usage.into())));
        assert_eq!(end[1]["choices"], json!([]));
        assert_eq!(
            end[1]["usage"],
            json!({"prompt_tokens":10,"completion_tokens":5,"total_tokens":15,
                "prompt_tokens_details":{"cached_tokens":4},"completion_tokens_details":{"reasoning_tokens":2}})
        );
        assert_eq!(end[2], "[DONE]");
    }

    #[test]
    fn an_empty_answer_is_a_whole_stream_all_the_same() {
        let end = events(&writer(false).end(None));
        assert_eq!(end[0]["choices"][0]["delta"]["role"], "assistant");
        assert_eq!(end[1]["choices"][0]["finish_reason"], "stop");
    }
}
