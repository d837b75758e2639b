//! A request as a curl command, without its key.

use serde_json::{Value, json};

use super::live::CUT_OFF;
use super::types::{ExchangeDetail, ExchangeRow};
use crate::shell::{self, Platform};

impl ExchangeDetail {
    /// The request as a curl command for the system's shell, with the variable `CODEX_PROXY_KEY` as the key. `base_url` ends with
    /// `/v1`. Without the complete request text, the body is an example for the same model. Everything a client chose is quoted,
    /// so that pasting the command runs only curl.
    #[must_use]
    pub fn as_curl(&self, base_url: &str, platform: Platform) -> String {
        let Self { row, request_text, .. } = self;
        let base = base_url.trim_end_matches('/');
        let root = base.strip_suffix("/v1").unwrap_or(base);
        let address = format!("{root}{}", row.route);
        let complete = request_text.clone().filter(|text| !text.ends_with(CUT_OFF));
        let body = complete.or_else(|| example(row).map(|body| body.to_string()));
        match platform {
            Platform::Linux | Platform::MacOs => posix(&address, body.as_deref()),
            Platform::Windows => powershell(&address, body.as_deref()),
        }
    }
}

fn posix(address: &str, body: Option<&str>) -> String {
    let mut command =
        format!("curl {} \\\n  -H \"Authorization: Bearer $CODEX_PROXY_KEY\"", shell::posix_string(address));
    if let Some(body) = body {
        command.push_str(" \\\n  -H 'Content-Type: application/json' \\\n  --data-raw ");
        command.push_str(&shell::posix_json(body));
    }
    command
}

/// For PowerShell 5 and later, where plain `curl` may be another command.
fn powershell(address: &str, body: Option<&str>) -> String {
    let curl = format!(
        "curl.exe {} `\n  -H \"Authorization: Bearer $env:CODEX_PROXY_KEY\"",
        shell::powershell_string(address)
    );
    match body {
        Some(body) => format!(
            "{} | {curl} `\n  -H 'Content-Type: application/json' `\n  --data-binary '@-'",
            shell::powershell_json(body)
        ),
        None => curl,
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
