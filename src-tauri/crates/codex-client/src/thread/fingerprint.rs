//! A conversation as one fingerprint after each of its items.
//!
//! Two requests that begin with the same items, of the same owner and on the same kind of thread, have the same
//! fingerprints up to there. So what a client sends finds its cached thread, and no conversation is stored to compare with.

use serde::Serialize;
use sha2::{Digest as _, Sha256};

use crate::item::{Content, Item, Role, ToolCall};
use crate::request::TurnRequest;

/// The digest of a conversation up to some item.
pub(crate) type Fingerprint = [u8; 32];

/// The fingerprints of a conversation: before its first item, and after each.
#[derive(Clone, Debug)]
pub(crate) struct Fingerprints(Vec<Fingerprint>);

impl Fingerprints {
    /// The fingerprints of a request. The first one holds everything that stays with a thread once it was set.
    pub(crate) fn new(request: &TurnRequest) -> Self {
        // Of plain data; the derived form names every field, so a new one counts by itself.
        let profile = format!("{:?}", request.profile);
        let mut last = digest(&[], &(&request.owner, profile, &request.effort));
        let mut all = vec![last];
        for item in &request.items {
            last = next(last, item);
            all.push(last);
        }
        Self(all)
    }

    /// The fingerprint after this many items; `None` when there are fewer.
    pub(crate) fn after(&self, items: usize) -> Option<Fingerprint> {
        self.0.get(items).copied()
    }

    /// The fingerprint of the conversation with the answer to it, as the client will send them back.
    pub(crate) fn with_answer(&self, text: &str, calls: &[ToolCall]) -> Fingerprint {
        let mut last = self.0[self.0.len() - 1];
        if !text.trim().is_empty() {
            let content = vec![Content::Text(text.to_owned())];
            last = next(last, &Item::Message { role: Role::Assistant, content });
        }
        calls.iter().fold(last, |last, call| next(last, &Item::ToolCall(call.clone())))
    }
}

/// The fingerprint after one more item.
fn next(before: Fingerprint, item: &Item) -> Fingerprint {
    match item {
        // Clients send an answer back whole or in parts, and some without the white space around it.
        Item::Message { role: Role::Assistant, content } => {
            let texts: Vec<&str> = content.iter().filter_map(Content::as_text).collect();
            digest(&before, texts.concat().trim())
        }
        item => digest(&before, item),
    }
}

/// Hashes the JSON of `value`: no two values look alike in it.
fn digest(before: &[u8], value: &(impl Serialize + ?Sized)) -> Fingerprint {
    // Our types do not fail.
    let json = serde_json::to_vec(value).unwrap_or_default();
    Sha256::new_with_prefix(before).chain_update(json).finalize().into()
}
