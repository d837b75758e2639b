//! Answers as server-sent events, whatever a route's events are.
//!
//! Nothing is sent before the first piece of the answer, so that an early failure is a proper HTTP error; when codex stays
//! silent for long, the stream is begun all the same. Dropping the stream, as hyper does when the client goes away, drops
//! its source and with it interrupts the turns.

use std::convert::Infallible;
use std::time::Duration;

use axum::body::Body;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderName, HeaderValue};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::stream;

use crate::error::ApiError;
use crate::translate::chunks::PING;

/// Where the events come from.
pub(super) trait Source: Send + 'static {
    /// The next events, never empty; `None` after the last, and after an error. Dropping the future loses nothing.
    fn next(&mut self) -> impl Future<Output = Option<Result<Bytes, ApiError>>> + Send;

    /// What begins a stream whose first piece is long in coming.
    fn silent(&mut self) -> Bytes {
        Bytes::from_static(PING)
    }

    /// The events that tell of an error within the stream, and end it.
    fn failed(&mut self, error: ApiError) -> Bytes;
}

/// Waits for the first events and sends the rest as they come. `ping` is the silence after which a comment is sent.
///
/// # Errors
/// A failure that came before the first events.
pub(super) async fn answer(mut source: impl Source, ping: Duration) -> Result<Response, ApiError> {
    let first = tokio::select! {
        biased;
        events = source.next() => match events {
            Some(events) => events?,
            None => return Err(ApiError::internal()),
        },
        () = tokio::time::sleep(ping) => source.silent(),
    };
    let sending = Sending { source, ping, first: Some(first), ended: false };
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

/// A stream that is being sent.
struct Sending<S> {
    source: S,
    ping: Duration,
    /// What was read before the stream began.
    first: Option<Bytes>,
    ended: bool,
}

impl<S: Source> Sending<S> {
    async fn next(&mut self) -> Option<Bytes> {
        if let Some(first) = self.first.take() {
            return Some(first);
        }
        if self.ended {
            return None;
        }
        match tokio::time::timeout(self.ping, self.source.next()).await {
            Err(_) => Some(Bytes::from_static(PING)),
            Ok(Some(Ok(events))) => Some(events),
            Ok(Some(Err(error))) => {
                self.ended = true;
                Some(self.source.failed(error))
            }
            Ok(None) => {
                self.ended = true;
                None
            }
        }
    }
}
