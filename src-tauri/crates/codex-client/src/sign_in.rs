//! Signs codex in and out, and switches its workspace, in the user's own home.
//!
//! Each call starts a separate codex, which needs no account, and stops it at the end. codex talks to the browser and to
//! OpenAI, and stores the tokens: they never pass through here. An API key goes to codex's stdin and nowhere else.

mod server;

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::account::Account;
use crate::config::CodexConfig;
use crate::error::CodexError;
use crate::reason::brief;
use server::AccountServer;

/// How long a person has to sign in. codex's device codes are valid this long.
const SIGN_IN_TIMEOUT: Duration = Duration::from_secs(15 * 60);

/// How long codex has to confirm that a sign-in was cancelled.
const CANCEL_TIMEOUT: Duration = Duration::from_secs(2);

/// How to sign in.
#[derive(Clone)]
pub enum SignInMethod {
    /// With ChatGPT, in the browser of this computer.
    Browser,
    /// With ChatGPT, by entering a code on another device.
    DeviceCode,
    /// With this OpenAI API key. codex does not check it.
    ApiKey(String),
}

impl std::fmt::Debug for SignInMethod {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Browser => "Browser",
            Self::DeviceCode => "DeviceCode",
            Self::ApiKey(_) => "ApiKey",
        })
    }
}

/// What the person has to do to sign in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SignInPrompt {
    /// Sign in on this page, in a browser on this computer.
    Browser {
        /// The page.
        url: String,
    },
    /// Enter the code on this page, on any device.
    DeviceCode {
        /// The page.
        url: String,
        /// The code.
        code: String,
    },
}

/// How a sign-in ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SignInEnd {
    /// Signed in; with the account, if codex reports it.
    SignedIn(Option<Account>),
    /// It failed.
    Failed {
        /// What happened, without a final period.
        reason: String,
    },
    /// It was cancelled.
    Cancelled,
    /// The sign-in was not finished in time.
    TimedOut,
}

/// A workspace that the signed-in person can use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Workspace {
    /// codex's id of the sign-in.
    pub session: String,
    /// The workspace's id.
    pub id: String,
    /// Its name, if codex knows it.
    pub name: Option<String>,
    /// The email address of the sign-in.
    pub email: Option<String>,
    /// Whether it is in use.
    pub is_active: bool,
}

/// Signs in, which replaces the previous sign-in. `prompt` is called once there is something to do.
///
/// # Errors
/// Whatever keeps codex from starting, or from signing in this way.
pub async fn sign_in(
    config: &CodexConfig,
    method: SignInMethod,
    cancel: &CancellationToken,
    prompt: impl FnOnce(SignInPrompt),
) -> Result<SignInEnd, CodexError> {
    let starting = start(config, method);
    let Some(started) = cancel.run_until_cancelled(starting).await else { return Ok(SignInEnd::Cancelled) };
    let (mut server, started) = match started {
        Err(CodexError::Refused { message, .. }) => return Ok(failed(&message)),
        started => started?,
    };
    let end = match started {
        Started::Done => Ok(SignInEnd::SignedIn(None)),
        Started::Waiting { login, prompt: what } => {
            prompt(what);
            wait(&mut server, login, cancel).await
        }
    };
    let end = match end {
        // Not known for some accounts while their service is unreachable.
        Ok(SignInEnd::SignedIn(_)) => Ok(SignInEnd::SignedIn(server.account().await.ok().flatten())),
        end => end,
    };
    server.finish(end).await
}

/// Signs out.
///
/// # Errors
/// Whatever keeps codex from starting, or from signing out.
pub async fn sign_out(config: &CodexConfig) -> Result<(), CodexError> {
    let mut server = AccountServer::open(config).await?;
    let result = server.call("account/logout", Value::Null).await.map(drop);
    server.finish(result).await
}

/// Lists the workspaces of the person who is signed in; none with an API key.
///
/// # Errors
/// Whatever keeps codex from starting, or from listing them.
pub async fn workspaces(config: &CodexConfig) -> Result<Vec<Workspace>, CodexError> {
    let mut server = AccountServer::open(config).await?;
    // Without this, codex names only the one in use.
    let all = server.call("accountSession/list", json!({ "refreshWorkspaceMetadata": true })).await;
    let result = match all {
        Err(CodexError::Refused { .. }) => server.call("accountSession/list", json!({})).await,
        all => all,
    };
    server.finish(result.map(|list| parse_workspaces(&list))).await
}

/// Switches to another workspace of the person who is signed in.
///
/// # Errors
/// Whatever keeps codex from starting, or from switching.
pub async fn switch_workspace(config: &CodexConfig, session: &str, id: &str) -> Result<(), CodexError> {
    let mut server = AccountServer::open(config).await?;
    let params = json!({ "sessionId": session, "accountId": id });
    let result = server.call("accountSession/switch", params).await.map(drop);
    server.finish(result).await
}

enum Started {
    Done,
    Waiting { login: String, prompt: SignInPrompt },
}

async fn start(config: &CodexConfig, method: SignInMethod) -> Result<(AccountServer, Started), CodexError> {
    let mut server = AccountServer::open(config).await?;
    let params = match &method {
        SignInMethod::Browser => json!({ "type": "chatgpt" }),
        SignInMethod::DeviceCode => json!({ "type": "chatgptDeviceCode" }),
        SignInMethod::ApiKey(key) => json!({ "type": "apiKey", "apiKey": key }),
    };
    let answer = match server.call("account/login/start", params).await {
        Ok(answer) => answer,
        Err(error) => {
            return Err(match (server.stop_after(error).await, method) {
                // codex may quote what it rejects.
                (CodexError::Refused { method, message }, SignInMethod::ApiKey(key)) => {
                    CodexError::Refused { method, message: message.replace(&key, "…") }
                }
                (error, _) => error,
            });
        }
    };
    let text = |name: &str| answer[name].as_str().map(str::to_owned);
    let prompt = match method {
        SignInMethod::ApiKey(_) => return Ok((server, Started::Done)),
        SignInMethod::Browser => text("authUrl").map(|url| SignInPrompt::Browser { url }),
        SignInMethod::DeviceCode => text("verificationUrl")
            .zip(text("userCode"))
            .map(|(url, code)| SignInPrompt::DeviceCode { url, code }),
    };
    match text("loginId").zip(prompt) {
        Some((login, prompt)) => Ok((server, Started::Waiting { login, prompt })),
        None => {
            let message = "its answer names no page to sign in on".to_owned();
            let error = CodexError::Refused { method: "account/login/start", message };
            Err(server.stop_after(error).await)
        }
    }
}

/// Waits until the person has signed in, and otherwise ends the sign-in.
async fn wait(
    server: &mut AccountServer,
    login: String,
    cancel: &CancellationToken,
) -> Result<SignInEnd, CodexError> {
    let unfinished = tokio::select! {
        completed = server.completed() => return completed.map(|result| ended(result, failed)),
        () = cancel.cancelled() => SignInEnd::Cancelled,
        () = sleep(SIGN_IN_TIMEOUT) => SignInEnd::TimedOut,
    };
    let ending = async {
        server.call("account/login/cancel", json!({ "loginId": login })).await?;
        server.completed().await
    };
    Ok(match tokio::time::timeout(CANCEL_TIMEOUT, ending).await {
        // The person may have signed in at that very moment.
        Ok(Ok(result)) => ended(result, |_| unfinished),
        // codex is stopped in any case.
        Ok(Err(_)) | Err(_) => unfinished,
    })
}

fn ended(result: Result<(), String>, otherwise: impl FnOnce(&str) -> SignInEnd) -> SignInEnd {
    match result {
        Ok(()) => SignInEnd::SignedIn(None),
        Err(message) => otherwise(&message),
    }
}

fn failed(message: &str) -> SignInEnd {
    SignInEnd::Failed { reason: brief(message.trim_start_matches("Login server error: ")) }
}

/// Parses the answer to `accountSession/list`.
fn parse_workspaces(list: &Value) -> Vec<Workspace> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let array = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let sessions = array(&list["sessions"]).into_iter();
    let workspaces = sessions.flat_map(|session| {
        let all = array(&session["workspaces"]).into_iter();
        all.filter_map(move |workspace| {
            let is_selected = workspace["accountId"] == session["selectedWorkspaceAccountId"];
            Some(Workspace {
                session: text(&session["sessionId"])?,
                id: text(&workspace["accountId"])?,
                name: text(&workspace["name"]),
                email: text(&session["email"]),
                is_active: is_selected && session["isActive"] == true,
            })
        })
    });
    workspaces.collect()
}
