//! A codex that only manages its account.

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use std::sync::Arc;
use tokio::sync::watch;

use crate::account::Account;
use crate::app_server::AppServer;
use crate::config::CodexConfig;
use crate::error::CodexError;
use crate::rpc::{Handler, Outcome};
use crate::session::{initialize_params, version_in};

/// A running codex. Dropping it kills the process.
pub(super) struct AccountServer {
    server: AppServer,
    logins: Logins,
    version: String,
}

/// Receives the end of a login.
#[derive(Debug, Default)]
struct Logins {
    completed: watch::Sender<Option<Result<(), String>>>,
}

#[derive(Deserialize)]
struct Completed {
    success: bool,
    error: Option<String>,
}

impl Handler for Logins {
    fn notification(&self, method: &str, params: Option<&RawValue>) {
        let params = params.filter(|_| method == "account/login/completed");
        if let Some(Ok(completed)) = params.map(|params| serde_json::from_str::<Completed>(params.get())) {
            let Completed { success, error } = completed;
            let result = if success { Ok(()) } else { Err(error.unwrap_or_default()) };
            self.completed.send_replace(Some(result));
        }
    }

    fn request(&self, _: &Value, _: &str, _: Option<&RawValue>) -> Option<Outcome> {
        Some(Err("not supported"))
    }
}

impl AccountServer {
    /// Starts codex with the user's own home. It needs no account and no valid configuration.
    pub(super) async fn open(config: &CodexConfig) -> Result<Self, CodexError> {
        let found = config.search.run().await?;
        // Our log level must not make codex write keys to its stderr.
        let environment = found.environment.without("RUST_LOG");
        let server = AppServer::start(&found.path, &environment, &[], &config.folder)?;
        let mut server = Self { server, logins: Logins::default(), version: String::new() };
        let params = initialize_params("codex-proxy", "Codex Proxy", &config.client_version);
        match server.call("initialize", params).await {
            Ok(answer) => {
                let version = answer["userAgent"].as_str().and_then(version_in);
                version.unwrap_or("of an unknown version").clone_into(&mut server.version);
            }
            Err(error) => return Err(server.stop_after(error).await),
        }
        match server.server.rpc.send(json!({ "method": "initialized" })).await {
            Ok(()) => Ok(server),
            Err(error) => Err(server.stop_after(error).await),
        }
    }

    pub(super) async fn call(&mut self, method: &'static str, params: Value) -> Result<Value, CodexError> {
        let rpc = Arc::clone(&self.server.rpc);
        let result = self.server.run(&self.logins, rpc.call(method, params)).await;
        result.map_err(|error| match error {
            // What it does not know may be the method or the kind of sign-in.
            CodexError::Refused { message, .. } if message.contains("unknown variant") => {
                let (what, since) = match method {
                    "account/login/start" => ("sign in this way", "0.120"),
                    "account/logout" => ("sign out for another app", "0.60"),
                    _ => ("switch workspaces", "0.169"),
                };
                CodexError::CannotDo { version: self.version.clone(), what, since }
            }
            error => error,
        })
    }

    /// The account; `None` if there is none.
    pub(super) async fn account(&mut self) -> Result<Option<Account>, CodexError> {
        Ok(Account::from_response(&self.call("account/read", json!({})).await?))
    }

    /// Waits until the login ends, with codex's message if it fails.
    pub(super) async fn completed(&mut self) -> Result<Result<(), String>, CodexError> {
        let mut completed = self.logins.completed.subscribe();
        let closed = self.server.rpc.closed.clone();
        let ended = async {
            let ended = closed.run_until_cancelled(completed.wait_for(Option::is_some)).await;
            ended.and_then(|ended| ended.ok()?.clone()).ok_or(CodexError::Disconnected)
        };
        self.server.run(&self.logins, ended).await
    }

    /// Stops codex, and returns the result.
    pub(super) async fn finish<T>(self, result: Result<T, CodexError>) -> Result<T, CodexError> {
        match result {
            Ok(value) => {
                self.server.stop().await;
                Ok(value)
            }
            Err(error) => Err(self.stop_after(error).await),
        }
    }

    pub(super) async fn stop_after(self, error: CodexError) -> CodexError {
        self.server.stop_after(error).await
    }
}
