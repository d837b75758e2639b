//! Adds the account's usage limits to the headers of answers, as they are known when the answer begins.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use codex_client::RateLimits;

use crate::clock::unix_now;
use crate::server::state::Proxy;

/// The first part of the headers' names.
const PREFIX: &str = "x-codex-proxy-limit";

/// Adds the headers, unless the settings turn them off.
pub(crate) async fn with_usage_headers(State(proxy): State<Proxy>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    if proxy.settings().usage_headers
        && let Some(limits) = &*proxy.codex.usage_limits().watch().borrow()
    {
        add(response.headers_mut(), limits, unix_now());
    }
    response
}

fn add(headers: &mut HeaderMap, limits: &RateLimits, now: u64) {
    let mut insert = |name: String, value: String| {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            headers.insert(name, value);
        }
    };
    insert(format!("{PREFIX}-reached"), limits.is_reached(now).to_string());
    for window in limits.windows.iter().map(|window| window.at(now)) {
        let period = period(window.minutes);
        insert(format!("{PREFIX}-{period}-used-percent"), window.used_percent.to_string());
        if let Some(at) = window.resets_at {
            insert(format!("{PREFIX}-{period}-resets-at"), at.to_string());
        }
    }
}

/// The period in a header's name: `5h`, `week`, `30d`, `90m`.
fn period(minutes: Option<u64>) -> String {
    match minutes {
        None => "usage".to_owned(),
        Some(10_080) => "week".to_owned(),
        Some(minutes) if minutes.is_multiple_of(1440) => format!("{}d", minutes / 1440),
        Some(minutes) if minutes.is_multiple_of(60) => format!("{}h", minutes / 60),
        Some(minutes) => format!("{minutes}m"),
    }
}

#[cfg(test)]
mod tests {
    use codex_client::LimitWindow;

    use super::*;

    #[test]
    fn each_window_has_its_percentage_and_its_reset() {
        let window = |used_percent, minutes, resets_at| LimitWindow { used_percent, minutes, resets_at };
        let limits = RateLimits {
            ordinary_usage_allowed: Some(false),
            windows: vec![
                window(42, Some(300), Some(100)),
                window(7, Some(10_080), None),
                window(99, Some(43_200), Some(9)),
            ],
            ..RateLimits::default()
        };
        let mut headers = HeaderMap::new();
        add(&mut headers, &limits, 10);
        let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap());
        assert_eq!(text("x-codex-proxy-limit-reached"), Some("true"));
        assert_eq!(text("x-codex-proxy-limit-5h-used-percent"), Some("42"));
        assert_eq!(text("x-codex-proxy-limit-5h-resets-at"), Some("100"));
        assert_eq!(text("x-codex-proxy-limit-week-used-percent"), Some("7"));
        assert_eq!(text("x-codex-proxy-limit-week-resets-at"), None);
        // It has reset since.
        assert_eq!(text("x-codex-proxy-limit-30d-used-percent"), Some("0"));
        assert_eq!(period(Some(90)), "90m");
    }
}
