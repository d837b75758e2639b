//! Signing codex in and out, and switching its workspace, as the window does it.

use codex_client::{CodexError, SignInEnd, SignInMethod, SignInPrompt};
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;
use ts_rs::TS;

use super::App;
use super::account::AccountView;
use crate::view::{FieldError, ViewError};
use proxy::UPDATE;
use proxy::health::describe;

/// Longer than any API key.
const MAX_KEY_LENGTH: usize = 1000;

/// How the window signs in with ChatGPT.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub enum SignInChoice {
    /// In the browser of this computer.
    Browser,
    /// With a code on another device.
    DeviceCode,
}

/// A sign-in that is under way, or has just ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(tag = "state", rename_all = "camelCase", rename_all_fields = "camelCase")]
#[ts(export)]
pub enum SignInView {
    /// Codex prepares it.
    Starting,
    /// Waits for the person in the browser.
    Browser {
        /// The page.
        url: String,
    },
    /// Waits for the code to be entered.
    DeviceCode {
        /// The page.
        url: String,
        /// The code.
        code: String,
    },
    /// Failed.
    Failed {
        /// What happened, in a sentence.
        message: String,
    },
    /// Succeeded a moment ago.
    Succeeded {
        /// The account's name.
        name: String,
    },
}

/// A workspace that the signed-in person can switch to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct AccountChoice {
    /// For `switch_account`.
    pub id: String,
    /// The name of the workspace.
    pub name: String,
    /// The email address of the sign-in.
    pub email: Option<String>,
    /// Whether it is in use.
    pub is_active: bool,
}

/// The sign-in under way, of which there is at most one.
#[derive(Debug, Default)]
pub(super) struct SignIn {
    view: Option<SignInView>,
    cancel: CancellationToken,
    /// Tells the current sign-in from earlier ones, which may still be ending.
    number: u64,
}

impl App {
    /// Signs in with ChatGPT, in place of a sign-in that is under way. The overview shows what happens; `open_page` is called with
    /// the page for the browser.
    pub async fn sign_in(&self, choice: SignInChoice, open_page: impl Fn(&str) + Send + Sync + 'static) {
        let method = match choice {
            SignInChoice::Browser => SignInMethod::Browser,
            SignInChoice::DeviceCode => SignInMethod::DeviceCode,
        };
        let (number, cancel) = self.begin_sign_in().await;
        let app = self.clone();
        self.0.tasks.spawn(async move {
            let prompt = |prompt| {
                let view = match prompt {
                    SignInPrompt::Browser { url } => {
                        open_page(&url);
                        SignInView::Browser { url }
                    }
                    SignInPrompt::DeviceCode { url, code } => SignInView::DeviceCode { url, code },
                };
                app.show_sign_in(number, Some(view));
                app.0.refresh.notify_one();
            };
            let end = codex_client::sign_in(&app.codex_config(), method, &cancel, prompt).await;
            app.end_sign_in(number, end).await;
        });
    }

    /// Signs in with an OpenAI API key, which only codex keeps.
    ///
    /// # Errors
    /// If it cannot be a key, or codex does not take it.
    pub async fn sign_in_with_api_key(&self, key: &str) -> Result<(), ViewError> {
        let key = key.trim();
        let invalid = |message: &str| {
            Err(ViewError::invalid(vec![FieldError { field: "key".to_owned(), message: message.to_owned() }]))
        };
        if key.is_empty() {
            return invalid("Enter an API key.");
        }
        if key.len() > MAX_KEY_LENGTH || !key.chars().all(|c| c.is_ascii_graphic()) {
            return invalid("This isn't an API key. Copy it again from platform.openai.com.");
        }
        let (number, cancel) = self.begin_sign_in().await;
        let method = SignInMethod::ApiKey(key.to_owned());
        let end = codex_client::sign_in(&self.codex_config(), method, &cancel, |_| {}).await;
        self.end_sign_in(number, end).await;
        Ok(())
    }

    /// Cancels the sign-in that is under way, or dismisses its outcome.
    pub async fn cancel_sign_in(&self) {
        {
            let mut sign_in = self.0.sign_in.lock();
            sign_in.cancel.cancel();
            sign_in.number += 1;
            sign_in.view = None;
        }
        self.refresh_overview().await;
    }

    /// The page of the sign-in that is under way.
    #[must_use]
    pub fn sign_in_page(&self) -> Option<String> {
        match &self.0.sign_in.lock().view {
            Some(SignInView::Browser { url } | SignInView::DeviceCode { url, .. }) => Some(url.clone()),
            _ => None,
        }
    }

    pub(super) fn sign_in_view(&self) -> Option<SignInView> {
        self.0.sign_in.lock().view.clone()
    }

    /// Signs out.
    ///
    /// # Errors
    /// If codex cannot.
    pub async fn sign_out(&self) -> Result<(), ViewError> {
        codex_client::sign_out(&self.codex_config())
            .await
            .map_err(|error| ViewError::new(describe_account_error(&error)))?;
        // No notice about what the user did here.
        self.forget_codex();
        self.account_changed().await;
        Ok(())
    }

    /// The workspaces that the signed-in person can switch to.
    ///
    /// # Errors
    /// If codex cannot list them.
    pub async fn accounts(&self) -> Result<Vec<AccountChoice>, ViewError> {
        let workspaces = codex_client::workspaces(&self.codex_config())
            .await
            .map_err(|error| ViewError::new(describe_account_error(&error)))?;
        let choice = |workspace: codex_client::Workspace| AccountChoice {
            id: format!("{}/{}", workspace.session, workspace.id),
            name: workspace.name.or_else(|| workspace.email.clone()).unwrap_or(workspace.id),
            email: workspace.email,
            is_active: workspace.is_active,
        };
        Ok(workspaces.into_iter().map(choice).collect())
    }

    /// Switches to one of [`App::accounts`].
    ///
    /// # Errors
    /// If codex cannot.
    pub async fn switch_account(&self, id: &str) -> Result<(), ViewError> {
        let (session, workspace) =
            id.split_once('/').ok_or_else(|| ViewError::new("There is no such workspace."))?;
        codex_client::switch_workspace(&self.codex_config(), session, workspace).await.map_err(|error| {
            let reason = describe_account_error(&error);
            ViewError::new(format!("{reason} To use another workspace, sign in again and choose it there."))
        })?;
        self.account_changed().await;
        Ok(())
    }

    /// Ends an earlier sign-in, and shows a new one.
    async fn begin_sign_in(&self) -> (u64, CancellationToken) {
        let begun = {
            let mut sign_in = self.0.sign_in.lock();
            sign_in.cancel.cancel();
            let (number, cancel) = (sign_in.number + 1, self.0.stop.child_token());
            *sign_in = SignIn { view: Some(SignInView::Starting), cancel: cancel.clone(), number };
            (number, cancel)
        };
        self.refresh_overview().await;
        begun
    }

    /// Shows the state of this sign-in, unless it is no longer the current one.
    fn show_sign_in(&self, number: u64, view: Option<SignInView>) {
        let mut sign_in = self.0.sign_in.lock();
        if sign_in.number == number {
            sign_in.view = view;
        }
    }

    async fn end_sign_in(&self, number: u64, end: Result<SignInEnd, CodexError>) {
        let failed = |message| Some(SignInView::Failed { message });
        let view = match end {
            Ok(SignInEnd::SignedIn(account)) => {
                tracing::info!("codex has signed in");
                let account = account.as_ref().map(AccountView::new);
                let name = account.map_or_else(|| "your account".to_owned(), |account| account.name);
                self.show_sign_in(number, Some(SignInView::Succeeded { name }));
                self.refresh_overview().await;
                self.account_changed().await;
                None
            }
            Ok(SignInEnd::Cancelled) => None,
            Ok(SignInEnd::TimedOut) => {
                failed("The sign-in took longer than 15 minutes. Try again.".to_owned())
            }
            Ok(SignInEnd::Failed { reason }) => {
                tracing::warn!("codex could not sign in");
                // It may have stored the sign-in and failed later.
                self.account_changed().await;
                failed(format!("{reason}."))
            }
            Err(error) => {
                tracing::warn!(%error, "cannot sign in");
                failed(describe_account_error(&error))
            }
        };
        self.show_sign_in(number, view);
        self.refresh_overview().await;
    }

    /// Makes the running codexes use the new account: a sign-in in the keychain changes no file that they could notice.
    async fn account_changed(&self) {
        if let Some(running) = self.running() {
            running.proxy.codex().restart();
        }
        self.recheck_codex().await;
    }
}

/// The error for the window.
fn describe_account_error(error: &CodexError) -> String {
    match error {
        CodexError::CannotDo { version, what, .. } => format!("Codex {version} can't {what}. {UPDATE}"),
        CodexError::Refused { message, .. } => format!("{}.", codex_client::brief(message)),
        error => describe(error),
    }
}
