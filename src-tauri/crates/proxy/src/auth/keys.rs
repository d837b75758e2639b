//! API keys: made, digested, compared, and never shown.
//!
//! On disk and in memory a key is its SHA-256, a name and its last four characters. A [`Key`] itself exists only while a
//! request is being checked or a new key is being handed out; it hides itself from `Debug` and cannot be serialised.
//! Where the file of keys is, and that it is read anew when it changes, is in `key_file`; what a key allows less than the settings do
//! is in `limits`.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::limits::KeyLimits;

/// A secret that a client presents.
#[derive(Clone, PartialEq, Eq)]
pub struct Key(String);

/// The random bytes of a new key.
const RANDOM_BYTES: usize = 24;

impl Key {
    /// A key that someone chose or presented.
    #[must_use]
    pub fn new(secret: impl Into<String>) -> Self {
        Self(secret.into())
    }

    /// A new key of 192 random bits.
    ///
    /// # Errors
    /// When the system gives no random bytes.
    pub fn generate() -> Result<Self, getrandom::Error> {
        let mut bytes = [0_u8; RANDOM_BYTES];
        getrandom::fill(&mut bytes)?;
        Ok(Self(format!("sk-cp-{}", hex::encode(bytes))))
    }

    /// The secret itself, for the one time that it is shown.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// What is kept of it.
    #[must_use]
    pub fn digest(&self) -> KeyDigest {
        KeyDigest(Sha256::digest(self.0.as_bytes()).into())
    }

    /// Its last four characters; fewer than half of a short key, so that it is not given away.
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

/// What is kept of a key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyEntry {
    /// A short id, by which a key is revoked.
    pub id: String,
    /// The name that its owner gave it.
    pub name: String,
    /// Its SHA-256.
    pub sha256: KeyDigest,
    /// Its last characters, to tell keys apart by.
    pub last_four: String,
    /// When it was made, in Unix seconds.
    pub created: u64,
    /// What codex may do for it, where that is less than the settings allow.
    #[serde(flatten)]
    pub limits: KeyLimits,
    /// Fields of a newer program, written back as they were.
    #[serde(flatten)]
    pub(super) unknown: Map<String, Value>,
}

impl KeyEntry {
    /// The entry of a new key. `created` is in Unix seconds.
    #[must_use]
    pub fn new(name: &str, key: &Key, created: u64) -> Self {
        let sha256 = key.digest();
        // The digest tells nothing of the key, so a piece of it is a fine id.
        let id = hex::encode(&sha256.0[..4]);
        Self {
            id,
            name: name.to_owned(),
            sha256,
            last_four: key.last_four(),
            created,
            limits: KeyLimits::default(),
            unknown: Map::new(),
        }
    }
}

/// The entry whose key is `presented`.
///
/// Every entry is compared, and each in constant time, so the time taken tells nothing of any key.
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

/// The key in the value of an `Authorization` header, with any case of the scheme.
pub(crate) fn bearer(authorization: &str) -> Option<Key> {
    let (scheme, secret) = authorization.trim().split_once(|c: char| c.is_ascii_whitespace())?;
    let secret = secret.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !secret.is_empty()).then(|| Key::new(secret))
}

/// What stands for a key in a text that is kept.
const LEFT_OUT: &str = "(a key)";

/// How the keys begin that we make, and OpenAI's.
const BEGINNING: &str = "sk-";

/// The fewest characters behind its beginning that make a word a key.
const FEWEST: usize = 8;

/// A client's text as it may be kept: without what looks like a key of ours, and without the keys of `known`, which their owner chose
/// and which may look like anything.
pub(crate) fn without_keys(text: &str, known: &[Key]) -> String {
    let mut kept = text.to_owned();
    for Key(secret) in known {
        if !secret.is_empty() && kept.contains(secret) {
            kept = kept.replace(secret, LEFT_OUT);
        }
    }
    let (mut told, mut rest) = (String::with_capacity(kept.len()), kept.as_str());
    while let Some(start) = rest.find(BEGINNING) {
        let (before, secret) = (&rest[..start], &rest[start + BEGINNING.len()..]);
        let end =
            secret.find(|c: char| !c.is_ascii_alphanumeric() && !"-_".contains(c)).unwrap_or(secret.len());
        // Behind a letter it may be the end of a word, as in `task-`, but for the letters of an encoded sign, as in `%2F`.
        let begins_a_word = match before.as_bytes() {
            [.., b'%', _, _] => true,
            before => !before.last().is_some_and(u8::is_ascii_alphanumeric),
        };
        let is_key = end >= FEWEST && (begins_a_word || secret[..end].contains(|c: char| c.is_ascii_digit()));
        told.push_str(before);
        told.push_str(if is_key { LEFT_OUT } else { BEGINNING });
        rest = if is_key { &secret[end..] } else { secret };
    }
    told + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_does_not_show_itself() {
        assert_eq!(format!("{:?}", Key::new("sk-secret")), "Key(…)");
    }

    #[test]
    fn new_keys_differ_and_are_long() {
        let (a, b) = (Key::generate().unwrap(), Key::generate().unwrap());
        assert_ne!(a, b);
        assert!(a.reveal().starts_with("sk-cp-") && a.reveal().len() == 54);
    }

    #[test]
    fn the_right_entry_is_found_and_no_other() {
        let entries = ["sk-one", "sk-two"].map(|secret| KeyEntry::new(secret, &Key::new(secret), 0));
        assert_eq!(find_key(&entries, &Key::new("sk-two")).unwrap().name, "sk-two");
        for wrong in ["sk-tw", "sk-two ", "SK-TWO", ""] {
            assert!(find_key(&entries, &Key::new(wrong)).is_none(), "{wrong:?}");
        }
    }

    #[test]
    fn the_scheme_may_be_written_in_any_case() {
        for header in ["Bearer sk-1", "bearer sk-1", "BEARER   sk-1 "] {
            assert_eq!(bearer(header), Some(Key::new("sk-1")), "{header:?}");
        }
        for header in ["", "Bearer", "Bearer ", "Basic sk-1", "sk-1"] {
            assert_eq!(bearer(header), None, "{header:?}");
        }
    }

    #[test]
    fn a_short_key_is_not_given_away_by_its_last_characters() {
        assert_eq!(Key::new("sk-local-key1").last_four(), "key1");
        assert_eq!(Key::new("abc").last_four(), "c");
        assert_eq!(Key::new("").last_four(), "");
    }

    #[test]
    fn a_text_that_is_kept_holds_no_key() {
        let known = [Key::new("hunter2"), Key::new("")];
        for (text, kept) in [
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
            assert_eq!(without_keys(text, &known), kept);
        }
    }

    #[test]
    fn a_digest_survives_the_file() {
        let digest = Key::new("sk-1").digest();
        let text = serde_json::to_string(&digest).unwrap();
        assert_eq!(serde_json::from_str::<KeyDigest>(&text).unwrap(), digest);
        assert!(serde_json::from_str::<KeyDigest>("\"zz\"").is_err());
    }
}
