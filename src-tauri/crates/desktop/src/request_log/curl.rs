//! A request as a command line for curl. A pure function over what is kept; the key is never part of it.

use serde_json::{Value, json};

use super::live::CUT_OFF;
use super::types::ExchangeRow;

/// The command, for a POSIX shell. Whatever a client chose is quoted, so that pasting it runs curl and nothing else.
pub(super) fn command(row: &ExchangeRow, text: Option<&str>, base_url: &str) -> String {
    let base = base_url.trim_end_matches('/');
    let root = base.strip_suffix("/v1").unwrap_or(base);
    let address = quoted(&format!("{root}{}", row.route));
    let key = r#"-H "Authorization: Bearer $CODEX_PROXY_KEY""#;
    let whole = text.filter(|text| !text.ends_with(CUT_OFF)).map(str::to_owned);
    match whole.or_else(|| example(row).map(|body| body.to_string())) {
        // --data-raw, because --data takes a text that begins with @ for the name of a file to send.
        Some(body) => format!(
            "curl {address} \\\n  {key} \\\n  -H 'Content-Type: application/json' \\\n  --data-raw {}",
            quoted(&body)
        ),
        None => format!("curl {address} \\\n  {key}"),
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

/// A text as one word of a POSIX shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}
