//! The account that codex works with, and its limits.

use serde::Deserialize;
use serde_json::Value;

/// The account's limits as codex last heard them from upstream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize)]
pub(crate) struct RateLimits {
    /// One window, usually the short one; tell windows apart by their length and not by their position.
    pub(crate) primary: Option<RateLimitWindow>,
    /// The other window.
    pub(crate) secondary: Option<RateLimitWindow>,
}

/// One window of the account's limits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RateLimitWindow {
    /// How much of it is used, from 0 to 100.
    pub(crate) used_percent: f64,
    /// When it resets, in Unix seconds.
    pub(crate) resets_at: Option<u64>,
}

impl RateLimits {
    /// Takes in an update. Updates are sparse: a window that is not named has not changed.
    pub(crate) fn merge(&mut self, update: Self) {
        self.primary = update.primary.or(self.primary);
        self.secondary = update.secondary.or(self.secondary);
    }

    /// When the account may work again, in Unix seconds: the latest reset of the windows that are used up.
    pub(crate) fn blocked_until(&self) -> Option<u64> {
        let windows = [self.primary, self.secondary].into_iter().flatten();
        windows.filter(|window| window.used_percent >= 100.0).filter_map(|window| window.resets_at).max()
    }
}

/// The account that codex works with. It names a person: show it to them, never log it.
#[derive(Clone, PartialEq, Eq)]
pub enum Account {
    /// A ChatGPT account, with its address and plan (`plus`, `enterprise`) where codex names them.
    ChatGpt {
        /// The address.
        email: Option<String>,
        /// The plan, as codex spells it.
        plan: Option<String>,
    },
    /// A key of OpenAI's API.
    ApiKey,
    /// One of another kind, by codex's name of the kind.
    Other(String),
    /// No account, and the configured provider needs none.
    NotNeeded,
}

impl std::fmt::Debug for Account {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Account")
    }
}

impl Account {
    /// The account that the answer to `account/read` names; `None` when one is needed and missing.
    pub(crate) fn from_response(answer: &Value) -> Option<Self> {
        let found = &answer["account"];
        let text = |key: &str| found[key].as_str().map(str::to_owned);
        match found["type"].as_str() {
            Some("chatgpt") => {
                let plan = text("planType").filter(|plan| plan != "unknown");
                Some(Self::ChatGpt { email: text("email"), plan })
            }
            Some("apiKey") => Some(Self::ApiKey),
            Some(other) => Some(Self::Other(other.to_owned())),
            None => (answer["requiresOpenaiAuth"] != true).then_some(Self::NotNeeded),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_account_is_read_leniently_and_does_not_show_itself() {
        let read = |answer: Value| Account::from_response(&answer);
        let chatgpt = json!({"account":{"type":"chatgpt","email":"me@example.com","planType":"plus"},"requiresOpenaiAuth":true});
        let account = read(chatgpt).unwrap();
        assert!(!format!("{account:?}").contains("example"));
        let (email, plan) = (Some("me@example.com".to_owned()), Some("plus".to_owned()));
        assert_eq!(account, Account::ChatGpt { email, plan });
        assert_eq!(read(json!({"account":{"type":"apiKey"}})), Some(Account::ApiKey));
        assert_eq!(read(json!({"account":{"type":"gcp"}})), Some(Account::Other("gcp".to_owned())));
        assert_eq!(read(json!({"account":null,"requiresOpenaiAuth":false})), Some(Account::NotNeeded));
        assert_eq!(read(json!({"account":null,"requiresOpenaiAuth":true})), None);
    }

    #[test]
    fn the_account_is_blocked_until_the_last_full_window_resets() {
        let window =
            |used_percent, resets_at| Some(RateLimitWindow { used_percent, resets_at: Some(resets_at) });
        assert_eq!(
            RateLimits { primary: window(100.0, 5), secondary: window(40.0, 9) }.blocked_until(),
            Some(5)
        );
        assert_eq!(
            RateLimits { primary: window(100.0, 5), secondary: window(100.0, 9) }.blocked_until(),
            Some(9)
        );
        assert_eq!(RateLimits::default().blocked_until(), None);
    }
}
