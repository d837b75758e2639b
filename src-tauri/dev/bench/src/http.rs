//! An HTTP client of the proxy, with keep-alive connections.
//!
//! A stream must be complete: one finish reason, usage, and `[DONE]`.

use anyhow::{Context, Result, ensure};
use futures_util::stream::FuturesUnordered;
use futures_util::{StreamExt, TryStreamExt};
use reqwest::header::CONTENT_TYPE;
use reqwest::{Client, RequestBuilder};
use serde_json::{Value, json};
use sse_stream::SseByteStream;
use tokio::time::{Instant, sleep};

use crate::answer::{Answer, ApiError, Route};
use crate::round_spec::{MODEL, PAUSE, RoundSpec, StartState};
use crate::stream::{Round, Stream, micros_since};

/// Need not be secret: the measured proxies run only for us.
pub(crate) const KEY: &str = "sk-bench-of-codex-proxyd";

pub(crate) struct Http {
    client: Client,
    url: String,
}

/// A client with its own connections.
pub(crate) fn client() -> Result<Client> {
    Client::builder().no_proxy().build().context("cannot create the HTTP client")
}

impl Http {
    /// `address` is such as `http://127.0.0.1:4321`.
    pub(crate) fn new(address: &str) -> Result<Self> {
        Ok(Self { client: client()?, url: format!("{address}{}", Route::CHAT.0) })
    }

    /// Runs a round. A failed stream is part of the result.
    pub(crate) async fn round(&self, spec: &RoundSpec) -> Round {
        let body = match &spec.start {
            StartState::Cold | StartState::Prewarmed => body(spec.instructions.as_deref(), &[&spec.prompt]),
            StartState::SecondTurn { opening, edited } => {
                let first = self.stream(body(None, &[opening]), Instant::now()).await;
                if first.failure.is_some() {
                    return vec![first];
                }
                sleep(PAUSE).await;
                body(None, &[edited.as_ref().unwrap_or(opening), &first.text, &spec.prompt])
            }
        };
        let started = Instant::now();
        let streams = (0..spec.streams).map(|_| self.stream(body.clone(), started));
        streams.collect::<FuturesUnordered<_>>().collect().await
    }

    async fn stream(&self, body: String, started: Instant) -> Stream {
        let request = self.client.post(&self.url).bearer_auth(KEY);
        let request = request.header(CONTENT_TYPE, "application/json").body(body);
        Stream::measure(async |stream| {
            let answer = answer(request, Route::CHAT, true, async |answer| {
                record_delta(answer, stream, micros_since(started));
            });
            let Answer { finish_reasons, usage, .. } = answer.await.1?;
            ensure!(usage && finish_reasons == ["stop"], "unexpected end of stream: {finish_reasons:?}");
            Ok(())
        })
        .await
    }
}

/// Records the text that an event added to the answer. The first chunk, with the role, has none and does not count.
fn record_delta(answer: &mut Answer, stream: &mut Stream, now: u64) {
    if let Some(piece) = answer.text(0).get(stream.text.len()..).filter(|piece| !piece.is_empty()) {
        stream.push(piece, now);
    }
    stream.ended = now;
}

/// Sends a request and reads its answer, calling `on_event` after each event of a stream. Also returns the HTTP status, if there
/// was a response.
pub(crate) async fn answer(
    request: RequestBuilder,
    route: Route,
    streamed: bool,
    mut on_event: impl AsyncFnMut(&mut Answer),
) -> (Option<u16>, Result<Answer>) {
    let response = match request.send().await {
        Ok(response) => response,
        Err(error) => return (None, Err(error.into())),
    };
    let status = response.status().as_u16();
    let read = async {
        if status != 200 || !streamed {
            let body = serde_json::from_slice(&response.bytes().await?).unwrap_or_default();
            return if status == 200 { Answer::parse(route, &body) } else { Err(ApiError::of(&body).into()) };
        }
        let (mut events, mut answer) = (SseByteStream::new(response.bytes_stream()), Answer::default());
        while let Some(event) = events.try_next().await? {
            // A keep-alive comment has no data.
            let Some(data) = event.data else { continue };
            answer.read_event(route, &data)?;
            on_event(&mut answer).await;
        }
        answer.validated()
    };
    (Some(status), read.await)
}

/// The body of a request with these messages: instructions, if any, and then alternately the user's and the assistant's.
fn body(instructions: Option<&str>, texts: &[&str]) -> String {
    let roles = ["user", "assistant"].into_iter().cycle();
    let texts = texts.iter().copied().zip(roles);
    let messages = instructions.map(|text| (text, "system")).into_iter().chain(texts);
    let messages = messages.map(|(text, role)| json!({ "role": role, "content": text }));
    let (messages, options) = (messages.collect::<Value>(), json!({ "include_usage": true }));
    json!({ "model": MODEL, "messages": messages, "stream": true, "stream_options": options }).to_string()
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use bytes::Bytes;

    use super::*;

    fn events(
        body: impl futures_util::Stream<Item = Result<Bytes, Infallible>> + Unpin,
    ) -> impl futures_util::Stream<Item = Result<String>> + Unpin {
        let events = SseByteStream::new(body).map_err(anyhow::Error::from);
        events.try_filter_map(|event| std::future::ready(Ok(event.data)))
    }

    fn in_pieces(bytes: &[u8], size: usize) -> impl futures_util::Stream<Item = Result<Bytes, Infallible>> {
        futures_util::stream::iter(bytes.chunks(size).map(|piece| Ok(Bytes::copy_from_slice(piece))))
    }

    #[tokio::test]
    async fn events_are_parsed_wherever_the_bytes_are_split() {
        let bytes =
            "data: {\"a\":\"ü\"}\n\n: ping\n\ndata: one\r\ndata:two\r\n\r\nevent: x\n\ndata: [DONE]\n\n";
        for size in 1..=bytes.len() {
            let found: Vec<String> = events(in_pieces(bytes.as_bytes(), size)).try_collect().await.unwrap();
            assert_eq!(found, ["{\"a\":\"ü\"}", "one\ntwo", "[DONE]"], "in pieces of {size} bytes");
        }
    }

    #[tokio::test]
    async fn an_event_arrives_with_its_last_byte() {
        let pieces = [&b"data: a\n"[..], b"\ndata: b"].map(|piece| Ok::<_, Infallible>(Bytes::from(piece)));
        let endless = futures_util::stream::iter(pieces).chain(futures_util::stream::pending());
        let mut events = events(endless);
        assert_eq!(events.try_next().await.unwrap().unwrap(), "a");
        assert!(futures_util::poll!(events.next()).is_pending());
    }

    #[test]
    fn a_conversation_starts_and_ends_with_the_user() {
        let messages =
            |texts: &[&str]| serde_json::from_str::<Value>(&body(None, texts)).unwrap()["messages"].take();
        let message = |role: &str, text: &str| json!({ "role": role, "content": text });
        assert_eq!(messages(&["a"]), json!([message("user", "a")]));
        let expected = json!([message("user", "a"), message("assistant", "b"), message("user", "c")]);
        assert_eq!(messages(&["a", "b", "c"]), expected);
    }

    #[test]
    fn only_text_is_a_delta_and_the_last_event_is_the_end() {
        let chunk = |content: &str| json!({"id":"c","choices":[{"index":0,"delta":{"content":content}}],"usage":null});
        let last = json!({"id":"c","choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"usage":null});
        let usage = json!({"id":"c","choices":[],"usage":{"prompt_tokens":1}});
        let (mut answer, mut stream) = (Answer::default(), Stream::default());
        for (now, data) in [(1, chunk("")), (1, chunk("a ")), (2, chunk("b")), (3, last), (3, usage)] {
            answer.read_event(Route::CHAT, &data.to_string()).unwrap();
            record_delta(&mut answer, &mut stream, now);
        }
        assert!(answer.clone().validated().is_err(), "a stream without [DONE]");
        answer.read_event(Route::CHAT, "[DONE]").unwrap();
        record_delta(&mut answer, &mut stream, 4);
        assert!(answer.clone().validated().unwrap().usage);
        assert_eq!((stream.arrivals.as_slice(), stream.text.as_str(), stream.ended), (&[1, 2][..], "a b", 4));
        assert!(answer.read_event(Route::CHAT, "{}").is_err());
    }
}
