//! Gives each path the spelling of its route, before anything else looks at it: the key check, the router, the log.

use axum::extract::Request;
use axum::http::Uri;

/// The first segments of the routes under `/v1`. Some clients want a base URL without it.
const UNDER_V1: [&str; 5] = ["chat", "completions", "conversations", "models", "responses"];

/// Drops doubled and trailing slashes, and adds `/v1` where the base URL lacks it.
pub(crate) fn normalize(mut request: Request) -> Request {
    let uri = request.uri();
    let path = normalized(uri.path());
    if path != uri.path()
        && let Some(uri) = with_path(uri, path)
    {
        *request.uri_mut() = uri;
    }
    request
}

fn normalized(path: &str) -> String {
    if !path.starts_with('/') {
        // `OPTIONS *`
        return path.to_owned();
    }
    let mut segments = path.split('/').filter(|segment| !segment.is_empty()).peekable();
    let lacks_v1 = segments.peek().is_some_and(|first| UNDER_V1.contains(first));
    let prefix = if lacks_v1 { "/v1" } else { "" };
    let path = segments.fold(prefix.to_owned(), |path, segment| path + "/" + segment);
    if path.is_empty() { "/".to_owned() } else { path }
}

fn with_path(uri: &Uri, mut path: String) -> Option<Uri> {
    if let Some(query) = uri.query() {
        path = path + "?" + query;
    }
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(path.parse().ok()?);
    Uri::from_parts(parts).ok()
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    #[test]
    fn every_spelling_of_a_path_becomes_the_one_of_its_route() {
        for (given, expected) in [
            ("/v1/models", "/v1/models"),
            ("/models", "/v1/models"),
            ("/models/", "/v1/models"),
            ("/v1/models/", "/v1/models"),
            ("//v1///models//", "/v1/models"),
            ("/chat/completions?a=/b//", "/v1/chat/completions?a=/b//"),
            ("/responses/resp_1/cancel/", "/v1/responses/resp_1/cancel"),
            ("/models/a%2Fb", "/v1/models/a%2Fb"),
            ("/modelsx", "/modelsx"),
            ("/v1", "/v1"),
            ("/v1/", "/v1"),
            ("/health/", "/health"),
            ("/", "/"),
            ("//", "/"),
            ("http://localhost/models/", "http://localhost/v1/models"),
            ("*", "*"),
        ] {
            let request = Request::builder().uri(given).body(Body::empty()).unwrap();
            assert_eq!(normalize(request).uri(), expected, "{given}");
        }
    }
}
