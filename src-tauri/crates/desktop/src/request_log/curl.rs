//! A request as a curl command, without its key.

use serde_json::{Value, json};

use super::live::CUT_OFF;
use super::types::{ExchangeDetail, ExchangeRow};
use crate::text::quote_posix;

impl ExchangeDetail {
    /// The request as a curl command for a POSIX shell, with `$CODEX_PROXY_KEY` as the key. `base_url` ends with `/v1`. Without
    /// the complete request text, the body is an example for the same model. Everything a client chose is quoted, so that pasting
    /// the command runs only curl.
    #[must_use]
    pub fn as_curl(&self, base_url: &str) -> String {
        let Self { row, request_text, .. } = self;
        let base = base_url.trim_end_matches('/');
        let root = base.strip_suffix("/v1").unwrap_or(base);
        let address = quote_posix(&format!("{root}{}", row.route));
        let key = r#"-H "Authorization: Bearer $CODEX_PROXY_KEY""#;
        let complete = request_text.clone().filter(|text| !text.ends_with(CUT_OFF));
        match complete.or_else(|| example(row).map(|body| body.to_string())) {
            // --data-raw, because --data treats a leading @ as a file name.
            Some(body) => format!(
                "curl {address} \\\n  {key} \\\n  -H 'Content-Type: application/json' \\\n  --data-raw {}",
                quote_posix(&body)
            ),
            None => format!("curl {address} \\\n  {key}"),
        }
    }
}

/// An example body for the same route and model; `None` for routes without a body.
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
