//! Answers requests that are still pending when the proxy stops.

use std::time::Duration;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::error::ApiError;
use crate::server::state::Proxy;

/// Time for a cut-off stream to send its final event.
pub(in crate::server) const FINAL_EVENT_GRACE: Duration = Duration::from_secs(1);

/// Responds for a route that has not done so soon after the cut-off, such as one waiting for a body.
pub(in crate::server) async fn with_shutdown(
    State(proxy): State<Proxy>,
    request: Request,
    next: Next,
) -> Response {
    let deadline = async {
        proxy.cut_off.cancelled().await;
        tokio::time::sleep(FINAL_EVENT_GRACE / 2).await;
    };
    tokio::select! {
        biased;
        response = next.run(request) => response,
        () = deadline => ApiError::shutting_down().into_response(),
    }
}
