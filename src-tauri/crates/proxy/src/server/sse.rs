//! Server-sent event responses.
//!
//! Nothing is sent before the first event, so that an early failure is a proper HTTP error; if codex stays silent for
//! long, the stream starts anyway. When the client disconnects, hyper drops the stream, which drops the exchange and
//! interrupts its turns.

use std::convert::Infallible;
use std::future::ready;
use std::time::Duration;

use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::{Stream, StreamExt as _, TryStreamExt as _, stream};

use crate::error::ApiError;

/// Comment that keeps an idle stream open.
pub(super) const PING: &str = "ping";

/// Waits for the first events and streams the rest. An error ends the stream.
///
/// A comment is sent after `ping` of silence. `silent` starts the stream if the first event takes longer than that,
/// and `failed` turns an error inside the stream into events.
///
/// # Errors
/// An error before the first events.
pub(super) async fn respond(
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
    // nginx would buffer the stream otherwise.
    let headers = [("content-type", "text/event-stream; charset=utf-8"), ("x-accel-buffering", "no")];
    Ok((headers, sse).into_response())
}
