//! API keys: generation, digests, comparison and redaction.
//!
//! On disk and in memory, only a key's SHA-256, name and last four characters are stored. A [`Key`] exists only while
//! a request is checked or a new key is shown; it is hidden from `Debug` and cannot be serialized.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::limits::KeyLimits;

/// A secret that a client presents.
#[derive(Clone, PartialEq, Eq)]
pub struct Key(String);

/// Random bytes in a new key.
const RANDOM_BYTES: usize = 24;

impl Key {
    /// Wraps a chosen or presented secret.
    #[must_use]
    pub fn new(secret: impl Into<String>) -> Self {
        Self(secret.into())
    }

    /// Generates a key with 192 random bits.
    ///
    /// # Errors
    /// When the system provides no random bytes.
    pub fn generate() -> Result<Self, getrandom::Error> {
        let mut bytes = [0_u8; RANDOM_BYTES];
        getrandom::fill(&mut bytes)?;
        Ok(Self(format!("sk-cp-{}", hex::encode(bytes))))
    }

    /// The secret, for showing it once.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// The digest to store.
    #[must_use]
    pub fn digest(&self) -> KeyDigest {
        KeyDigest(Sha256::digest(self.0.as_bytes()).into())
    }

    /// The last four characters; fewer for short keys, so as not to reveal them.
    #[must_use]
    pub fn last_four(&self) -> String {
        let length = self.0.chars().count();
        self.0.chars().skip(length - 4.min(length / 3)).collect()
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(…)")
    }
}

/// The SHA-256 of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct KeyDigest(#[serde(with = "hex::serde")] [u8; 32]);

impl KeyDigest {
    /// The digest in hexadecimal digits.
    #[must_use]
    pub fn to_hex(self) -> String {
        hex::encode(self.0)
    }
}

/// Limit of a key's name in characters, so that it fits a line of the log.
pub const MAX_KEY_NAME_CHARS: usize = 80;

/// Whether a key may have this name.
#[must_use]
pub fn is_key_name(name: &str) -> bool {
    (1..=MAX_KEY_NAME_CHARS).contains(&name.chars().count()) && !name.chars().any(char::is_control)
}

/// The stored entry of a key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyEntry {
    /// A short id, used to revoke the key.
    pub id: String,
    /// The name its owner chose.
    pub name: String,
    /// The key's SHA-256.
    pub sha256: KeyDigest,
    /// The last characters, to tell keys apart.
    pub last_four: String,
    /// Creation time in Unix seconds.
    pub created: u64,
    /// Its last rename. The request log knows earlier requests by the earlier name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub renamed: Option<Renamed>,
    /// Limits stricter than the settings.
    #[serde(flatten)]
    pub limits: KeyLimits,
    /// Fields of newer versions, preserved.
    #[serde(flatten)]
    pub(super) unknown: Map<String, Value>,
}

/// A key's last rename, with times in Unix seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Renamed {
    /// When it got its present name.
    pub at: u64,
    /// When it was last used before.
    pub last_used: Option<u64>,
}

impl KeyEntry {
    /// Creates the entry of a new key. `created` is in Unix seconds.
    #[must_use]
    pub fn new(name: &str, key: &Key, created: u64) -> Self {
        let sha256 = key.digest();
        // The digest reveals nothing, so part of it can serve as the id.
        let id = hex::encode(&sha256.0[..4]);
        Self {
            id,
            name: name.to_owned(),
            sha256,
            last_four: key.last_four(),
            created,
            renamed: None,
            limits: KeyLimits::default(),
            unknown: Map::new(),
        }
    }
}

/// Finds the entry of the presented key.
///
/// Compares with every entry, each in constant time, so timing reveals nothing.
#[must_use]
pub fn find_key<'a>(
    entries: impl IntoIterator<Item = &'a KeyEntry>,
    presented: &Key,
) -> Option<&'a KeyEntry> {
    let digest = presented.digest();
    entries.into_iter().fold(None, |found, entry| {
        if bool::from(entry.sha256.0.ct_eq(&digest.0)) { Some(entry) } else { found }
    })
}

/// Extracts the key from an `Authorization` header; the scheme is case-insensitive.
pub(crate) fn bearer(authorization: &str) -> Option<Key> {
    let (scheme, secret) = authorization.trim().split_once(|c: char| c.is_ascii_whitespace())?;
    let secret = secret.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !secret.is_empty()).then(|| Key::new(secret))
}

/// Replaces keys in stored text.
const REDACTED: &str = "(a key)";

/// Prefix of our keys and OpenAI's.
const KEY_PREFIX: &str = "sk-";

/// Minimum characters after the prefix that make a word a key.
const MIN_LEN: usize = 8;

/// Redacts client text for storage: everything that looks like one of our keys, and the `known` keys, which may have
/// any form.
#[must_use]
pub fn without_keys(text: &str, known: &[Key]) -> String {
    let mut text = text.to_owned();
    for Key(secret) in known {
        if !secret.is_empty() && text.contains(secret) {
            text = text.replace(secret, REDACTED);
        }
    }
    let (mut redacted, mut copied, mut at) = (String::with_capacity(text.len()), 0, 0);
    // Where the letters that a key may have end, and the last digit among them. They are searched once, also where many
    // keys seem to begin in them.
    let (mut end, mut last_digit) = (0, None);
    while let Some(found) = text[at..].find(KEY_PREFIX) {
        let (start, secret) = (at + found, at + found + KEY_PREFIX.len());
        if secret > end {
            let is_other = |byte: &u8| !byte.is_ascii_alphanumeric() && !b"-_".contains(byte);
            let letters = &text.as_bytes()[secret..];
            let letters = &letters[..letters.iter().position(is_other).unwrap_or(letters.len())];
            end = secret + letters.len();
            last_digit = letters.iter().rposition(u8::is_ascii_digit).map(|place| secret + place);
        }
        // After a letter it may be part of a word, as in `task-`, unless the letter belongs to a percent-encoding, as
        // in `%2F`.
        let starts_word = match &text.as_bytes()[copied..start] {
            [.., b'%', _, _] => true,
            before => !before.last().is_some_and(u8::is_ascii_alphanumeric),
        };
        let has_digit = last_digit.is_some_and(|place| place >= secret);
        at = secret;
        if end - secret >= MIN_LEN && (starts_word || has_digit) {
            redacted.push_str(&text[copied..start]);
            redacted.push_str(REDACTED);
            (copied, at) = (end, end);
        }
    }
    redacted + &text[copied..]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By searching from each prefix again, this would take hours.
    #[test]
    fn redaction_takes_time_in_proportion_to_the_text() {
        let text = "ask-".repeat(1_000_000);
        assert!(without_keys(&text, &[]) == text);
    }

    #[test]
    fn debug_hides_the_key() {
        assert_eq!(format!("{:?}", Key::new("sk-secret")), "Key(…)");
    }

    #[test]
    fn generated_keys_are_unique_and_long() {
        let (a, b) = (Key::generate().unwrap(), Key::generate().unwrap());
        assert_ne!(a, b);
        assert!(a.reveal().starts_with("sk-cp-") && a.reveal().len() == 54);
    }

    #[test]
    fn only_the_matching_entry_is_found() {
        let entries = ["sk-one", "sk-two"].map(|secret| KeyEntry::new(secret, &Key::new(secret), 0));
        assert_eq!(find_key(&entries, &Key::new("sk-two")).unwrap().name, "sk-two");
        for wrong in ["sk-tw", "sk-two ", "SK-TWO", ""] {
            assert!(find_key(&entries, &Key::new(wrong)).is_none(), "{wrong:?}");
        }
    }

    #[test]
    fn the_scheme_is_case_insensitive() {
        for header in ["Bearer sk-1", "bearer sk-1", "BEARER   sk-1 "] {
            assert_eq!(bearer(header), Some(Key::new("sk-1")), "{header:?}");
        }
        for header in ["", "Bearer", "Bearer ", "Basic sk-1", "sk-1"] {
            assert_eq!(bearer(header), None, "{header:?}");
        }
    }

    #[test]
    fn last_four_does_not_reveal_short_keys() {
        assert_eq!(Key::new("sk-local-key1").last_four(), "key1");
        assert_eq!(Key::new("abc").last_four(), "c");
        assert_eq!(Key::new("").last_four(), "");
    }

    #[test]
    fn stored_text_contains_no_keys() {
        let known = [Key::new("hunter2"), Key::new("")];
        for (text, redacted) in [
            ("gpt-5.5", "gpt-5.5"),
            ("/v1/hunter2/x", "/v1/(a key)/x"),
            ("/v1/sk-cp-0123456789abcdef/x", "/v1/(a key)/x"),
            ("key=sk-local-key1&sk-proj-AB_cd12345", "key=(a key)&(a key)"),
            ("a-task-force-of-many and sk-short", "a-task-force-of-many and sk-short"),
            ("/%2Fsk-cp-0123456789abcdef", "/%2F(a key)"),
            ("/%2Fsk-chosen-by-me", "/%2F(a key)"),
            ("risk-averse sk-local-key1 (a risk-based-one)", "risk-averse (a key) (a risk-based-one)"),
            ("-sk-local-key1é", "-(a key)é"),
        ] {
            assert_eq!(without_keys(text, &known), redacted);
        }
    }

    #[test]
    fn a_digest_round_trips_through_json() {
        let digest = Key::new("sk-1").digest();
        let text = serde_json::to_string(&digest).unwrap();
        assert_eq!(serde_json::from_str::<KeyDigest>(&text).unwrap(), digest);
        assert!(serde_json::from_str::<KeyDigest>("\"zz\"").is_err());
    }
}
