//! The first calls on a connection: `initialize`, the capability probe, and the account.

use std::path::PathBuf;

use parking_lot::Mutex;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::server_requests::reply;
use crate::account::Account;
use crate::capabilities::{Capabilities, PROBE};
use crate::error::CodexError;
use crate::notification::{ConfigWarning, OPT_OUT};
use crate::rpc::{Connection, Handler, Outcome};
use crate::status::Readiness;
use crate::thread::{ASK_FEATURES, IMAGE_FEATURE};

/// Warnings about the configuration to keep; further ones are dropped.
const MAX_WARNINGS: usize = 16;

/// Handles codex's messages before there is a session: no thread runs yet, so only warnings about the configuration matter.
/// codex sends them before it answers the first call after `initialized`.
#[derive(Debug, Default)]
pub(crate) struct HandshakeHandler {
    warnings: Mutex<Vec<ConfigWarning>>,
}

impl Handler for HandshakeHandler {
    fn notification(&self, method: &str, params: Option<&RawValue>) {
        let warning = params.filter(|_| method == "configWarning");
        if let Some(Ok(warning)) = warning.map(|params| serde_json::from_str(params.get())) {
            let mut warnings = self.warnings.lock();
            if warnings.len() < MAX_WARNINGS {
                warnings.push(warning);
            }
        }
    }

    fn request(&self, _: &Value, method: &str, _: Option<&RawValue>) -> Option<Outcome> {
        Some(reply(method).outcome)
    }
}

/// The parameters of `initialize`.
#[must_use]
pub fn initialize_params(name: &str, title: &str, version: &str) -> Value {
    json!({
        "clientInfo": { "name": name, "title": title, "version": version },
        "capabilities": {
            "experimentalApi": true,
            "requestAttestation": false,
            "optOutNotificationMethods": OPT_OUT,
        },
    })
}

/// Performs the handshake with the codex at `path`, whose other messages `handler` receives.
pub(crate) async fn handshake(
    rpc: &Connection,
    handler: &HandshakeHandler,
    client_version: &str,
    path: PathBuf,
) -> Result<Readiness, CodexError> {
    let params = initialize_params("codex-proxy", "Codex Proxy", client_version);
    let initialized: Value = rpc.call("initialize", params).await?;
    let version = initialized["userAgent"].as_str().and_then(version_in).unwrap_or("of an unknown version");
    rpc.send(json!({ "method": "initialized" })).await?;
    let capabilities = probe(rpc).await?;
    // codex goes on with its defaults, and would ask for a sign-in that the user's provider does not need.
    if let Some(reason) = handler.warnings.lock().iter().find_map(ConfigWarning::invalid) {
        return Err(CodexError::BadConfig { reason });
    }
    let mut account = None;
    if capabilities.account_read {
        account = match rpc.call("account/read", json!({})).await {
            Ok(answer) => Some(Account::from_response(&answer).ok_or(CodexError::NotSignedIn)?),
            // For some accounts it asks upstream, and fails when that is unreachable. A turn will find out.
            Err(CodexError::Refused { message, .. }) => {
                tracing::info!(%message, "codex does not report its account");
                None
            }
            Err(error) => return Err(error),
        };
    }
    let warnings: Vec<String> = handler.warnings.lock().iter().filter_map(ConfigWarning::text).collect();
    for warning in &warnings {
        tracing::warn!("codex's configuration: {warning}");
    }
    let version = version.to_owned();
    Ok(Readiness { path, version, capabilities, account, warnings, ..Readiness::default() })
}

/// Parses codex's version from `name/1.2.3 (system…)`.
pub(crate) fn version_in(user_agent: &str) -> Option<&str> {
    let version = user_agent.split_once('/')?.1.split_whitespace().next()?;
    version.starts_with(|c: char| c.is_ascii_digit()).then_some(version)
}

/// Probes codex's capabilities with calls that it must reject.
async fn probe(rpc: &Connection) -> Result<Capabilities, CodexError> {
    let mut capabilities = Capabilities::from_rejection(&rejection(rpc, PROBE, json!({})).await?);
    if capabilities.threads {
        // The rejection lists the sandbox modes. A different spelling means an older protocol in many other places too.
        let modes = rejection(rpc, "thread/start", json!({ "sandbox": PROBE })).await?;
        capabilities.threads = uses_kebab_case(&modes);
    }
    if !capabilities.threads {
        return Ok(capabilities.exec_only());
    }
    for (field, known) in [
        ("dynamicTools", &mut capabilities.dynamic_tools),
        ("experimentalRawEvents", &mut capabilities.raw_events),
    ] {
        // If the field is known, its 5 is rejected first. If not, the field is ignored, and the model is rejected.
        let rejection = rejection(rpc, "thread/start", json!({ field: 5, "model": 7 })).await?;
        *known = rejection.contains("`5`");
    }
    let policies = rejection(rpc, "thread/start", json!({ "approvalPolicy": PROBE })).await?;
    capabilities.ask = capabilities.interrupt && Capabilities::asks(&policies);
    let features = features(rpc).await?;
    let knows = |feature: &str| features.iter().any(|known| known["name"] == feature);
    capabilities.ask_questions = capabilities.ask && ASK_FEATURES.into_iter().all(knows);
    capabilities.image_generation = knows(IMAGE_FEATURE);
    Ok(capabilities)
}

/// The features that codex knows; none if it does not list them.
async fn features(rpc: &Connection) -> Result<Vec<Value>, CodexError> {
    let mut features: Value = match rpc.call("experimentalFeature/list", json!({})).await {
        Err(CodexError::Refused { .. }) => return Ok(Vec::new()),
        features => features?,
    };
    Ok(features["data"].as_array_mut().map(std::mem::take).unwrap_or_default())
}

fn uses_kebab_case(rejection: &str) -> bool {
    rejection.contains("`read-only`")
}

/// Makes a call that codex must reject, and returns the error message.
async fn rejection(rpc: &Connection, method: &'static str, params: Value) -> Result<String, CodexError> {
    match rpc.call::<Value>(method, params).await {
        Ok(_) => Ok(String::new()),
        Err(CodexError::Refused { message, .. }) => Ok(message),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn version_is_parsed_from_the_user_agent() {
        assert_eq!(version_in("x/0.169.0 (Debian 12.0.0; x86_64) xterm (x; 1)"), Some("0.169.0"));
        assert_eq!(version_in("no version"), None);
    }

    #[test]
    fn older_spelling_of_sandbox_modes_is_detected() {
        let rejection = |known: &str| format!("unknown variant `{PROBE}`, expected one of {known}");
        assert!(uses_kebab_case(&rejection("`read-only`, `workspace-write`")));
        assert!(!uses_kebab_case(&rejection("`readOnly`, `workspaceWrite`")));
    }
}
