//! A conversation as one fingerprint after each of its items.
//!
//! Two requests that begin with the same items, of the same owner and on the same kind of thread, have the same
//! fingerprints up to there. So what a client sends finds its cached thread, and no conversation is stored to compare with.

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
    pub(crate) fn of(request: &TurnRequest) -> Self {
        let mut first = Hasher::default();
        first.text(&request.owner);
        // Of plain data; the derived form names every field, so a new one counts by itself.
        first.text(&format!("{:?}", request.profile));
        first.text(request.effort.as_deref().unwrap_or_default());
        let mut last = first.finish();
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

/// The fingerprint after one more item. Every text is hashed with its length, so that no two items look alike.
fn next(before: Fingerprint, item: &Item) -> Fingerprint {
    let mut hasher = Hasher::default();
    hasher.0.update(before);
    match item {
        // Clients send an answer back whole or in parts, and some without the white space around it.
        Item::Message { role: Role::Assistant, content } => {
            hasher.text("assistant");
            let texts: Vec<&str> = content.iter().filter_map(Content::as_text).collect();
            hasher.text(texts.concat().trim());
        }
        Item::Message { role, content } => {
            hasher.text(if *role == Role::User { "user" } else { "developer" });
            hasher.contents(content);
        }
        Item::ToolCall(ToolCall { call_id, name, arguments }) => {
            for text in ["call", call_id, name, arguments] {
                hasher.text(text);
            }
        }
        Item::ToolOutput { call_id, output } => {
            hasher.text("output");
            hasher.text(call_id);
            hasher.contents(output);
        }
    }
    hasher.finish()
}

#[derive(Default)]
struct Hasher(Sha256);

impl Hasher {
    fn text(&mut self, text: &str) {
        self.0.update((text.len() as u64).to_le_bytes());
        self.0.update(text);
    }

    fn contents(&mut self, contents: &[Content]) {
        self.0.update((contents.len() as u64).to_le_bytes());
        for content in contents {
            match content {
                Content::Text(text) => {
                    self.text("text");
                    self.text(text);
                }
                Content::Image { url, detail } => {
                    self.text("image");
                    self.text(url);
                    self.text(detail.as_deref().unwrap_or_default());
                }
            }
        }
    }

    fn finish(self) -> Fingerprint {
        self.0.finalize().into()
    }
}
