//! Answers as server-sent events, whatever a route's events are.
//!
//! Nothing is sent before the first piece of the answer, so that an early failure is a proper HTTP error; when codex stays
//! silent for long, the stream is begun all the same. Dropping the stream, as hyper does when the client goes away, drops
//! where its events come from and with it interrupts the turns.

use std::convert::Infallible;
use std::future::ready;
use std::time::Duration;

use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::{Stream, StreamExt as _, TryStreamExt as _, stream};

use crate::error::ApiError;

/// The comment that keeps a silent stream open.
pub(super) const PING: &str = "ping";

/// Waits for the first events and sends the rest as they come. An error is the last of `events`.
///
/// `ping` is the silence after which a comment is sent. `silent` begins a stream whose first event is longer in coming, and `failed`
/// tells of an error within the stream.
///
/// # Errors
/// A failure that came before the first events.
pub(super) async fn answer(
    events: impl Stream<Item = Result<Vec<Event>, ApiError>> + Send + 'static,
    ping: Duration,
    silent: impl FnOnce() -> Vec<Event>,
    failed: impl FnOnce(ApiError) -> Vec<Event> + Send + 'static,
) -> Result<Response, ApiError> {
    let mut events = Box::pin(events.try_filter(|events| ready(!events.is_empty())));
    let first = tokio::select! {
        biased;
        first = events.next() => first.ok_or_else(ApiError::internal)??,
        () = tokio::time::sleep(ping) => silent(),
    };
    let rest = stream::unfold(Some((events, failed)), async |state| {
        let (mut events, failed) = state?;
        match events.next().await? {
            Ok(more) => Some((more, Some((events, failed)))),
            Err(error) => Some((failed(error), None)),
        }
    });
    let events = stream::iter([first]).chain(rest).flat_map(stream::iter).map(Ok::<_, Infallible>);
    let sse = Sse::new(events).keep_alive(KeepAlive::new().interval(ping).text(PING));
    // nginx would hold the stream back otherwise.
    let headers = [("content-type", "text/event-stream; charset=utf-8"), ("x-accel-buffering", "no")];
    Ok((headers, sse).into_response())
}
