//! Assembles the conversation that codex receives.

use codex_client::{Content, Item, Role};

use super::StoredItem;
use crate::error::ApiError;
use crate::translate::open_calls::OpenCalls;
use crate::translate::shorten;

/// Appends the items a request adds to those `before`. `forgotten` is whether it refers to items that are no longer
/// stored: an output may then be without its call, and becomes a message.
///
/// # Errors
/// [`ApiError`] when a call has no output, or an output no call.
pub(super) fn assemble(
    before: &[&StoredItem],
    added: &[StoredItem],
    forgotten: bool,
) -> Result<Vec<Item>, ApiError> {
    let mut items = Vec::with_capacity(before.len() + added.len());
    let mut calls = OpenCalls::default();
    let mut after_reasoning = false;
    let params = (0..before.len()).map(|_| None).chain((0..added.len()).map(Some));
    for (position, (stored, param)) in before.iter().copied().chain(added).zip(params).enumerate() {
        let Some(mut item) = stored.item.clone() else {
            after_reasoning = true;
            continue;
        };
        match &mut item {
            Item::ToolCall(call) => {
                if call.call_id.is_empty() {
                    call.call_id = format!("call_of_item_{position}");
                }
                calls.insert(call.call_id.clone());
            }
            Item::ToolOutput { call_id, output } => {
                if call_id.is_empty() {
                    *call_id = calls.first_open().unwrap_or_default().to_owned();
                }
                match (calls.answer(call_id), param) {
                    (true, _) => {}
                    (false, param) if forgotten || param.is_none() => {
                        let mut content =
                            vec![Content::Text("[output of a call that is no longer stored]".to_owned())];
                        content.append(output);
                        item = Item::Message { role: Role::User, content };
                    }
                    (false, param) => {
                        let index = param.unwrap_or_default();
                        let message = format!("No call {:?} precedes this output.", shorten(call_id));
                        return Err(ApiError::invalid(format!("input[{index}].call_id"), message));
                    }
                }
            }
            Item::Message { .. } => {}
        }
        match (items.last_mut(), item) {
            // Text before and after reasoning is one message to codex.
            (
                Some(Item::Message { role: Role::Assistant, content: first }),
                Item::Message { role: Role::Assistant, content },
            ) if after_reasoning => first.extend(content),
            (_, item) => items.push(item),
        }
        after_reasoning = false;
    }
    let Some(missing) = calls.missing() else { return Ok(items) };
    let message = format!("Every call requires an output. Missing: {missing}.");
    Err(ApiError::invalid("input", message))
}
