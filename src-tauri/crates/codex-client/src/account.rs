//! codex's account.

use serde_json::Value;

/// A provider of the user's own, which codex reaches with the provider's key rather than with its sign-in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Provider {
    /// Its name in the user's settings.
    pub name: String,
    /// The environment variable that holds its key, if the settings name one.
    pub env_key: Option<String>,
}

/// The account codex is signed in with. It identifies a person: never log it.
#[derive(Clone, PartialEq, Eq)]
pub enum Account {
    /// A ChatGPT account, with its email, plan (`plus`, `enterprise`) and workspace where codex reports them.
    ChatGpt {
        /// The email address.
        email: Option<String>,
        /// The plan, as codex spells it.
        plan: Option<String>,
        /// The name of the workspace.
        workspace: Option<String>,
    },
    /// An OpenAI API key.
    ApiKey,
    /// Another type of account, by codex's name for it.
    Other(String),
    /// No account; the configured provider needs none.
    NotNeeded,
}

impl std::fmt::Debug for Account {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Account")
    }
}

impl Account {
    /// Parses the response to `account/read`; `None` when an account is required and missing.
    pub(crate) fn from_response(response: &Value) -> Option<Self> {
        let account = &response["account"];
        let text = |key: &str| account[key].as_str().map(str::to_owned);
        match account["type"].as_str() {
            Some("chatgpt") => {
                let plan = text("planType").filter(|plan| plan != "unknown");
                Some(Self::ChatGpt { email: text("email"), plan, workspace: text("workspaceName") })
            }
            Some("apiKey") => Some(Self::ApiKey),
            Some(other) => Some(Self::Other(other.to_owned())),
            None => (response["requiresOpenaiAuth"] != true).then_some(Self::NotNeeded),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn account_is_parsed_leniently_and_hidden_from_debug_output() {
        let read = |answer: Value| Account::from_response(&answer);
        let chatgpt = json!({"account":{"type":"chatgpt","email":"me@example.com","planType":"plus","workspaceName":"Acme"},"requiresOpenaiAuth":true});
        let account = read(chatgpt).unwrap();
        assert!(!format!("{account:?}").contains("example"));
        let [email, plan, workspace] = ["me@example.com", "plus", "Acme"].map(|text| Some(text.to_owned()));
        assert_eq!(account, Account::ChatGpt { email, plan, workspace });
        assert_eq!(read(json!({"account":{"type":"apiKey"}})), Some(Account::ApiKey));
        assert_eq!(read(json!({"account":{"type":"gcp"}})), Some(Account::Other("gcp".to_owned())));
        assert_eq!(read(json!({"account":null,"requiresOpenaiAuth":false})), Some(Account::NotNeeded));
        assert_eq!(read(json!({"account":null,"requiresOpenaiAuth":true})), None);
    }
}
