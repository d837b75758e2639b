//! Answers as server-sent events.
//!
//! Nothing is sent before the first piece of an answer, so that an early failure is a proper HTTP error; when codex stays
//! silent for long, the stream is begun with a comment instead. Dropping the stream, as hyper does when the client
//! goes away, drops the exchange and with it interrupts the turns.

use std::convert::Infallible;
use std::time::Duration;

use axum::body::Body;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderName, HeaderValue};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::stream;

use super::error::ApiError;
use crate::answer::Piece;
use crate::exchange::Exchange;
use crate::translate::chunks::PING;

/// A route's own form of a stream.
pub(super) trait Writer: Send + 'static {
    /// What a piece of one of the answers puts into the stream, if anything. Failures come to `failed` instead.
    fn piece(&mut self, index: u32, piece: &Piece) -> Option<Bytes>;

    /// What ends a stream whose answers are whole.
    fn end(&mut self) -> Bytes;

    /// What ends a stream that failed.
    fn failed(&mut self, error: &ApiError) -> Bytes;
}

/// A stream that is being sent.
struct Sending<W> {
    exchange: Exchange,
    writer: W,
    ping: Duration,
    /// What was read before the stream began.
    first: Option<Bytes>,
    ended: bool,
}

/// Waits for the first piece of an answer and sends the rest as it comes.
///
/// # Errors
/// A failure that came before the first piece.
pub(super) async fn answer<W: Writer>(
    mut exchange: Exchange,
    mut writer: W,
    ping: Duration,
) -> Result<Response, ApiError> {
    let silence = tokio::time::sleep(ping);
    tokio::pin!(silence);
    let first = loop {
        let next = tokio::select! {
            next = exchange.next() => next,
            () = &mut silence => break Bytes::from_static(PING),
        };
        match next {
            Some((_, Piece::Ended(Err(failure)))) => return Err(failure.into()),
            None => return Err(ApiError::internal()),
            Some((index, piece)) => {
                if let Some(bytes) = writer.piece(index, &piece) {
                    break bytes;
                }
            }
        }
    };
    let sending = Sending { exchange, writer, ping, first: Some(first), ended: false };
    let body = Body::from_stream(stream::unfold(sending, |mut sending| async {
        let bytes = sending.next().await?;
        Some((Ok::<_, Infallible>(bytes), sending))
    }));
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static("text/event-stream; charset=utf-8")),
        (CACHE_CONTROL, HeaderValue::from_static("no-cache")),
        // nginx would hold the stream back otherwise.
        (HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no")),
    ];
    Ok((headers, body).into_response())
}

impl<W: Writer> Sending<W> {
    async fn next(&mut self) -> Option<Bytes> {
        if let Some(bytes) = self.first.take() {
            return Some(bytes);
        }
        while !self.ended {
            let Ok(next) = tokio::time::timeout(self.ping, self.exchange.next()).await else {
                return Some(Bytes::from_static(PING));
            };
            match next {
                None => {
                    self.ended = true;
                    return Some(self.writer.end());
                }
                Some((_, Piece::Ended(Err(failure)))) => {
                    self.ended = true;
                    return Some(self.writer.failed(&failure.into()));
                }
                Some((index, piece)) => {
                    if let Some(bytes) = self.writer.piece(index, &piece) {
                        return Some(bytes);
                    }
                }
            }
        }
        None
    }
}
