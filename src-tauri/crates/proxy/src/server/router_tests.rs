use axum::body::Body;
use axum::http::Response;
use codex_client::Environment;
use http_body_util::BodyExt;
use serde_json::Value;
use tower::ServiceExt;

use super::*;
use crate::ProxyParts;
use crate::auth::Key;
use crate::exchange::Limits;
use crate::settings::Settings;

pub(super) const KEY: &str = "sk-of-this-test";

pub(super) async fn proxy(folder: &std::path::Path) -> Proxy {
    let settings = Settings {
        data_dir: folder.to_owned(),
        codex_path: Some("/no/such/codex".into()),
        api_keys: vec![Key::new(KEY)],
        ..Settings::default()
    };
    let environment = Environment::default();
    let limits = Limits::default();
    Proxy::new(ProxyParts {
        settings,
        environment,
        computer: "laptop".to_owned(),
        limits,
        keys: Vec::new(),
        request_log: std::sync::Arc::new(()),
        store: None,
        images: crate::ImageFetcher::default(),
        usage_limits: codex_client::SharedLimits::default(),
    })
    .unwrap()
}

async fn get_path(router: &Router, path: &str) -> Response<Body> {
    let request =
        Request::get(path).header("host", "localhost").header("authorization", format!("Bearer {KEY}"));
    router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap()
}

#[tokio::test]
async fn a_handler_panic_is_an_opaque_500_and_the_next_request_works() {
    let folder = tempfile::tempdir().unwrap();
    let routes = Router::new()
        .route("/v1/panics", get(async |request: Request| -> () { panic!("{:?}", request.headers()) }))
        .route("/v1/works", get(async || "yes"));
    let router = with_layers(routes, proxy(folder.path()).await);
    for _ in 0..2 {
        let response = get_path(&router, "/v1/panics").await;
        assert_eq!(response.status(), 500);
        assert!(response.headers().contains_key("x-request-id"));
        let body = response.into_body().collect().await.unwrap().to_bytes();
        assert!(!String::from_utf8_lossy(&body).contains(KEY));
        let body: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(body["error"]["code"], "internal_error");
        assert_eq!(body["error"]["type"], "server_error");
        assert_eq!(get_path(&router, "/v1/works").await.status(), 200);
    }
}
