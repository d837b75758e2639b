//! The backend's image endpoints, which codex calls for its tool `image_gen.imagegen`.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use serde_json::{Value, json};

use crate::api_error::ApiError;
use crate::clock::unix_seconds;
use crate::event_log::Event;
use crate::png::{self, SIZE};
use crate::recorded::{Origin, Transport};
use crate::script::{self, Script};
use crate::state::{ModelState, Shared};

pub(crate) fn routes() -> Router<Shared> {
    Router::new().route("/v1/images/generations", post(create)).route("/v1/images/edits", post(create))
}

async fn create(State(shared): State<Shared>, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    let origin = Origin::new("POST", uri.to_string(), &headers, Transport::Http);
    let body: Value = match serde_json::from_slice(&body) {
        Ok(body) => body,
        Err(error) => return ApiError::invalid_request(format!("not JSON: {error}")).response(json!({})),
    };
    let text = |name: &str| body[name].as_str().unwrap_or_default();
    let script = match Script::parse_prompt(text("prompt")) {
        Ok(script) => script.unwrap_or_default(),
        Err(error) => {
            return ApiError::invalid_request(format!("sample script: {error}")).response(json!({}));
        }
    };
    shared.state.records.push(origin.record(None, Arc::new(body.clone()), Arc::default()));
    if script.picture_hold {
        hold(&shared.state).await;
    }
    if let Some(status) = script.picture_status {
        return ApiError::scripted(status, &script).response(json!({}));
    }
    let size = script::size(text("size")).or(script.picture_size);
    let picture = png::base64(text("prompt"), size, text("background") == "transparent");
    let (width, height) = size.unwrap_or(SIZE);
    Json(json!({
        "created": unix_seconds(), "data": [{"b64_json": picture}], "background": text("background"),
        "output_format": "png", "quality": "high", "size": format!("{width}x{height}"),
        "usage": {"input_tokens": 10, "output_tokens": 20, "total_tokens": 30,
            "input_tokens_details": {"text_tokens": 10, "image_tokens": 0}},
    }))
    .into_response()
}

/// Waits for a release. If the client disconnects meanwhile, the event log says so.
async fn hold(state: &Arc<ModelState>) {
    struct Held<'a> {
        state: &'a ModelState,
        id: u64,
        is_released: bool,
    }
    impl Drop for Held<'_> {
        fn drop(&mut self) {
            if !self.is_released {
                self.state.holds.remove(self.id);
                self.state.events.push(Event::ClientGone { id: self.id });
            }
        }
    }
    let id = state.next_id();
    let released = state.holds.register(id);
    let mut held = Held { state, id, is_released: false };
    state.events.push(Event::Held { id, n: 0 });
    let _ = released.await;
    held.is_released = true;
}
