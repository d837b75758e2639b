//! The account that codex is signed in with, for the window and the tray.

use codex_client::Account;
use serde::Serialize;
use ts_rs::TS;

/// Codex's account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct AccountView {
    /// What kind of account it is.
    pub kind: AccountKind,
    /// How it is shown: the email address if there is one.
    pub name: String,
    /// The email address.
    pub email: Option<String>,
    /// The plan, such as `Plus`.
    pub plan: Option<String>,
    /// The name of the workspace.
    pub workspace: Option<String>,
}

/// What kind of account codex uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub enum AccountKind {
    /// ChatGPT.
    ChatGpt,
    /// An OpenAI API key.
    ApiKey,
    /// Another service.
    Other,
    /// None: Codex uses a custom provider.
    NotNeeded,
}

impl AccountView {
    pub(super) fn new(account: &Account) -> Self {
        let view =
            |kind, name: &str| Self { kind, name: name.to_owned(), email: None, plan: None, workspace: None };
        match account {
            Account::ChatGpt { email, plan, workspace } => Self {
                kind: AccountKind::ChatGpt,
                name: email.clone().unwrap_or_else(|| "ChatGPT account".to_owned()),
                email: email.clone(),
                plan: plan.as_deref().map(describe_plan),
                workspace: workspace.clone(),
            },
            Account::ApiKey => view(AccountKind::ApiKey, "OpenAI API key"),
            Account::Other(kind) => view(AccountKind::Other, &format!("Other account ({kind})")),
            Account::NotNeeded => view(AccountKind::NotNeeded, "Not needed (custom provider)"),
        }
    }
}

/// `plus` as `Plus`, `self_serve_business` as `Self serve business`.
fn describe_plan(plan: &str) -> String {
    let mut letters = plan.chars().map(|letter| if letter == '_' { ' ' } else { letter });
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_shown_by_its_email_with_plan_and_workspace() {
        let view = |email: Option<&str>, plan: Option<&str>| {
            let [email, plan, workspace] = [email, plan, Some("Acme")].map(|text| text.map(str::to_owned));
            AccountView::new(&Account::ChatGpt { email, plan, workspace })
        };
        let full = view(Some("me@example.com"), Some("plus"));
        assert_eq!((full.name.as_str(), full.plan.as_deref()), ("me@example.com", Some("Plus")));
        assert_eq!(full.workspace.as_deref(), Some("Acme"));
        assert_eq!(view(None, Some("edu_plus")).plan.as_deref(), Some("Edu plus"));
        assert_eq!(view(None, None).name, "ChatGPT account");
    }
}
