//! Watches codex's sign-in for a login, a logout or a change of account.
//!
//! codex reads its sign-in once, and again only to refresh a token. A refreshed token does not count as a change: the
//! account is the same, and every process that shares the file finds it. A sign-in in the system keychain cannot be
//! watched.

use std::fs;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::AUTH;
use crate::files::FileStamp;

/// The user's sign-in when last read.
#[derive(Debug)]
pub(super) struct AuthWatch {
    path: Option<PathBuf>,
    stamp: Option<FileStamp>,
    account: Option<[u8; 32]>,
}

impl AuthWatch {
    /// Watches the sign-in in this `CODEX_HOME`.
    pub(super) fn new(home: Option<&Path>) -> Self {
        let path = home.map(|home| home.join(AUTH));
        let mut watch = Self { path, stamp: None, account: None };
        watch.changed();
        watch
    }

    /// Whether the account has changed, or was signed out, since the last call.
    pub(super) fn changed(&mut self) -> bool {
        let Some(path) = &self.path else { return false };
        let stamp = FileStamp::read(path);
        if stamp == self.stamp {
            return false;
        }
        let account = match stamp {
            None => None,
            Some(_) => match fs::read(path).ok().and_then(|text| serde_json::from_slice(&text).ok()) {
                Some(auth) => Some(account_of(auth)),
                // It is being written; the next call reads it again.
                None => return false,
            },
        };
        self.stamp = stamp;
        std::mem::replace(&mut self.account, account) != account
    }
}

/// The account that is signed in in this `CODEX_HOME`, as a digest.
pub(super) fn account_in(home: Option<&Path>) -> Option<[u8; 32]> {
    AuthWatch::new(home).account
}

/// A digest that changes only with the account: it covers everything except the tokens, of which it covers the owner.
fn account_of(mut auth: Value) -> [u8; 32] {
    if let Some(auth) = auth.as_object_mut() {
        auth.remove("last_refresh");
        if let Some(tokens) = auth.remove("tokens").filter(Value::is_object) {
            let user = tokens["id_token"].as_str().and_then(user_of);
            auth.insert("account".to_owned(), Value::from(vec![tokens["account_id"].clone(), user.into()]));
        }
    }
    Sha256::digest(auth.to_string()).into()
}

/// The user named by an id token.
fn user_of(token: &str) -> Option<String> {
    let claims = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
    let claims: Value = serde_json::from_slice(&claims).ok()?;
    let openai = &claims["https://api.openai.com/auth"];
    let user = [&openai["chatgpt_user_id"], &openai["user_id"], &claims["sub"], &claims["email"]];
    user.into_iter().find_map(Value::as_str).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn chatgpt(user: &str, access: &str) -> Value {
        let claims = URL_SAFE_NO_PAD.encode(json!({ "sub": user, "iat": access }).to_string());
        json!({
            "auth_mode": "chatgpt",
            "tokens": { "id_token": format!("e30.{claims}.x"), "access_token": access, "account_id": "team" },
            "last_refresh": access,
        })
    }

    #[test]
    fn refreshed_token_is_the_same_account_and_a_colleague_is_another() {
        assert_eq!(account_of(chatgpt("me", "1")), account_of(chatgpt("me", "2")));
        assert_ne!(account_of(chatgpt("me", "1")), account_of(chatgpt("you", "1")));
        let key = |key| account_of(json!({ "auth_mode": "apikey", "OPENAI_API_KEY": key }));
        assert_ne!(key("a"), key("b"));
        assert_ne!(key("a"), account_of(chatgpt("me", "1")));
    }

    #[test]
    fn login_logout_and_account_switch_are_changes_but_a_partial_file_is_not() {
        let home = tempfile::tempdir().unwrap();
        let write = |text: &str| fs::write(home.path().join("auth.json"), text).unwrap();
        let mut watch = AuthWatch::new(Some(home.path()));
        assert!(!watch.changed());
        write(&chatgpt("me", "1").to_string());
        assert!(watch.changed() && !watch.changed());
        write("{\"auth_mode\":");
        assert!(!watch.changed());
        write(&chatgpt("me", "another token").to_string());
        assert!(!watch.changed());
        write(&chatgpt("colleague", "1").to_string());
        assert!(watch.changed());
        fs::remove_file(home.path().join("auth.json")).unwrap();
        assert!(watch.changed() && !watch.changed());
    }
}
