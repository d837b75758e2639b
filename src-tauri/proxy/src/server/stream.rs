//! An answer as server-sent events.
//!
//! Nothing is sent before the first piece of the answer, so that an early failure is a proper HTTP error; when codex stays
//! silent for long, the stream is begun with a comment instead. Dropping the stream, as hyper does when the client
//! goes away, drops the exchange and with it interrupts the turn.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::time::Duration;

use axum::body::Body;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderName, HeaderValue};
use axum::response::{IntoResponse, Response};
use bytes::{Bytes, BytesMut};
use futures_util::stream;

use super::error::ApiError;
use crate::exchange::{Exchange, Step};
use crate::translate::chunks::{ChunkWriter, PING, event};

/// A stream that is being sent.
struct Sending {
    exchange: Exchange,
    writer: ChunkWriter,
    ping: Duration,
    /// What was read before the stream began.
    first: VecDeque<Bytes>,
    ended: bool,
}

/// Waits for the first piece of the answer and sends the rest as it comes.
///
/// # Errors
/// A failure that came before the first piece.
pub(super) async fn answer(
    mut exchange: Exchange,
    mut writer: ChunkWriter,
    ping: Duration,
) -> Result<Response, ApiError> {
    let mut first = VecDeque::new();
    let mut ended = false;
    let silence = tokio::time::sleep(ping);
    tokio::pin!(silence);
    while first.is_empty() {
        let step = tokio::select! {
            step = exchange.next() => step,
            () = &mut silence => {
                first.push_back(Bytes::from_static(PING));
                break;
            }
        };
        match step {
            Some(Step::Ended(Err(failure))) => return Err(failure.into()),
            None => return Err(ApiError::internal()),
            Some(step) => {
                ended = matches!(step, Step::Ended(_));
                first.extend(bytes_of(step, &mut writer));
            }
        }
    }
    let sending = Sending { exchange, writer, ping, first, ended };
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

impl Sending {
    async fn next(&mut self) -> Option<Bytes> {
        if let Some(bytes) = self.first.pop_front() {
            return Some(bytes);
        }
        while !self.ended {
            let step = match tokio::time::timeout(self.ping, self.exchange.next()).await {
                Ok(step) => step?,
                Err(_) => return Some(Bytes::from_static(PING)),
            };
            self.ended = matches!(step, Step::Ended(_));
            if let Some(bytes) = bytes_of(step, &mut self.writer) {
                return Some(bytes);
            }
        }
        None
    }
}

/// What a step puts into the stream, if anything.
fn bytes_of(step: Step, writer: &mut ChunkWriter) -> Option<Bytes> {
    match step {
        Step::Model(model) => {
            writer.set_model(model);
            None
        }
        Step::Progress => None,
        Step::Text(text) => Some(writer.text(&text)),
        Step::Reasoning(text) => Some(writer.reasoning(&text)),
        Step::Ended(Ok(usage)) => Some(writer.end(usage.map(Into::into))),
        Step::Ended(Err(failure)) => {
            let mut out = BytesMut::new();
            event(&mut out, &ApiError::from(failure).body());
            Some(out.freeze())
        }
    }
}
