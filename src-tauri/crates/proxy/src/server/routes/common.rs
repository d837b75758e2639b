//! Collects or streams the answers of an exchange, for the chat and completions routes.

use std::future::ready;

use axum::response::Response;
use axum::response::sse::Event;
use codex_client::Picture;
use futures_util::{Stream, StreamExt as _, TryStreamExt as _, stream};

use crate::error::{ApiError, Failure};
use crate::event::{AnswerEvent, ClientCall};
use crate::exchange::Exchange;
use crate::openai::completion::{Annotation, FinishReason};
use crate::server::sse;
use crate::server::state::Proxy;
use crate::translate::chunks::{Chunks, Head, data_event};

/// The events of an exchange's answers, each with the index of its answer.
pub(super) fn events(exchange: Exchange) -> impl Stream<Item = Result<(u32, AnswerEvent), ApiError>> + Send {
    stream::unfold(exchange, async |mut exchange| Some((Ok(exchange.next().await?), exchange)))
}

/// One complete answer.
#[derive(Default)]
pub(super) struct Answer {
    pub(super) text: String,
    pub(super) reasoning: String,
    pub(super) annotations: Vec<Annotation>,
    pub(super) calls: Vec<ClientCall>,
    pub(super) pictures: Vec<Picture>,
    /// `None` if it has not ended.
    pub(super) reason: Option<FinishReason>,
}

/// The complete answers to a request, and their shared metadata.
pub(super) struct Answers {
    pub(super) head: Head,
    pub(super) answers: Vec<Answer>,
}

impl Answers {
    pub(super) fn new(head: Head, n: u32) -> Self {
        Self { head, answers: (0..n).map(|_| Answer::default()).collect() }
    }

    /// The answers in these events.
    pub(super) async fn collect(
        head: Head,
        n: u32,
        events: impl Stream<Item = Result<(u32, AnswerEvent), ApiError>>,
    ) -> Result<Self, ApiError> {
        let mut answers = Self::new(head, n);
        let mut events = std::pin::pin!(events);
        while let Some((index, event)) = events.try_next().await? {
            answers.push(index, event)?;
        }
        Ok(answers)
    }

    /// Whether every answer has ended.
    pub(super) fn have_ended(&self) -> bool {
        self.answers.iter().all(|answer| answer.reason.is_some())
    }

    /// Adds an event of answer `index`.
    pub(super) fn push(&mut self, index: u32, event: AnswerEvent) -> Result<(), Failure> {
        let Some(answer) = self.answers.get_mut(index as usize) else { return Ok(()) };
        match event {
            AnswerEvent::Model(model) => self.head.set_model(&model),
            AnswerEvent::Text(text) => answer.text.push_str(&text),
            AnswerEvent::Reasoning(text) => answer.reasoning.push_str(&text),
            AnswerEvent::Searched(_) | AnswerEvent::PictureStarted(_) => {}
            AnswerEvent::Citations(citations) => {
                answer.annotations.extend(citations.into_iter().map(Annotation::from));
            }
            AnswerEvent::Call(call) => answer.calls.push(call),
            AnswerEvent::Picture(picture) => answer.pictures.push(picture),
            AnswerEvent::Ended(end) => {
                let end = end?;
                answer.reason = Some(end.reason);
                self.head.add(end);
            }
        }
        Ok(())
    }
}

/// The header of a complete answer that says how many files changed while it was generated.
pub(super) fn files_changed(count: Option<u32>) -> Option<[(&'static str, String); 1]> {
    count.map(|count| [("x-codex-proxy-files-changed", count.to_string())])
}

/// Streams the events of a completion as the chunks that `writer` makes of them.
pub(super) async fn stream(
    proxy: &Proxy,
    events: impl Stream<Item = Result<(u32, AnswerEvent), ApiError>> + Send + 'static,
    mut writer: impl Chunks,
) -> Result<Response, ApiError> {
    let end = stream::once(ready(Ok(None)));
    let events = events.map_ok(Some).chain(end).map(move |event| match event? {
        Some((index, event)) => Ok(writer.write(index, event)?),
        None => Ok(writer.head().end()),
    });
    let failed = |error: ApiError| vec![data_event(&error.body())];
    sse::respond(events, proxy.limits().ping_interval, || vec![Event::default().comment(sse::PING)], failed)
        .await
}
