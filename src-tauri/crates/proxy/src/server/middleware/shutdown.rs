//! Ends what is still unanswered when the proxy stops.

use std::time::Duration;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::error::ApiError;
use crate::server::state::Proxy;

/// How long a stream that was cut off may take to send its last event.
pub(in crate::server) const FINAL_EVENT_GRACE: Duration = Duration::from_secs(1);

/// Answers for a route that has not done so by itself soon after the cut-off, such as one that waits for the rest of a body.
pub(in crate::server) async fn or_shutting_down(
    State(proxy): State<Proxy>,
    request: Request,
    next: Next,
) -> Response {
    let too_late = async {
        proxy.cut_off.cancelled().await;
        tokio::time::sleep(FINAL_EVENT_GRACE / 2).await;
    };
    tokio::select! {
        biased;
        response = next.run(request) => response,
        () = too_late => ApiError::shutting_down().into_response(),
    }
}
