//! From what was said, item by item, to the conversation that codex is given.

use codex_client::{Item, Role};
use indexmap::IndexMap;

use super::Said;
use crate::error::ApiError;
use crate::translate::shorten;
use crate::translate::tools::missing;

/// The conversation of what was said `before` and what a request adds.
///
/// # Errors
/// [`ApiError`] when a call has no output, or an output no call.
pub(super) fn of(before: &[&Said], added: &[Said]) -> Result<Vec<Item>, ApiError> {
    let mut items = Vec::with_capacity(before.len() + added.len());
    // Whether each is answered.
    let mut calls: IndexMap<&str, bool> = IndexMap::new();
    let mut after_reasoning = false;
    let params = (0..before.len()).map(|_| None).chain((0..added.len()).map(Some));
    for (said, param) in before.iter().copied().chain(added).zip(params) {
        let Some(item) = &said.item else {
            after_reasoning = true;
            continue;
        };
        match item {
            Item::ToolCall(call) => {
                calls.insert(&call.call_id, false);
            }
            Item::ToolOutput { call_id, .. } => match (calls.get_mut(call_id.as_str()), param) {
                (Some(answered), _) => *answered = true,
                (None, None) => {}
                (None, Some(index)) => {
                    let message = format!("There is no call {:?} before its output.", shorten(call_id));
                    return Err(ApiError::invalid(format!("input[{index}].call_id"), message));
                }
            },
            Item::Message { .. } => {}
        }
        match (items.last_mut(), item) {
            // One answer, whose text the model broke off to think: codex knows it as one message.
            (
                Some(Item::Message { role: Role::Assistant, content: first }),
                Item::Message { role: Role::Assistant, content },
            ) if after_reasoning => first.extend(content.iter().cloned()),
            _ => items.push(item.clone()),
        }
        after_reasoning = false;
    }
    if calls.values().all(|answered| *answered) {
        return Ok(items);
    }
    let message = format!("Every call needs its output. Missing: {}.", missing(&calls));
    Err(ApiError::invalid("input", message))
}
