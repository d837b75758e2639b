//! How far a conversation has gone, as one digest after each of its items.
//!
//! Two requests that begin with the same items, of the same owner and on the same kind of thread, have the same digests up to
//! there. So a thread that was kept is found again by what the client sends, and nothing of a conversation is kept to compare
//! with.

use sha2::{Digest as _, Sha256};

use crate::item::{Content, Item, Role, ToolCall};
use crate::turn::handle::TurnRequest;

/// A conversation up to some item.
pub(crate) type Digest = [u8; 32];

/// The digests of a conversation: before its first item, and after each.
#[derive(Clone, Debug)]
pub(crate) struct Chain(Vec<Digest>);

impl Chain {
    /// The chain of a request. Whatever stays with a thread once it was set is part of its beginning.
    pub(crate) fn of(request: &TurnRequest) -> Self {
        let mut beginning = Hasher::default();
        beginning.text(&request.owner);
        // Of plain data; the derived form names every field, so a new one counts by itself.
        beginning.text(&format!("{:?}", request.profile));
        beginning.text(request.effort.as_deref().unwrap_or_default());
        let mut chain = vec![beginning.digest()];
        for item in &request.items {
            let next = after(chain[chain.len() - 1], item);
            chain.push(next);
        }
        Self(chain)
    }

    /// The digest after so many items; `None` when there are fewer.
    pub(crate) fn after(&self, items: usize) -> Option<Digest> {
        self.0.get(items).copied()
    }

    /// The digest after the conversation and the answer to it, as the client will send them back.
    pub(crate) fn after_answer(&self, text: &str, calls: &[ToolCall]) -> Digest {
        let mut last = self.0[self.0.len() - 1];
        if !text.trim().is_empty() {
            let content = vec![Content::Text(text.to_owned())];
            last = after(last, &Item::Message { role: Role::Assistant, content });
        }
        for call in calls {
            last = after(last, &Item::ToolCall(call.clone()));
        }
        last
    }
}

/// One step of the chain. Every text is hashed with its length, so that no two items look alike.
fn after(before: Digest, item: &Item) -> Digest {
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
    hasher.digest()
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

    fn digest(self) -> Digest {
        self.0.finalize().into()
    }
}
