//! A client of a proxy, which asks for chats over HTTP like any other.
//!
//! Connections are kept alive between rounds. A stream counts only when it is one from end to end: one reason to finish,
//! the usage that was asked for, and `[DONE]`.

use anyhow::{Context, Result, ensure};
use futures_util::stream::FuturesUnordered;
use futures_util::{StreamExt, TryStreamExt};
use reqwest::header::CONTENT_TYPE;
use reqwest::{Client, RequestBuilder};
use serde_json::{Value, json};
use sse_stream::SseByteStream;
use tokio::time::{Instant, sleep};

use crate::answer::{Answer, ApiError, Route};
use crate::round_spec::{Ask, MODEL, PAUSE, Start};
use crate::stream::{Round, Stream, since};

/// The proxies that are measured are ours alone, so their key may be known to all.
pub(crate) const KEY: &str = "sk-bench-of-codex-proxyd";

/// A client of a proxy, which keeps its connections.
pub(crate) struct Http {
    client: Client,
    url: String,
}

/// A client whose connections end with it.
pub(crate) fn client() -> Result<Client> {
    Client::builder().no_proxy().build().context("the HTTP client cannot be made")
}

impl Http {
    /// A client of the proxy at an address such as `http://127.0.0.1:4321`.
    pub(crate) fn new(address: &str) -> Result<Self> {
        Ok(Self { client: client()?, url: format!("{address}{}", Route::CHAT.0) })
    }

    /// Runs one round. A stream that fails is part of the result.
    pub(crate) async fn round(&self, ask: &Ask) -> Round {
        let body = match &ask.start {
            Start::Cold | Start::Prewarmed => body(&[&ask.prompt]),
            Start::SecondTurn { opening, edited } => {
                let first = self.stream(body(&[opening]), Instant::now()).await;
                if first.failure.is_some() {
                    return vec![first];
                }
                sleep(PAUSE).await;
                body(&[edited.as_ref().unwrap_or(opening), &first.text, &ask.prompt])
            }
        };
        let begun = Instant::now();
        let streams = (0..ask.streams).map(|_| self.stream(body.clone(), begun));
        streams.collect::<FuturesUnordered<_>>().collect().await
    }

    async fn stream(&self, body: String, begun: Instant) -> Stream {
        let request = self.client.post(&self.url).bearer_auth(KEY);
        let request = request.header(CONTENT_TYPE, "application/json").body(body);
        Stream::measure(async |stream| {
            let answer = answer(request, Route::CHAT, true, async |answer| {
                add_piece(answer, stream, since(begun));
            });
            let Answer { finish_reasons, usage, .. } = answer.await.1?;
            ensure!(usage && finish_reasons == ["stop"], "the stream ends otherwise: {finish_reasons:?}");
            Ok(())
        })
        .await
    }
}

/// Notes what an event has added to the answer. The chunk that names the role has no text and is none of the deltas.
fn add_piece(answer: &mut Answer, stream: &mut Stream, now: u64) {
    if let Some(piece) = answer.text(0).get(stream.text.len()..).filter(|piece| !piece.is_empty()) {
        stream.push(piece, now);
    }
    stream.ended = now;
}

/// Sends a request and reads its answer, with a look at it after each event of a stream. Beside it, the status that the request
/// was answered with, if it was.
pub(crate) async fn answer(
    request: RequestBuilder,
    route: Route,
    streamed: bool,
    mut look: impl AsyncFnMut(&mut Answer),
) -> (Option<u16>, Result<Answer>) {
    let response = match request.send().await {
        Ok(response) => response,
        Err(error) => return (None, Err(error.into())),
    };
    let status = response.status().as_u16();
    let read = async {
        if status != 200 || !streamed {
            let body = serde_json::from_slice(&response.bytes().await?).unwrap_or_default();
            return if status == 200 { Answer::whole(route, &body) } else { Err(ApiError::of(&body).into()) };
        }
        let (mut events, mut answer) = (SseByteStream::new(response.bytes_stream()), Answer::default());
        while let Some(event) = events.try_next().await? {
            // A comment keeps the connection alive, and has none.
            let Some(data) = event.data else { continue };
            answer.read_event(route, &data)?;
            look(&mut answer).await;
        }
        answer.checked()
    };
    (Some(status), read.await)
}

/// Asks for a conversation: the user's texts and the answers to them by turns, the user's first and last.
fn body(texts: &[&str]) -> String {
    let roles = ["user", "assistant"].into_iter().cycle();
    let messages = texts.iter().zip(roles).map(|(text, role)| json!({ "role": role, "content": text }));
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
    async fn events_are_whole_wherever_the_bytes_are_cut() {
        let bytes =
            "data: {\"a\":\"ü\"}\n\n: ping\n\ndata: one\r\ndata:two\r\n\r\nevent: x\n\ndata: [DONE]\n\n";
        for size in 1..=bytes.len() {
            let found: Vec<String> = events(in_pieces(bytes.as_bytes(), size)).try_collect().await.unwrap();
            assert_eq!(found, ["{\"a\":\"ü\"}", "one\ntwo", "[DONE]"], "in pieces of {size} bytes");
        }
    }

    #[tokio::test]
    async fn an_event_comes_with_the_bytes_that_end_it_and_not_before() {
        let pieces = [&b"data: a\n"[..], b"\ndata: b"].map(|piece| Ok::<_, Infallible>(Bytes::from(piece)));
        let endless = futures_util::stream::iter(pieces).chain(futures_util::stream::pending());
        let mut events = events(endless);
        assert_eq!(events.try_next().await.unwrap().unwrap(), "a");
        assert!(futures_util::poll!(events.next()).is_pending());
    }

    #[test]
    fn a_conversation_begins_and_ends_with_the_user() {
        let messages =
            |texts: &[&str]| serde_json::from_str::<Value>(&body(texts)).unwrap()["messages"].take();
        let message = |role: &str, text: &str| json!({ "role": role, "content": text });
        assert_eq!(messages(&["a"]), json!([message("user", "a")]));
        let expected = json!([message("user", "a"), message("assistant", "b"), message("user", "c")]);
        assert_eq!(messages(&["a", "b", "c"]), expected);
    }

    #[test]
    fn only_text_is_a_piece_and_the_end_has_its_time() {
        let chunk = |content: &str| json!({"id":"c","choices":[{"index":0,"delta":{"content":content}}],"usage":null});
        let last = json!({"id":"c","choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"usage":null});
        let usage = json!({"id":"c","choices":[],"usage":{"prompt_tokens":1}});
        let (mut answer, mut stream) = (Answer::default(), Stream::default());
        for (now, data) in [(1, chunk("")), (1, chunk("a ")), (2, chunk("b")), (3, last), (3, usage)] {
            answer.read_event(Route::CHAT, &data.to_string()).unwrap();
            add_piece(&mut answer, &mut stream, now);
        }
        assert!(answer.clone().checked().is_err(), "a stream without [DONE]");
        answer.read_event(Route::CHAT, "[DONE]").unwrap();
        add_piece(&mut answer, &mut stream, 4);
        assert!(answer.clone().checked().unwrap().usage);
        assert_eq!((stream.arrivals.as_slice(), stream.text.as_str(), stream.ended), (&[1, 2][..], "a b", 4));
        assert!(answer.read_event(Route::CHAT, "{}").is_err());
    }
}
