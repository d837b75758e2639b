//! `/openapi.json`, and `/docs` (Swagger UI) and `/redoc` that display it, without loading anything from other hosts.
//!
//! The scripts in `assets/` are gzipped and sent as they are, since every browser accepts gzip.

use axum::Router;
use axum::http::header::{CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use crate::server::openapi;
use crate::server::state::Proxy;

/// Cannot be set in the pages themselves, which restrict what they load.
const POLICY: &str = "frame-ancestors 'none'";

pub(crate) fn routes() -> Router<Proxy> {
    Router::new()
        .route("/openapi.json", get(async || axum::Json(openapi::description())))
        .route("/docs", get(async || page(include_str!("../../../assets/swagger.html"))))
        .route("/docs/swagger-init.js", get(async || script(include_str!("../../../assets/swagger-init.js"))))
        .route(
            "/docs/swagger-ui-bundle.js",
            get(async || gzip("text/javascript", include_bytes!("../../../assets/swagger-ui-bundle.js.gz"))),
        )
        .route(
            "/docs/swagger-ui.css",
            get(async || gzip("text/css", include_bytes!("../../../assets/swagger-ui.css.gz"))),
        )
        .route("/redoc", get(async || page(include_str!("../../../assets/redoc.html"))))
        .route("/redoc/redoc-init.js", get(async || script(include_str!("../../../assets/redoc-init.js"))))
        .route(
            "/redoc/redoc.standalone.js",
            get(async || gzip("text/javascript", include_bytes!("../../../assets/redoc.standalone.js.gz"))),
        )
}

fn page(html: &'static str) -> Response {
    ([(CONTENT_TYPE, "text/html; charset=utf-8"), (CONTENT_SECURITY_POLICY, POLICY)], html).into_response()
}

fn script(text: &'static str) -> Response {
    ([(CONTENT_TYPE, "text/javascript; charset=utf-8")], text).into_response()
}

fn gzip(kind: &'static str, bytes: &'static [u8]) -> Response {
    let headers = [(CONTENT_TYPE, kind), (CONTENT_ENCODING, "gzip"), (CACHE_CONTROL, "max-age=86400")];
    (headers, bytes).into_response()
}
