//! Fingerprints of a conversation, one after each item.
//!
//! Two requests from the same owner that start with the same items, on the same thread profile, have the same fingerprints
//! up to that point. So a request finds its cached thread without storing any conversation to compare.

use serde::Serialize;
use sha2::{Digest as _, Sha256};

use crate::item::{Content, Item, Role, ToolCall};
use crate::request::TurnRequest;

/// The digest of a conversation's prefix.
pub(crate) type Fingerprint = [u8; 32];

/// The fingerprints of a conversation: before its first item, and after each item.
#[derive(Clone, Debug)]
pub(crate) struct Fingerprints(Vec<Fingerprint>);

impl Fingerprints {
    /// The fingerprints of a request. The first one covers everything that cannot change within a thread.
    pub(crate) fn new(request: &TurnRequest) -> Self {
        // The derived `Debug` covers every field, so a new one is included automatically.
        let profile = format!("{:?}", request.profile);
        let mut last = digest(&[], &(&request.owner, profile, &request.effort));
        let mut all = vec![last];
        for item in &request.items {
            last = extend(last, item);
            all.push(last);
        }
        Self(all)
    }

    /// The fingerprint after this many items; `None` when there are fewer.
    pub(crate) fn after(&self, items: usize) -> Option<Fingerprint> {
        self.0.get(items).copied()
    }

    /// The fingerprint of the conversation with its answer, as the client will send them back.
    pub(crate) fn with_answer(&self, text: &str, calls: &[ToolCall]) -> Fingerprint {
        let mut last = self.0[self.0.len() - 1];
        if !text.trim().is_empty() {
            let content = vec![Content::Text(text.to_owned())];
            last = extend(last, &Item::Message { role: Role::Assistant, content });
        }
        calls.iter().fold(last, |last, call| extend(last, &Item::ToolCall(call.clone())))
    }
}

/// The fingerprint after one more item.
fn extend(before: Fingerprint, item: &Item) -> Fingerprint {
    match item {
        // Clients send an answer back in one or several parts, and some trim it.
        Item::Message { role: Role::Assistant, content } => {
            let texts: Vec<&str> = content.iter().filter_map(Content::as_text).collect();
            digest(&before, texts.concat().trim())
        }
        item => digest(&before, item),
    }
}

/// Hashes the JSON of `value`, which is unambiguous.
fn digest(before: &[u8], value: &(impl Serialize + ?Sized)) -> Fingerprint {
    // Serializing our types cannot fail.
    let json = serde_json::to_vec(value).unwrap_or_default();
    Sha256::new_with_prefix(before).chain_update(json).finalize().into()
}
