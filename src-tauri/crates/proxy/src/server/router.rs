//! The router, a pure function of the proxy, so tests need no socket.

use axum::Router;
use axum::extract::Request;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::IntoResponse;
use axum::routing::{get, post};
use tower::util::MapRequest;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::decompression::RequestDecompressionLayer;

use super::middleware::host_origin::guard;
use super::middleware::paths::normalize;
use super::middleware::request_id::with_request_id;
use super::middleware::request_limit::with_request_limit;
use super::middleware::shutdown::with_shutdown;
use super::middleware::unread_body::read_rest;
use super::middleware::usage_headers::with_usage_headers;
use super::routes::{
    chat, compact, completions, conversations, docs, health, images, input_items, input_tokens, metrics,
    models, responses, stored_chats, usage,
};
use super::state::Proxy;
use super::websocket;
use crate::error::ApiError;

/// All routes and the fallback.
pub(super) fn router(proxy: Proxy) -> Router {
    let routes = Router::new()
        .route("/v1/chat/completions", post(chat::create))
        .route("/v1/completions", post(completions::create))
        .route("/v1/responses", post(responses::create))
        .route("/v1/responses/compact", post(compact::create))
        .route("/v1/images/generations", post(images::generate))
        .route("/v1/images/edits", post(images::edit))
        .route_layer(from_fn_with_state(proxy.clone(), with_request_limit))
        .route_layer(from_fn_with_state(proxy.clone(), with_usage_headers))
        .route("/v1/responses", get(websocket::connect))
        .route("/v1/chat/completions", get(stored_chats::list))
        .route(
            "/v1/chat/completions/{id}",
            get(stored_chats::one).post(stored_chats::update).delete(stored_chats::delete),
        )
        .route("/v1/chat/completions/{id}/messages", get(stored_chats::messages))
        .route("/v1/conversations", post(conversations::create))
        .route(
            "/v1/conversations/{id}",
            get(conversations::one).post(conversations::update).delete(conversations::delete),
        )
        .route(
            "/v1/conversations/{id}/items",
            get(conversations::list_items).post(conversations::create_items),
        )
        .route(
            "/v1/conversations/{id}/items/{item}",
            get(conversations::one_item).delete(conversations::delete_item),
        )
        .route("/v1/responses/{id}", get(responses::one).delete(responses::delete))
        .route("/v1/responses/input_tokens", post(input_tokens::count))
        .route("/v1/responses/{id}/input_items", get(input_items::list))
        .route("/v1/responses/{id}/cancel", post(responses::cancel))
        .route("/v1/images/variations", post(images::variations))
        .route("/v1/models", get(models::list))
        .route("/v1/models/{id}", get(models::one))
        .route("/v1/usage", get(usage::usage))
        .route("/health", get(health::health))
        .route("/metrics", get(metrics::metrics))
        .merge(docs::routes());
    with_layers(routes, proxy)
}

/// Adds the fallback and the middleware, and serves every spelling of a path.
fn with_layers(routes: Router<Proxy>, proxy: Proxy) -> Router {
    let routes = routes
        .fallback(async |request: Request| ApiError::not_found(request.method(), request.uri().path()))
        .method_not_allowed_fallback(async |request: Request| {
            ApiError::method_not_allowed(request.method(), request.uri().path())
        })
        // An encoding it does not know stays in the header, and the body's reader rejects it.
        .layer(RequestDecompressionLayer::new().pass_through_unaccepted(true))
        .layer(from_fn_with_state(proxy.clone(), with_shutdown))
        .layer(from_fn_with_state(proxy.clone(), guard))
        .layer(CatchPanicLayer::custom(|_: Box<dyn std::any::Any + Send>| {
            tracing::error!("a request handler panicked; this is a bug");
            ApiError::internal().into_response()
        }))
        .layer(from_fn(read_rest))
        // Outermost, so that every response has an id and a log line, rejected requests included.
        .layer(from_fn_with_state(proxy.clone(), with_request_id))
        .with_state(proxy);
    // Middleware of the router itself would run after the route is chosen.
    Router::new().fallback_service(MapRequest::new(routes, normalize))
}

#[cfg(test)]
mod hostile_tests;
#[cfg(test)]
#[path = "router_tests.rs"]
mod tests;
