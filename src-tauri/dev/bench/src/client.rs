//! A client of a proxy, which asks for chats over HTTP like any other.
//!
//! Connections are kept alive between rounds. A stream counts only when it is one from end to end: one reason to finish,
//! the usage that was asked for, and `[DONE]`. Deliberately not here: when what is asked for.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use reqwest::StatusCode;
use reqwest::header::CONTENT_TYPE;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::json;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

use crate::proxyd::KEY;
use crate::sse::Events;
use crate::stream::{Stream, since};

/// The same as the bare client's.
const STREAM_LIMIT: Duration = Duration::from_secs(60);
/// An error's body is shown up to here.
const SHOWN: usize = 300;

/// A client of a proxy, which keeps its connections.
#[derive(Debug)]
pub(crate) struct Client {
    http: reqwest::Client,
    url: String,
    model: &'static str,
}

/// The part of a chunk that is looked at.
#[derive(Deserialize)]
struct Chunk {
    #[serde(default)]
    choices: Vec<Choice>,
    #[serde(default)]
    usage: Option<IgnoredAny>,
    #[serde(default)]
    error: Option<serde_json::Value>,
}

#[derive(Deserialize)]
struct Choice {
    #[serde(default)]
    delta: Delta,
    #[serde(default)]
    finish_reason: Option<String>,
}

#[derive(Default, Deserialize)]
struct Delta {
    #[serde(default)]
    content: Option<String>,
}

impl Client {
    /// A client of the proxy at an address such as `http://127.0.0.1:4321`.
    pub(crate) fn new(address: &str, model: &'static str) -> Result<Self> {
        let http = reqwest::Client::builder().no_proxy().build().context("the HTTP client cannot be made")?;
        Ok(Self { http, url: format!("{address}/v1/chat/completions"), model })
    }

    /// Runs one round. A stream that fails is part of the result.
    pub(crate) async fn round(&self, prompt: &str, streams: usize) -> Result<Vec<Stream>> {
        self.ask(&[prompt], streams).await
    }

    /// Sends one conversation: the user's texts and the answers to them by turns, the user's first and last.
    pub(crate) async fn talk(&self, texts: &[&str]) -> Result<Stream> {
        self.ask(texts, 1).await?.pop().context("there is no stream")
    }

    async fn ask(&self, texts: &[&str], streams: usize) -> Result<Vec<Stream>> {
        let body = json!({
            "model": self.model,
            "messages": messages(texts),
            "stream": true,
            "stream_options": { "include_usage": true },
        });
        let body = serde_json::to_vec(&body)?;
        let mut running = JoinSet::new();
        let begun = Instant::now();
        for _ in 0..streams {
            let request = self.http.post(&self.url).bearer_auth(KEY);
            let request = request.header(CONTENT_TYPE, "application/json").body(body.clone());
            running.spawn(async move {
                let mut stream = Stream::default();
                match timeout(STREAM_LIMIT, read(request, begun, &mut stream)).await {
                    Ok(Ok(())) => {}
                    Ok(Err(error)) => stream.failure = Some(format!("{error:#}")),
                    Err(_) => stream.failure = Some(format!("no end within {STREAM_LIMIT:?}")),
                }
                stream
            });
        }
        Ok(running.join_all().await)
    }
}

fn messages(texts: &[&str]) -> serde_json::Value {
    let roles = ["user", "assistant"].into_iter().cycle();
    texts.iter().zip(roles).map(|(text, role)| json!({ "role": role, "content": text })).collect()
}

async fn read(request: reqwest::RequestBuilder, begun: Instant, stream: &mut Stream) -> Result<()> {
    let mut response = request.send().await?;
    if response.status() != StatusCode::OK {
        let status = response.status();
        let body: String = response.text().await.unwrap_or_default().chars().take(SHOWN).collect();
        bail!("{status}: {body}");
    }
    let mut events = Events::default();
    let mut end = End::default();
    while let Some(bytes) = response.chunk().await? {
        // Before anything is read of it: what arrived together has arrived at the same time.
        let now = since(begun);
        for data in events.push(&bytes) {
            end.note(&data, stream, now)?;
        }
    }
    end.is_proper()
}

/// What belongs to the end of a stream.
#[derive(Debug, Default)]
struct End {
    reasons: Vec<String>,
    usage: bool,
    done: bool,
}

impl End {
    fn note(&mut self, data: &str, stream: &mut Stream, now: u64) -> Result<()> {
        if self.done {
            bail!("something comes after [DONE]");
        }
        if data == "[DONE]" {
            self.done = true;
            stream.ended = now;
            return Ok(());
        }
        let chunk: Chunk = serde_json::from_str(data).context("a chunk that cannot be read")?;
        if let Some(error) = chunk.error {
            bail!("the stream ends with an error: {error}");
        }
        self.usage |= chunk.usage.is_some();
        for choice in chunk.choices {
            // The chunk that names the role has no text and is none of the deltas.
            if let Some(text) = choice.delta.content.filter(|text| !text.is_empty()) {
                stream.hear(&text, now);
            }
            self.reasons.extend(choice.finish_reason);
        }
        Ok(())
    }

    fn is_proper(&self) -> Result<()> {
        if !self.done || !self.usage || self.reasons != ["stop"] {
            bail!("the stream is not whole: {self:?}");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunk(content: &str) -> String {
        json!({"choices":[{"index":0,"delta":{"content":content},"finish_reason":null}],"usage":null})
            .to_string()
    }

    const LAST: &str = r#"{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"usage":null}"#;
    const USAGE: &str = r#"{"choices":[],"usage":{"prompt_tokens":1}}"#;

    #[test]
    fn a_conversation_begins_and_ends_with_the_user() {
        let roles = |texts: &[&str]| -> Vec<String> {
            let messages = messages(texts);
            let roles = messages.as_array().unwrap().iter().map(|message| message["role"].as_str().unwrap());
            roles.map(str::to_owned).collect()
        };
        assert_eq!(roles(&["a"]), ["user"]);
        assert_eq!(roles(&["a", "b", "c"]), ["user", "assistant", "user"]);
        assert_eq!(messages(&["a", "b", "c"])[1]["content"], "b");
    }

    #[test]
    fn only_text_is_heard_and_the_end_has_its_time() {
        let (mut end, mut stream) = (End::default(), Stream::default());
        for (now, data) in
            [(1, chunk("")), (1, chunk("a ")), (2, chunk("b")), (3, LAST.into()), (3, USAGE.into())]
        {
            end.note(&data, &mut stream, now).unwrap();
        }
        assert!(end.is_proper().is_err(), "a stream without [DONE]");
        end.note("[DONE]", &mut stream, 4).unwrap();
        end.is_proper().unwrap();
        assert_eq!((stream.arrivals.as_slice(), stream.text.as_str(), stream.ended), (&[1, 2][..], "a b", 4));
        assert!(end.note(USAGE, &mut stream, 5).is_err());
    }

    #[test]
    fn an_error_in_the_stream_is_its_failure() {
        let data = r#"{"error":{"message":"gone","code":"codex_disconnected"}}"#;
        let error = End::default().note(data, &mut Stream::default(), 1).unwrap_err();
        assert!(error.to_string().contains("codex_disconnected"));
    }
}
