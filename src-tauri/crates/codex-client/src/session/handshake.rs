//! The first calls on a connection: who we are, what this codex can do, and which account it has.

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::server_requests::reply;
use crate::account::{Account, AccountRead};
use crate::capabilities::{Capabilities, UNKNOWN, field_probe, knows_field, spelling_probe, uses_kebab_case};
use crate::error::CodexError;
use crate::notification::OPT_OUT;
use crate::rpc::{Connection, Handler};

/// What codex says of itself.
pub(crate) struct Hello {
    pub(crate) version: String,
    pub(crate) capabilities: Capabilities,
    /// `None` when this codex does not say.
    pub(crate) account: Option<Account>,
}

/// Handles what codex sends before there is a session: no thread runs yet, so notifications do not matter.
pub(crate) struct BeforeSession;

impl Handler for BeforeSession {
    fn notification(&self, _method: &str, _params: Option<&RawValue>) {}

    fn request(&self, _: &Value, method: &str, _: Option<&RawValue>) -> Option<Result<Value, &'static str>> {
        Some(reply(method).outcome)
    }
}

/// The answer to `initialize`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Initialized {
    #[serde(default)]
    user_agent: String,
}

impl Initialized {
    /// codex's version out of `name/1.2.3 (system…)`.
    fn version(&self) -> Option<String> {
        let (_, rest) = self.user_agent.split_once('/')?;
        let version = rest.split_whitespace().next()?;
        version.starts_with(|c: char| c.is_ascii_digit()).then(|| version.to_owned())
    }
}

/// The parameters of `initialize` for a client of this name and version.
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

/// Introduces us and asks what codex is.
pub(crate) async fn handshake(rpc: &Connection, client_version: &str) -> Result<Hello, CodexError> {
    let params = initialize_params("codex-proxy", "Codex Proxy", client_version);
    let initialized: Initialized = rpc.call("initialize", params).await?;
    let version = initialized.version().unwrap_or_else(|| "of an unknown version".to_owned());
    rpc.notify("initialized").await?;
    let capabilities = probe(rpc).await?;
    let mut account = None;
    if capabilities.account_read {
        account = match rpc.call::<AccountRead>("account/read", json!({})).await {
            Ok(read) => Some(read.account().ok_or(CodexError::NotSignedIn)?),
            // It asks upstream about some accounts, and fails when it cannot reach it. A turn will find out.
            Err(CodexError::Refused { message, .. }) => {
                tracing::info!(%message, "codex does not say which account it has");
                None
            }
            Err(error) => return Err(error),
        };
    }
    Ok(Hello { version, capabilities, account })
}

async fn probe(rpc: &Connection) -> Result<Capabilities, CodexError> {
    let mut capabilities = Capabilities::from_rejection(&rejection(rpc, UNKNOWN, json!({})).await?);
    capabilities.threads =
        capabilities.threads && uses_kebab_case(&rejection(rpc, "thread/start", spelling_probe()).await?);
    if !capabilities.threads {
        return Ok(capabilities.exec_only());
    }
    for (field, known) in [
        ("dynamicTools", &mut capabilities.dynamic_tools),
        ("experimentalRawEvents", &mut capabilities.raw_events),
    ] {
        *known = knows_field(&rejection(rpc, "thread/start", field_probe(field)).await?);
    }
    Ok(capabilities)
}

/// Makes a call that codex must reject, and returns its words.
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
    fn the_version_is_read_out_of_the_user_agent() {
        let version = |agent: &str| Initialized { user_agent: agent.into() }.version();
        assert_eq!(version("x/0.169.0 (Debian 12.0.0; x86_64) xterm (x; 1)").as_deref(), Some("0.169.0"));
        assert_eq!(version("no version"), None);
    }
}
