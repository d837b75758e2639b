//! A request as a command line for curl. A pure function over what is kept; the key is never part of it.

use serde_json::{Value, json};

use super::live::CUT_OFF;
use super::types::{ExchangeDetail, ExchangeRow};
use crate::text::posix_string;

impl ExchangeDetail {
    /// The request as a command line for curl in a POSIX shell, with `$CODEX_PROXY_KEY` where the key belongs. `base_url` ends
    /// with `/v1`. Without a whole text of the request, its body is an example for the same model. Whatever a client chose is
    /// quoted, so that pasting it runs curl and nothing else.
    #[must_use]
    pub fn as_curl(&self, base_url: &str) -> String {
        let Self { row, request_text, .. } = self;
        let base = base_url.trim_end_matches('/');
        let root = base.strip_suffix("/v1").unwrap_or(base);
        let address = posix_string(&format!("{root}{}", row.route));
        let key = r#"-H "Authorization: Bearer $CODEX_PROXY_KEY""#;
        let whole = request_text.clone().filter(|text| !text.ends_with(CUT_OFF));
        match whole.or_else(|| example(row).map(|body| body.to_string())) {
            // --data-raw, because --data takes a text that begins with @ for the name of a file to send.
            Some(body) => format!(
                "curl {address} \\\n  {key} \\\n  -H 'Content-Type: application/json' \\\n  --data-raw {}",
                posix_string(&body)
            ),
            None => format!("curl {address} \\\n  {key}"),
        }
    }
}

/// A body of the same kind for the same model; `None` for a route that takes none.
fn example(row: &ExchangeRow) -> Option<Value> {
    let (model, prompt) = (&row.model, "Say hello.");
    match row.route.trim_start_matches("/v1") {
        "/chat/completions" => {
            Some(json!({"model": model, "messages": [{"role": "user", "content": prompt}]}))
        }
        "/completions" => Some(json!({"model": model, "prompt": prompt})),
        "/responses" => Some(json!({"model": model, "input": prompt})),
        _ => None,
    }
}
