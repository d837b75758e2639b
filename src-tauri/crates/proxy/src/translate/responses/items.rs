//! Parses input items in the forms that clients send.

use bytes::Bytes;
use codex_client::{Content, Item, Role, ToolCall};

use super::{StoredItem, compaction, wire};
use crate::error::ApiError;
use crate::openai::responses::request::InputItem;
use crate::openai::text_or::TextOr;
use crate::translate::answer_request::ImageAddress;
use crate::translate::contents::{self, contents, with_name};
use crate::translate::response_events::Ids;
use crate::translate::shorten;
use crate::translate::tool_names::{custom_arguments, joined};

/// Parses the input. A string is a user message. `store` is whether the response is stored. Also returns whether it refers to items that are not stored.
pub(super) fn parse(
    input: Option<TextOr<InputItem>>,
    store: bool,
    find: &dyn Fn(&str) -> Option<StoredItem>,
    ids: &mut Ids,
) -> Result<(Vec<StoredItem>, bool), ApiError> {
    let mut forgotten = false;
    let items = match input {
        None => Vec::new(),
        Some(TextOr::Text(text)) => {
            let id = ids.item("msg");
            let json = if store { wire::message(&id, "user", &text) } else { Bytes::new() };
            let item = Item::Message { role: Role::User, content: vec![Content::Text(text)] };
            vec![StoredItem { id, item: Some(item), json }]
        }
        Some(TextOr::Parts(items)) => {
            let last_answer = items.iter().rposition(is_of_model).unwrap_or_default();
            let mut find = |id: &str| {
                find(id).unwrap_or_else(|| {
                    forgotten = true;
                    forgotten_item(id)
                })
            };
            let parse = |(index, item)| {
                let place = Place { param: &format!("input[{index}]"), earlier: index < last_answer, store };
                parse_item(item, place, &mut find, ids)
            };
            items.into_iter().enumerate().map(parse).collect::<Result<_, _>>()?
        }
    };
    Ok((items, forgotten))
}

/// Whether an item is a reference, which may omit its type, and then has only an id.
pub(super) fn is_reference(item: &InputItem) -> bool {
    match item.kind.as_deref() {
        Some(kind) => kind == "item_reference",
        None => item.role.is_none() && item.content.is_none() && item.id.is_some(),
    }
}

/// Parses an item that was stored. What the model cannot see any more becomes text.
pub(super) fn parse_stored(item: InputItem) -> Option<Item> {
    let place = Place { param: "input", earlier: true, store: false };
    let mut none = |_: &str| StoredItem::unknown();
    parse_item(item, place, &mut none, &mut Ids::new(String::new())).ok()?.item
}

/// Whether the model wrote this item.
fn is_of_model(item: &InputItem) -> bool {
    let kind = item.kind.as_deref().unwrap_or_default();
    item.role.as_deref() == Some("assistant")
        || matches!(kind, "function_call" | "custom_tool_call" | "item_reference" | "reasoning")
}

/// What the model sees of an item that was stored once.
fn forgotten_item(id: &str) -> StoredItem {
    if id.starts_with("rs_") || id.starts_with("ws_") {
        return StoredItem { id: id.to_owned(), ..StoredItem::unknown() };
    }
    let text = "[an earlier message, no longer stored]";
    let item = Item::Message { role: Role::Assistant, content: vec![Content::Text(text.to_owned())] };
    StoredItem { id: id.to_owned(), item: Some(item), json: wire::message(id, "assistant", text) }
}

/// An item within the input.
#[derive(Clone, Copy)]
struct Place<'a> {
    /// Its path in the body.
    param: &'a str,
    /// Whether an answer of the model follows.
    earlier: bool,
    /// Whether the response is stored.
    store: bool,
}

/// The images by address in the input.
pub(super) fn image_addresses(input: Option<&TextOr<InputItem>>) -> Vec<ImageAddress> {
    let Some(TextOr::Parts(items)) = input else { return Vec::new() };
    let addresses = |(index, item): (usize, &InputItem)| {
        let content =
            contents::image_addresses(item.content.as_ref(), format_args!("input[{index}].content"));
        let output = contents::image_addresses(item.output.as_ref(), format_args!("input[{index}].output"));
        [content, output].concat()
    };
    items.iter().enumerate().flat_map(addresses).collect()
}

/// What the model sees beside an image that it generated earlier. Only messages of the user can have images.
pub(super) fn about_image(prompt: Option<&str>) -> String {
    match prompt {
        Some(prompt) => format!("[The image that you generated from: {prompt}]"),
        None => "[An image that you generated]".to_owned(),
    }
}

fn parse_item(
    item: InputItem,
    Place { param, earlier, store }: Place<'_>,
    find: &mut dyn FnMut(&str) -> StoredItem,
    ids: &mut Ids,
) -> Result<StoredItem, ApiError> {
    let default = if is_reference(&item) { "item_reference" } else { "message" };
    let kind = item.kind.clone().unwrap_or_else(|| default.to_owned());
    let prefix = match kind.as_str() {
        "message" => "msg",
        "function_call" => "fc",
        "function_call_output" => "fco",
        "custom_tool_call" => "ctc",
        "custom_tool_call_output" => "ctco",
        "compaction" => "cmp",
        "additional_tools" => "at",
        "reasoning" => "rs",
        "item_reference" => {
            let param = format!("{param}.id");
            let id =
                item.id.as_deref().ok_or_else(|| ApiError::invalid(&param, "A reference requires an id."))?;
            return Ok(find(id));
        }
        other => {
            let kind = shorten(other);
            let message = format!(
                "Item type {kind:?} is not supported; send messages, function calls and their outputs."
            );
            return Err(ApiError::unsupported(param, message));
        }
    };
    let id = item.id.clone().filter(|id| !id.is_empty()).unwrap_or_else(|| ids.item(prefix));
    // The API does not send back the tools that the conversation brings along.
    let json = if store && prefix != "at" { wire::input(&item, &kind, &id) } else { Bytes::new() };
    let item = match prefix {
        "msg" => Some(message(item, param, earlier)?),
        "fc" | "ctc" => Some(call(item, param)?),
        "fco" | "ctco" => Some(output(item, param, earlier)?),
        "cmp" => Some(summary(&item, param)?),
        _ => None,
    };
    Ok(StoredItem { id, item, json })
}

/// The summary of a conversation that we have compacted.
fn summary(item: &InputItem, param: &str) -> Result<Item, ApiError> {
    let text = item.encrypted_content.as_deref().and_then(compaction::decode).ok_or_else(|| {
        ApiError::invalid(format!("{param}.encrypted_content"), "This is no summary of this proxy.")
    })?;
    Ok(Item::Message { role: Role::User, content: vec![Content::Text(text)] })
}

fn message(item: InputItem, param: &str, earlier: bool) -> Result<Item, ApiError> {
    let role_param = format!("{param}.role");
    let role = match item.role.as_deref() {
        Some("user") => Role::User,
        Some("assistant") => Role::Assistant,
        // codex drops `system` items.
        Some("system" | "developer") => Role::Developer,
        Some(other) => {
            let other = shorten(other);
            let message = format!("The role must be user, assistant, system or developer, not {other:?}.");
            return Err(ApiError::invalid(&role_param, message));
        }
        None => return Err(ApiError::invalid(&role_param, "A message requires a role.")),
    };
    let param = format!("{param}.content");
    let Some(content) = item.content else {
        return Err(ApiError::invalid(&param, "This message requires content."));
    };
    let content = contents(content, &param, contents::Place { images: role == Role::User, earlier })?;
    let name = item.name.as_deref().filter(|name| !name.is_empty() && role != Role::Assistant);
    Ok(Item::Message { role, content: with_name(content, name) })
}

fn call(item: InputItem, param: &str) -> Result<Item, ApiError> {
    let Some(name) = item.name.filter(|name| !name.is_empty()) else {
        return Err(ApiError::invalid(format!("{param}.name"), "A call requires a function name."));
    };
    let call_id = item.call_id.unwrap_or_default();
    let arguments = item.input.map_or(item.arguments, |input| custom_arguments(&input));
    Ok(tool_call(call_id, item.namespace.as_deref(), name, arguments))
}

/// A call of the tool with this name in this namespace.
fn tool_call(call_id: String, namespace: Option<&str>, name: String, arguments: String) -> Item {
    let name = match namespace {
        Some(namespace) => joined(namespace, &name),
        None => name,
    };
    Item::ToolCall(ToolCall { call_id, name, arguments })
}

fn output(item: InputItem, param: &str, earlier: bool) -> Result<Item, ApiError> {
    let param = format!("{param}.output");
    let Some(output) = item.output else { return Err(ApiError::invalid(&param, "The output is missing.")) };
    Ok(Item::ToolOutput {
        call_id: item.call_id.unwrap_or_default(),
        output: contents(output, &param, contents::Place { images: true, earlier })?,
    })
}
