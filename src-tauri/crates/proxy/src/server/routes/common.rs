//! What the routes share of an answer: its pieces, gathered or as a stream.

use std::future::ready;

use axum::response::Response;
use axum::response::sse::Event;
use codex_client::ToolCall;
use futures_util::{Stream, StreamExt as _, TryStreamExt as _, stream};

use crate::error::ApiError;
use crate::event::Piece;
use crate::exchange::Exchange;
use crate::openai::completion::FinishReason;
use crate::server::sse;
use crate::server::state::Proxy;
use crate::translate::chunks::{Chunks, Head, event};

/// The pieces of the answers of an exchange, each with its answer's number.
pub(super) fn pieces(exchange: Exchange) -> impl Stream<Item = Result<(u32, Piece), ApiError>> + Send {
    stream::unfold(exchange, async |mut exchange| Some((Ok(exchange.next().await?), exchange)))
}

/// One of the answers, whole.
#[derive(Default)]
pub(super) struct Answer {
    pub(super) text: String,
    pub(super) reasoning: String,
    pub(super) calls: Vec<ToolCall>,
    /// `None` when its end never came.
    pub(super) reason: Option<FinishReason>,
}

/// Gathers the pieces of `n` answers, and in `head` what is known of them all.
pub(super) async fn gather(
    pieces: impl Stream<Item = Result<(u32, Piece), ApiError>>,
    n: u32,
    head: &mut Head,
) -> Result<Vec<Answer>, ApiError> {
    let mut pieces = std::pin::pin!(pieces);
    let mut answers: Vec<Answer> = (0..n).map(|_| Answer::default()).collect();
    while let Some((index, piece)) = pieces.try_next().await? {
        let Some(answer) = answers.get_mut(index as usize) else { continue };
        match piece {
            Piece::Model(model) => head.set_model(&model),
            Piece::Text(text) => answer.text.push_str(&text),
            Piece::Reasoning(text) => answer.reasoning.push_str(&text),
            Piece::Call(call) => answer.calls.push(call),
            Piece::Ended(end) => {
                let end = end?;
                answer.reason = Some(end.reason);
                head.add(end.usage);
            }
        }
    }
    Ok(answers)
}

/// Sends the pieces of a completion as the chunks that `writer` makes of them.
pub(super) async fn stream(
    proxy: &Proxy,
    pieces: impl Stream<Item = Result<(u32, Piece), ApiError>> + Send + 'static,
    mut writer: impl Chunks,
) -> Result<Response, ApiError> {
    let end = stream::once(ready(Ok(None)));
    let events = pieces.map_ok(Some).chain(end).map(move |piece| match piece? {
        Some((index, piece)) => Ok(writer.piece(index, piece)?),
        None => Ok(writer.head().end()),
    });
    let failed = |error: ApiError| vec![event(&error.body())];
    sse::answer(events, proxy.limits.ping, || vec![Event::default().comment(sse::PING)], failed).await
}
