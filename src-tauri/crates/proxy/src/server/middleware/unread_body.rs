//! Reads what a rejected client is still sending, so that it gets to read why.
//!
//! A connection that is closed while the client sends is reset (RFC 9112, 9.6). On Windows, the client then loses the response
//! too, although it has arrived: a wrong key or a body that is too large would be a broken connection.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::Request;
use axum::http::header::EXPECT;
use axum::middleware::Next;
use axum::response::Response;
use http_body_util::BodyExt;
use hyper::body::{Frame, SizeHint};
use parking_lot::Mutex;

use crate::server::state::BODY_LIMIT;

/// Maximum bytes to read on.
const MAX_DISCARDED: usize = 2 * BODY_LIMIT;

/// Maximum time to read on. A local client sends the maximum within a fraction of it.
const DISCARD_TIMEOUT: Duration = Duration::from_secs(2);

/// Reads the rest of the body before an error is sent.
pub(in crate::server) async fn read_rest(request: Request, next: Next) -> Response {
    // A client that waits for permission to send is not sending.
    if request.body().is_end_stream() || request.headers().contains_key(EXPECT) {
        return next.run(request).await;
    }
    let mut rest = None;
    let request = request.map(|body| {
        let shared = SharedBody(Arc::new(Mutex::new(body)));
        rest = Some(shared.clone());
        Body::new(shared)
    });
    let response = next.run(request).await;
    if let Some(rest) = rest.filter(|_| response.status().as_u16() >= 400) {
        discard(rest).await;
    }
    response
}

async fn discard(mut body: SharedBody) {
    let read = async {
        let mut discarded = 0;
        while let Some(Ok(frame)) = body.frame().await {
            discarded += frame.data_ref().map_or(0, Bytes::len);
            if discarded > MAX_DISCARDED {
                break;
            }
        }
    };
    let _late = tokio::time::timeout(DISCARD_TIMEOUT, read).await;
}

/// A body that can be read on after its owner has dropped it.
#[derive(Clone, Debug)]
struct SharedBody(Arc<Mutex<Body>>);

impl HttpBody for SharedBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut *self.0.lock()).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.0.lock().is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.0.lock().size_hint()
    }
}
