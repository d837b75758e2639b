//! Checks every request's host, origin and key.
//!
//! The order matters: the host first, since a page that rebinds its DNS name must learn nothing; then the preflight,
//! which browsers send without a key; then the key.

use axum::Extension;
use axum::extract::{Request, State};
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS,
    ACCESS_CONTROL_REQUEST_METHOD, HOST, ORIGIN, VARY,
};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Version};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::auth::{Caller, Denied};
use super::auth_throttle::{LogSuppressed, Peer};
use crate::error::ApiError;
use crate::server::state::Proxy;

/// Set by browsers and not by pages: whether the request comes from our own origin.
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Health checks by HTTP/1.0 name no host; browsers, and so pages that rebind their name, always do.
const HEALTH: &str = "/health";

/// Needs a key unless requested from this machine.
const METRICS: &str = "/metrics";

/// The names by which containers and virtual machines reach their host.
///
/// No web page can have one: `.internal` is reserved for private networks and never in the public DNS. A list rather than a
/// pattern, because companies use the rest of `.internal`.
const CONTAINER_HOSTS: [&str; 11] = [
    "host.docker.internal",
    "gateway.docker.internal",
    "kubernetes.docker.internal",
    "docker.for.mac.host.internal",
    "docker.for.win.host.internal",
    // Podman, OrbStack, Lima and Colima, Rancher Desktop, minikube, k3d.
    "host.containers.internal",
    "host.orb.internal",
    "host.lima.internal",
    "host.rancher-desktop.internal",
    "host.minikube.internal",
    "host.k3d.internal",
];

/// Passes a request on, or rejects it.
pub(crate) async fn guard(State(proxy): State<Proxy>, mut request: Request, next: Next) -> Response {
    let settings = proxy.settings();
    if !host_is_allowed(&request, &settings.allowed_hosts) {
        return ApiError::host_not_allowed().into_response();
    }
    let origin = request.headers().get(ORIGIN).cloned();
    // Where no key is checked, the wildcard would let every web page in.
    let any_origin = settings.allows_any_origin() && settings.keys_needed && request.uri().path() != METRICS;
    let is_allowed = |origin: &&HeaderValue| any_origin || is_listed(origin, &settings.allowed_origins);
    let allowed = origin.as_ref().filter(is_allowed).cloned();
    if is_preflight(&request) {
        return match allowed {
            Some(origin) => preflight(origin, request.headers()),
            None => ApiError::origin_not_allowed().into_response(),
        };
    }
    let needs_key = needs_key(&request);
    // Without a key check, only this stops a web page from using codex behind its visitor's back.
    if (!settings.keys_needed || request.uri().path() == METRICS) && allowed.is_none() {
        let is_foreign = match origin {
            Some(origin) => !is_same_origin(&origin, request.headers()),
            // Images, scripts and links send no `Origin`.
            None => needs_key && is_cross_site(request.headers()),
        };
        if is_foreign {
            return ApiError::origin_not_allowed().into_response();
        }
    }
    let mut response = if proxy.stopping.is_cancelled() {
        ApiError::shutting_down().into_response()
    } else if needs_key && is_own_request(&proxy, request.headers()) {
        ApiError::own_request().into_response()
    } else if needs_key {
        match proxy.check_key(request.headers()) {
            Ok(caller) => {
                let kind = request.extensions().get().cloned().unwrap_or_default();
                request.extensions_mut().insert(Caller { kind, ..caller });
                next.run(request).await
            }
            Err(Denied::Error(error)) => error.into_response(),
            Err(Denied::WrongKey(error)) => {
                proxy.auth_throttle.log(request.extensions().get::<Peer>().copied());
                (Extension(LogSuppressed), error).into_response()
            }
        }
    } else {
        if request.uri().path() == HEALTH {
            identify(&proxy, &mut request);
        }
        next.run(request).await
    };
    if let Some(origin) = allowed {
        response.headers_mut().insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        response
            .headers_mut()
            .insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(EXPOSED_HEADERS));
        response.headers_mut().append(VARY, HeaderValue::from_static("origin"));
    }
    response
}

/// What web pages may read of an answer, besides its body.
const EXPOSED_HEADERS: &str = "x-request-id, x-codex-proxy-ignored, x-codex-proxy-files-changed, retry-after, x-should-retry, x-ratelimit-limit-requests, x-ratelimit-remaining-requests, x-ratelimit-reset-requests";

/// Adds the caller to a request that needs no key, if it has a valid one.
fn identify(proxy: &Proxy, request: &mut Request) {
    match proxy.check_key(request.headers()) {
        Ok(caller) => drop(request.extensions_mut().insert(caller)),
        Err(Denied::WrongKey(_)) => proxy.auth_throttle.log(request.extensions().get::<Peer>().copied()),
        Err(Denied::Error(_)) => {}
    }
}

/// Whether our own codex sent this request of a turn to us, whatever the address that its provider has. Each such turn would
/// start another one, so it ends here.
fn is_own_request(proxy: &Proxy, headers: &HeaderMap) -> bool {
    // codex's names of a thread, by version.
    let threads = ["thread-id", "session-id", "session_id"].into_iter().filter_map(|name| headers.get(name));
    threads.filter_map(|thread| thread.to_str().ok()).any(|thread| proxy.codex.end_own_turn(thread))
}

fn needs_key(request: &Request) -> bool {
    match request.uri().path() {
        METRICS => !is_from_this_machine(request),
        path => path == "/v1" || path.starts_with("/v1/"),
    }
}

/// Whether the request was made on this machine and not forwarded by a proxy on it.
fn is_from_this_machine(request: &Request) -> bool {
    let peer = request.extensions().get::<Peer>();
    peer.is_some_and(|Peer(peer)| peer.to_canonical().is_loopback())
        && !["forwarded", "x-forwarded-for"].iter().any(|header| request.headers().contains_key(*header))
}

fn is_preflight(request: &Request) -> bool {
    request.method() == Method::OPTIONS && request.headers().contains_key(ACCESS_CONTROL_REQUEST_METHOD)
}

fn preflight(origin: HeaderValue, requested: &HeaderMap) -> Response {
    let mut response = StatusCode::NO_CONTENT.into_response();
    let headers = response.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    headers.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, POST, DELETE"));
    // Browser SDKs send custom headers. The key protects us, not header names.
    let allowed = requested.get(ACCESS_CONTROL_REQUEST_HEADERS).cloned();
    let usual = HeaderValue::from_static("authorization, content-type, x-api-key, x-codex-workspace");
    headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, allowed.unwrap_or(usual));
    headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
    headers.append(VARY, HeaderValue::from_static("origin"));
    response
}

fn is_listed(origin: &HeaderValue, allowed: &[String]) -> bool {
    let Ok(origin) = origin.to_str() else { return false };
    allowed.iter().any(|allowed| allowed.trim_end_matches('/').eq_ignore_ascii_case(origin))
}

/// Whether the page is served by this proxy, as `/docs` is.
fn is_same_origin(origin: &HeaderValue, headers: &HeaderMap) -> bool {
    let origin = origin.to_str().ok().and_then(|origin| origin.strip_prefix("http://"));
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    origin.is_some() && origin == host
}

/// Whether a browser says that another origin's page requests this. Other programs and old browsers send no such
/// header.
fn is_cross_site(headers: &HeaderMap) -> bool {
    let site = headers.get(SEC_FETCH_SITE).and_then(|site| site.to_str().ok());
    site.is_some_and(|site| !matches!(site, "same-origin" | "none"))
}

/// Whether every host that the request names is ours: an IP address, a name of this machine, or an allowed name.
///
/// A DNS rebinding attack arrives with the page's own name.
fn host_is_allowed(request: &Request, allowed: &[String]) -> bool {
    let authority = request.uri().authority().map(Authority::as_str);
    let headers = request.headers().get_all(HOST).iter().map(|host| host.to_str().unwrap_or_default());
    let mut hosts = authority.into_iter().chain(headers).peekable();
    if hosts.peek().is_none() && request.version() == Version::HTTP_10 && request.uri().path() == HEALTH {
        return true;
    }
    // Check all, so that it does not matter which one a recipient uses.
    hosts.peek().is_some() && hosts.all(|host| is_ours(host, allowed))
}

fn is_ours(host: &str, allowed: &[String]) -> bool {
    // Anything before an `@` is user info, whatever it looks like.
    if host.contains('@') {
        return false;
    }
    let name = host_name(host);
    name == "localhost"
        || name.ends_with(".localhost")
        || CONTAINER_HOSTS.contains(&name.as_str())
        || name.parse::<std::net::IpAddr>().is_ok()
        || allowed.iter().any(|allowed| host_name(allowed) == name)
}

/// The name in `name:port`, as it is compared.
fn host_name(host: &str) -> String {
    without_port(host).trim_end_matches('.').to_ascii_lowercase()
}

fn without_port(host: &str) -> &str {
    if let Some(rest) = host.strip_prefix('[') {
        return rest.split(']').next().unwrap_or_default();
    }
    host.rsplit_once(':').map_or(host, |(name, _)| name)
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    fn allowed(host: &str) -> bool {
        let request = Request::builder().uri("/").header(HOST, host).body(Body::empty()).unwrap();
        host_is_allowed(&request, &["my-laptop.lan".to_owned(), "MyBox.:8000".to_owned()])
    }

    #[test]
    fn names_of_this_machine_are_allowed() {
        for host in [
            "localhost",
            "localhost:8000",
            "LOCALHOST:1",
            "127.0.0.1:8000",
            "[::1]:8000",
            "192.168.1.5:8000",
            "host.docker.internal:8000",
            "gateway.docker.internal:8000",
            "kubernetes.docker.internal:8000",
            "host.containers.internal:8000",
            "host.orb.internal:8000",
            "Host.Lima.Internal.:8000",
            "host.rancher-desktop.internal",
            "host.minikube.internal:8000",
            "host.k3d.internal:8000",
            "docker.for.mac.host.internal:8000",
            "docker.for.mac.localhost:8000",
            "app.localhost",
            "my-laptop.lan:8000",
            "mybox",
            "mybox:8000",
            "mybox:9000",
            "localhost.",
        ] {
            assert!(allowed(host), "{host}");
        }
    }

    #[test]
    fn foreign_names_are_rejected() {
        for host in [
            "evil.example",
            "evil.example:8000",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "localhost:80@evil.example",
            "localhost@evil.example:80",
            "evil.example#localhost",
            "host.docker.internal.evil.example",
            "evil.internal",
            "host.evil.internal",
            "xhost.orb.internal",
            "localhost evil.example",
            "2130706433.evil.example",
            "0x7f.1",
            "",
            "[::1",
        ] {
            assert_eq!(allowed(host), host == "[::1", "{host}");
        }
    }

    #[test]
    fn metrics_need_a_key_unless_requested_from_this_machine() {
        let request = |path: &str, peer: Option<&str>| {
            let mut request = Request::builder().uri(path).body(Body::empty()).unwrap();
            if let Some(peer) = peer {
                request.extensions_mut().insert(Peer(peer.parse().unwrap()));
            }
            request
        };
        for local in ["127.0.0.1", "127.1.2.3", "::1", "::ffff:127.0.0.1"] {
            assert!(!needs_key(&request("/metrics", Some(local))), "{local}");
            assert!(needs_key(&request("/v1/models", Some(local))), "{local}");
        }
        for remote in ["192.168.1.5", "172.17.0.2", "fe80::1", "::ffff:10.0.0.1"] {
            assert!(needs_key(&request("/metrics", Some(remote))), "{remote}");
        }
        assert!(needs_key(&request("/metrics", None)));
        let mut forwarded = request("/metrics", Some("127.0.0.1"));
        forwarded.headers_mut().insert("forwarded", HeaderValue::from_static("for=192.0.2.1"));
        assert!(needs_key(&forwarded));
    }

    #[test]
    fn a_host_in_the_url_is_checked_too() {
        let request = Request::builder()
            .uri("http://evil.example/")
            .header(HOST, "localhost")
            .body(Body::empty())
            .unwrap();
        assert!(!host_is_allowed(&request, &[]));
    }

    #[test]
    fn every_host_of_a_request_must_be_ours() {
        for hosts in [["localhost", "evil.example"], ["evil.example", "localhost"]] {
            let request = Request::builder().uri("/").header(HOST, hosts[0]).header(HOST, hosts[1]);
            assert!(!host_is_allowed(&request.body(Body::empty()).unwrap(), &[]));
        }
        let request = Request::builder().uri("http://localhost/").header(HOST, "evil.example");
        assert!(!host_is_allowed(&request.body(Body::empty()).unwrap(), &[]));
        assert!(!host_is_allowed(&Request::builder().uri("/").body(Body::empty()).unwrap(), &[]));
    }
}
