//! `truncation: "auto"`: leaves out the oldest items of a conversation that is too long for its model.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use codex_client::{Content, Item, Role};
use tokio_util::sync::CancellationToken;

use crate::answer::tokens::Vocabulary;
use crate::error::ApiError;
use crate::off_workers::POOL;
use crate::server::state::Proxy;
use crate::translate::answer_request::AnswerRequest;

/// Time limit for counting. The longest possible input takes a few seconds.
pub(crate) const COUNT_TIMEOUT: Duration = Duration::from_secs(30);

/// Stack for the encoder.
pub(crate) const COUNT_STACK: usize = 2 * 1024 * 1024;

/// Tokens around a message: its start, its role, the start of its text and its end.
pub(crate) const AROUND_MESSAGE: u64 = 4;

/// The share of a model's context that the conversation may fill, in percent, as codex itself has it.
const USABLE_PERCENT: u64 = 95;

/// Tokens that an image counts as. OpenAI's largest count as fewer.
const IMAGE_TOKENS: u64 = 2_000;

/// Leaves out the oldest items if the conversation does not fit the context of its model, and returns how many; `None` if that context is
/// unknown.
///
/// # Errors
/// When the tokens cannot be counted.
pub(super) async fn apply(proxy: &Proxy, request: &mut AnswerRequest) -> Result<Option<usize>, ApiError> {
    let models = proxy.catalog.models(proxy.codex.plain()).await.unwrap_or_default();
    let settings = proxy.settings();
    let id = settings.model_aliases.get(&request.model).unwrap_or(&request.model);
    let Some(window) = models.iter().find(|model| model.id == *id).and_then(|model| model.context_window)
    else {
        return Ok(None);
    };
    let budget = window * USABLE_PERCENT / 100;
    // A token has at least one byte.
    if request.items.iter().map(upper_bound).sum::<u64>() <= budget {
        return Ok(Some(0));
    }
    let (items, vocabulary) = (std::mem::take(&mut request.items), proxy.tokenizer.load());
    let stop = CancellationToken::new();
    let stopped = stop.clone();
    let job =
        move || fit(items, budget, |item| if stopped.is_cancelled() { 0 } else { tokens(item, &vocabulary) });
    let (items, dropped) =
        POOL.run(COUNT_TIMEOUT, COUNT_STACK, stop, job).await.map_err(|_| ApiError::too_many_schemas())?;
    request.items = items;
    Ok(Some(dropped))
}

/// The tokens of an item, without its images.
pub(crate) fn tokens(item: &Item, vocabulary: &Arc<Vocabulary>) -> u64 {
    let texts = |content: &[Content]| -> u64 {
        content.iter().filter_map(Content::as_text).map(|text| vocabulary.count(text)).sum()
    };
    AROUND_MESSAGE
        + match item {
            Item::Message { content, .. } | Item::ToolOutput { output: content, .. } => texts(content),
            Item::ToolCall(call) => vocabulary.count(&call.name) + vocabulary.count(&call.arguments),
        }
}

/// The bytes of an item's texts, and the tokens around them.
fn upper_bound(item: &Item) -> u64 {
    let bytes = match item {
        Item::Message { content, .. } | Item::ToolOutput { output: content, .. } => {
            content.iter().filter_map(Content::as_text).map(str::len).sum()
        }
        Item::ToolCall(call) => call.name.len() + call.arguments.len(),
    };
    AROUND_MESSAGE + images(item) + bytes as u64
}

/// What the images of an item count as.
fn images(item: &Item) -> u64 {
    match item {
        Item::Message { content, .. } | Item::ToolOutput { output: content, .. } => {
            let images = content.iter().filter(|content| matches!(content, Content::Image { .. })).count();
            images as u64 * IMAGE_TOKENS
        }
        Item::ToolCall(_) => 0,
    }
}

/// Keeps the instructions at the beginning, the last item, and of the others as many of the latest as fit. An output whose call is left out
/// is left out too. Returns the number of items left out.
fn fit(items: Vec<Item>, budget: u64, tokens: impl Fn(&Item) -> u64) -> (Vec<Item>, usize) {
    let all = items.len();
    let is_instruction = |item: &&Item| matches!(item, Item::Message { role: Role::Developer, .. });
    let leading = items.iter().take_while(is_instruction).count().min(all.saturating_sub(1));
    let mut used: u64 = items[..leading].iter().map(|item| tokens(item) + images(item)).sum();
    let mut first = all;
    while first > leading {
        used += items.get(first - 1).map_or(0, |item| tokens(item) + images(item));
        if used > budget && first < all {
            break;
        }
        first -= 1;
    }
    let mut calls = HashSet::new();
    let kept = items.into_iter().enumerate().filter(|(at, _)| *at < leading || *at >= first);
    let kept: Vec<Item> = kept
        .filter_map(|(_, item)| match &item {
            Item::ToolCall(call) => {
                calls.insert(call.call_id.clone());
                Some(item)
            }
            Item::ToolOutput { call_id, .. } => calls.contains(call_id).then_some(item),
            Item::Message { .. } => Some(item),
        })
        .collect();
    let dropped = all - kept.len();
    (kept, dropped)
}

#[cfg(test)]
mod tests {
    use codex_client::ToolCall;

    use super::*;

    fn text(role: Role, text: &str) -> Item {
        Item::Message { role, content: vec![Content::Text(text.to_owned())] }
    }

    /// What is left of these items when each counts as one.
    fn left(items: &[Item], budget: u64) -> Vec<usize> {
        let (kept, dropped) = fit(items.to_vec(), budget, |_| 1);
        assert_eq!(kept.len() + dropped, items.len());
        kept.iter().map(|kept| items.iter().position(|item| item == kept).unwrap()).collect()
    }

    #[test]
    fn the_oldest_items_are_left_out_and_the_instructions_and_the_last_one_stay() {
        let items = [
            text(Role::Developer, "be kind"),
            text(Role::User, "one"),
            text(Role::Assistant, "two"),
            text(Role::User, "three"),
        ];
        assert_eq!(left(&items, 4), [0, 1, 2, 3]);
        assert_eq!(left(&items, 3), [0, 2, 3]);
        assert_eq!(left(&items, 0), [0, 3]);
        assert_eq!(left(&items[..1], 0), [0]);
    }

    #[test]
    fn an_output_goes_with_its_call() {
        let call = |id: &str| {
            let (call_id, name) = (id.to_owned(), "look".to_owned());
            Item::ToolCall(ToolCall { call_id, name, arguments: "{}".to_owned() })
        };
        let output = |id: &str| Item::ToolOutput { call_id: id.to_owned(), output: Vec::new() };
        let items = [text(Role::User, "one"), call("a"), call("b"), output("a"), output("b")];
        assert_eq!(left(&items, 3), [2, 4]);
        assert_eq!(left(&items, 4), [1, 2, 3, 4]);
    }
}
