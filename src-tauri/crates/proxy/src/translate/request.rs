//! Parses a chat request: messages become items with roles.
//!
//! Messages are neither merged nor dropped: system messages keep their position as developer messages, since codex
//! drops `system` items.

use std::collections::BTreeSet;

use codex_client::{Content, Item, Role as Speaker, ToolCall, WebSearch};

use super::answer_request::{AnswerRequest, Format, Images, ToolChoice};
use super::contents::{Place, contents, image_addresses, not_passed_on, with_name};
use super::offered_tools::OfferedTools;
use super::tool_names::custom_arguments;
use super::{limits, shorten, tools};
use crate::error::ApiError;
use crate::openai::chat::{
    self, ChatRequest, CustomCall, FunctionCall, Message, ResponseFormat, Role, WebSearchOptions,
};
use crate::settings::ReasoningFormat;

/// Parses a chat request.
///
/// # Errors
/// [`ApiError`] naming the problem.
pub(crate) fn parse(request: ChatRequest) -> Result<AnswerRequest, ApiError> {
    let legacy = is_legacy(&request);
    let addresses = |(index, message): (usize, &Message)| {
        image_addresses(message.content.as_ref(), format_args!("messages[{index}].content"))
    };
    let image_addresses = request.messages.iter().enumerate().flat_map(addresses).collect();
    let items = conversation(request.messages)?;
    let mut offered = OfferedTools::default();
    offered.add_chat(request.tools.unwrap_or_default())?;
    offered.add_functions(request.functions.unwrap_or_default());
    let OfferedTools { mut tools, web_search: mut search_tool, mut images, mut ignored } = offered;
    let (choice, param) = match (&request.tool_choice, &request.function_call) {
        (None, Some(choice)) => (Some(choice), "function_call"),
        (choice, _) => (choice.as_ref(), "tool_choice"),
    };
    let tool_choice = tools::choice(choice, param, &mut ignored)?;
    tools::retain_allowed(&mut tools, &mut search_tool, &mut images, choice, param)?;
    tools::check_choice(&tools, &tool_choice, param)?;
    let parsed = AnswerRequest {
        model: request.model,
        items,
        image_addresses,
        tools: if tool_choice == ToolChoice::None { Vec::new() } else { tools },
        images: Images::offered(images, &tool_choice),
        tool_choice,
        // The legacy form allows one call.
        parallel_tool_calls: !legacy && request.parallel_tool_calls != Some(false),
        format: format(request.response_format)?,
        effort: request.reasoning_effort,
        reasoning_format: reasoning_format(request.reasoning_format.as_deref(), request.include_reasoning)?,
        verbosity: request.verbosity,
        service_tier: limits::service_tier(request.service_tier),
        web_search: request.web_search_options.map(web_search).transpose()?.or(search_tool),
        search_items: false,
        ignored,
        max_tokens: request.max_completion_tokens.or(request.max_tokens),
        stop: limits::stops(request.stop),
        n: request.n.unwrap_or(1),
        one_shot: false,
        streamed: request.stream == Some(true),
    };
    limits::validate(parsed, "max_completion_tokens")
}

/// Whether calls have the legacy form: only if all tools have.
pub(crate) fn is_legacy(request: &ChatRequest) -> bool {
    let is_empty = request.tools.as_ref().is_none_or(Vec::is_empty);
    is_empty && (request.functions.is_some() || request.function_call.is_some())
}

fn conversation(messages: Vec<Message>) -> Result<Vec<Item>, ApiError> {
    if messages.is_empty() {
        return Err(ApiError::invalid("messages", "messages must not be empty."));
    }
    let mut items = Vec::with_capacity(messages.len());
    let mut calls = tools::Pairing::default();
    let is_answer = |message: &Message| message.role == Role::Assistant;
    let last_answer = messages.iter().rposition(is_answer).unwrap_or_default();
    // A single name distinguishes nothing, and the model would begin to write it itself.
    let several = messages.iter().filter(|message| is_answer(message)).map(|message| message.name.as_deref());
    let several = several.collect::<BTreeSet<_>>().len() > 1;
    for (index, mut message) in messages.into_iter().enumerate() {
        if message.role == Role::Assistant && !several {
            message.name = None;
        }
        push_message(message, index, index < last_answer, &mut items, &mut calls)?;
    }
    calls.end()?;
    Ok(items)
}

fn web_search(options: WebSearchOptions) -> Result<WebSearch, ApiError> {
    let WebSearchOptions { search_context_size, user_location } = options;
    match search_context_size.as_deref() {
        None | Some("low" | "medium" | "high") => Ok(WebSearch {
            context_size: search_context_size,
            location: user_location.map(|location| location.approximate),
            ..WebSearch::default()
        }),
        Some(other) => Err(ApiError::invalid(
            "web_search_options.search_context_size",
            format!("search_context_size must be low, medium or high, not {:?}.", shorten(other)),
        )),
    }
}

fn format(format: Option<ResponseFormat>) -> Result<Format, ApiError> {
    let Some(ResponseFormat { kind, json_schema }) = format else { return Ok(Format::Text) };
    if kind == "json_schema" && json_schema.is_none() {
        let message = "A json_schema format requires json_schema.";
        return Err(ApiError::invalid("response_format.json_schema", message));
    }
    let (schema, strict) = json_schema.map_or((None, None), |format| (format.schema, format.strict));
    Format::new(&kind, schema, strict, "response_format.type", "response_format.json_schema.schema")
}

fn reasoning_format(
    format: Option<&str>,
    include: Option<bool>,
) -> Result<Option<ReasoningFormat>, ApiError> {
    match (format, include) {
        (_, Some(false)) | (Some("hidden" | "none"), _) => Ok(Some(ReasoningFormat::None)),
        (Some("parsed" | "reasoning_content"), _) => Ok(Some(ReasoningFormat::ReasoningContent)),
        (Some("raw" | "think"), _) => Ok(Some(ReasoningFormat::Think)),
        (Some(other), _) => Err(ApiError::invalid(
            "reasoning_format",
            format!("reasoning_format must be parsed, raw or hidden, not {:?}.", shorten(other)),
        )),
        (None, _) => Ok(None),
    }
}

fn push_message(
    message: Message,
    index: usize,
    earlier: bool,
    items: &mut Vec<Item>,
    pairing: &mut tools::Pairing,
) -> Result<(), ApiError> {
    let Message { role, content, tool_calls, tool_call_id, function_call, name, refusal, audio } = message;
    if !matches!(role, Role::Tool | Role::Function) {
        pairing.end()?;
    }
    let param = format!("messages[{index}].content");
    let images = matches!(role, Role::User | Role::Tool);
    let content = content.map(|content| contents(content, &param, Place { images, earlier })).transpose()?;
    let name = name.as_deref().filter(|name| !name.is_empty());
    let message_item = |role, content: Option<_>| match content {
        Some(content) => Ok(Item::Message { role, content: with_name(content, name) }),
        None => Err(ApiError::invalid(&param, "This message requires content.")),
    };
    match role {
        Role::System | Role::Developer => items.push(message_item(Speaker::Developer, content)?),
        Role::User => items.push(message_item(Speaker::User, content)?),
        Role::Assistant => {
            let calls = calls(tool_calls.unwrap_or_default(), function_call, index)?;
            let mut content = content.unwrap_or_default();
            content.extend(refusal.map(Content::Text));
            content.extend(audio.map(|_| not_passed_on("audio")));
            let is_not_empty = |part: &Content| !matches!(part, Content::Text(text) if text.is_empty());
            if content.iter().any(is_not_empty) || calls.is_empty() {
                let content = with_name(content, name);
                items.push(Item::Message { role: Speaker::Assistant, content });
            }
            pairing.begin(calls.iter().map(|call| call.call_id.as_str()), index);
            items.extend(calls.into_iter().map(Item::ToolCall));
        }
        Role::Tool | Role::Function => {
            let call_id = tool_call_id.filter(|call_id| !call_id.is_empty());
            let call_id = call_id.or_else(|| pairing.first_open()).unwrap_or_default();
            pairing.answer(&call_id, index)?;
            items.push(Item::ToolOutput { call_id, output: content.unwrap_or_default() });
        }
    }
    Ok(())
}

/// The calls of an assistant message. Those without an id get one by their position.
fn calls(
    calls: Vec<chat::ToolCall>,
    old: Option<FunctionCall>,
    index: usize,
) -> Result<Vec<ToolCall>, ApiError> {
    let legacy_at = calls.len();
    let call = |(at, call): (usize, chat::ToolCall)| {
        let id = match call.id.as_str() {
            "" => ToolCall::id_by_position(index, at),
            _ => call.id,
        };
        match (call.function, call.custom) {
            (Some(function), _) => Ok((id, function)),
            (None, Some(CustomCall { name, input })) => {
                Ok((id, FunctionCall { name, arguments: custom_arguments(&input) }))
            }
            (None, None) => {
                let param = format!("messages[{index}].tool_calls[{at}].function");
                Err(ApiError::invalid(param, "A call requires function or custom."))
            }
        }
    };
    let calls = calls.into_iter().enumerate().map(call).collect::<Result<Vec<_>, _>>()?.into_iter();
    let legacy = old.map(|function| (ToolCall::id_by_position(index, legacy_at), function));
    let call = |(call_id, FunctionCall { name, arguments })| ToolCall { call_id, name, arguments };
    Ok(calls.chain(legacy).map(call).collect())
}

#[cfg(test)]
#[path = "request_tests.rs"]
mod tests;
