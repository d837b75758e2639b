//! From what was said, item by item, to the conversation that codex is given.

use codex_client::{Item, Role};

use super::Said;
use crate::translate::{Refusal, shorten};

/// How many missing outputs an error names.
const NAMED: usize = 4;

/// The conversation of what was said `before` and what a request adds.
///
/// # Errors
/// [`Refusal`] when a call has no output, or an output no call.
pub(super) fn of(before: &[&Said], added: &[Said]) -> Result<Vec<Item>, Refusal> {
    let mut items = Vec::with_capacity(before.len() + added.len());
    let mut calls: Vec<&str> = Vec::new();
    let mut open: Vec<&str> = Vec::new();
    let mut after_reasoning = false;
    let params = (0..before.len()).map(|_| None).chain((0..added.len()).map(Some));
    for (said, param) in before.iter().copied().chain(added).zip(params) {
        let Some(item) = &said.item else {
            after_reasoning = true;
            continue;
        };
        match item {
            Item::ToolCall(call) => {
                calls.push(&call.call_id);
                open.push(&call.call_id);
            }
            Item::ToolOutput { call_id, .. } => {
                if let Some(index) = param
                    && !calls.contains(&call_id.as_str())
                {
                    let message = format!("There is no call {:?} before its output.", shorten(call_id));
                    return Err(Refusal::invalid(&format!("input[{index}].call_id"), &message));
                }
                open.retain(|open| open != call_id);
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
    let ids: Vec<String> = open.into_iter().take(NAMED).map(shorten).collect();
    let message = format!("Every call needs its output. Missing: {}.", ids.join(", "));
    Err(Refusal::invalid("input", &message))
}
