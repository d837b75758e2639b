//! Adds what a request has used to its key's tokens, however the request ends.
//!
//! Upstream reports the tokens of a response at its end. Of a response that was interrupted only an estimate counts, so that hanging up
//! early does not make answers free.

use codex_client::{Content, Item, Turn, Usage};

use super::record::Outcome;
use super::turns::Turns;
use super::{BYTES_PER_TOKEN, Exchange};
use crate::auth::KeyUse;
use crate::clock::unix_now;

/// The key whose tokens a request uses.
#[derive(Debug)]
pub(super) struct KeyTokens {
    key_use: KeyUse,
    /// The key's digest.
    key: String,
    /// Length of the conversation's text, in bytes.
    prompt: usize,
}

impl Exchange {
    /// Counts the tokens of this request for the key with this digest.
    pub(crate) fn count_tokens(&mut self, key_use: KeyUse, key: &str, conversation: &[Item]) {
        let prompt = conversation.iter().map(text_bytes).sum();
        self.key_tokens = Some(KeyTokens { key_use, key: key.to_owned(), prompt });
    }

    /// Adds what the turns have used. Called before they are dropped.
    pub(super) fn add_key_tokens(&self, turns: &Turns, outcome: &Outcome<'_>) {
        let Some(KeyTokens { key_use, key, prompt }) = &self.key_tokens else { return };
        let total = |usage: Usage| usage.input.saturating_add(usage.output);
        let mut spent = Usage::default();
        for choice in &turns.choices {
            let running = choice.turn.as_ref().and_then(Turn::usage);
            for usage in [choice.spent, running].into_iter().flatten() {
                spent += usage;
            }
        }
        let reported = total(self.usage.unwrap_or_default()).max(total(spent));
        let is_exact = matches!(outcome, Outcome::Done(_)) && reported > 0;
        let used = match self.first_token {
            Some(_) if !is_exact => {
                reported.max((*prompt / BYTES_PER_TOKEN) as u64 + self.estimated_tokens())
            }
            _ => reported,
        };
        key_use.add(key, used, unix_now());
    }
}

/// The length of an item's text, in bytes.
fn text_bytes(item: &Item) -> usize {
    match item {
        Item::ToolCall(call) => call.arguments.len(),
        item => item.content().iter().filter_map(Content::as_text).map(str::len).sum(),
    }
}
