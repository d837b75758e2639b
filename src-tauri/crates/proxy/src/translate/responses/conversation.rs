//! From what was said, item by item, to the conversation that codex is given.

use std::collections::{HashMap, HashSet};

use codex_client::{Item, Role};

use super::Said;
use crate::error::ApiError;
use crate::translate::shorten;

/// How many missing outputs an error names.
const NAMED: usize = 4;

/// The conversation of what was said `before` and what a request adds.
///
/// # Errors
/// [`ApiError`] when a call has no output, or an output no call.
pub(super) fn of(before: &[&Said], added: &[Said]) -> Result<Vec<Item>, ApiError> {
    let mut items = Vec::with_capacity(before.len() + added.len());
    let mut calls: HashSet<&str> = HashSet::new();
    // With where each was made, so that the missing ones are named in order.
    let mut open: HashMap<&str, usize> = HashMap::new();
    let mut after_reasoning = false;
    let params = (0..before.len()).map(|_| None).chain((0..added.len()).map(Some));
    for (said, param) in before.iter().copied().chain(added).zip(params) {
        let Some(item) = &said.item else {
            after_reasoning = true;
            continue;
        };
        match item {
            Item::ToolCall(call) => {
                calls.insert(&call.call_id);
                open.insert(&call.call_id, items.len());
            }
            Item::ToolOutput { call_id, .. } => {
                if let Some(index) = param
                    && !calls.contains(call_id.as_str())
                {
                    let message = format!("There is no call {:?} before its output.", shorten(call_id));
                    return Err(ApiError::invalid(format!("input[{index}].call_id"), &message));
                }
                open.remove(call_id.as_str());
            }
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
    if open.is_empty() {
        return Ok(items);
    }
    let mut open: Vec<(&str, usize)> = open.into_iter().collect();
    open.sort_unstable_by_key(|(_, made)| *made);
    let ids: Vec<String> = open.into_iter().take(NAMED).map(|(id, _)| shorten(id)).collect();
    let message = format!("Every call needs its output. Missing: {}.", ids.join(", "));
    Err(ApiError::invalid("input", &message))
}
