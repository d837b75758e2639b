//! From a chat request to what is wanted: the messages become items with their roles, the parameters their meaning.
//!
//! No message is flattened into another's text, and none is left out: instructions in the middle stay where they were, as
//! developer messages, since codex drops `system` items.

use codex_client::{Content, Item, Role as Speaker, ToolCall, WebSearch};

use super::answer_request::{AnswerRequest, Format, ToolChoice};
use super::contents::contents;
use super::{limits, shorten, tools};
use crate::error::ApiError;
use crate::openai::chat::{self, ChatRequest, FunctionCall, Message, ResponseFormat, Role, WebSearchOptions};
use crate::settings::ReasoningFormat;

/// Reads a request.
///
/// # Errors
/// [`ApiError`] naming what is wrong.
pub(crate) fn parse(request: ChatRequest) -> Result<AnswerRequest, ApiError> {
    let items = conversation(request.messages)?;
    let old = request.functions.is_some() || request.function_call.is_some();
    let (tools, tool_choice) = if old {
        let functions = request.functions.unwrap_or_default();
        (tools::of_functions(functions), tools::choice(request.function_call.as_ref(), "function_call")?)
    } else {
        let tools = tools::of_tools(request.tools.unwrap_or_default())?;
        (tools, tools::choice(request.tool_choice.as_ref(), "tool_choice")?)
    };
    tools::check_choice(&tools, &tool_choice, if old { "function_call" } else { "tool_choice" })?;
    let wanted = AnswerRequest {
        model: request.model,
        items,
        tools: if tool_choice == ToolChoice::None { Vec::new() } else { tools },
        tool_choice,
        // The old form has room for one call.
        parallel_tool_calls: !old && request.parallel_tool_calls != Some(false),
        format: format(request.response_format)?,
        effort: request.reasoning_effort,
        reasoning_format: reasoning_format(request.reasoning_format.as_deref(), request.include_reasoning)?,
        verbosity: request.verbosity,
        service_tier: limits::service_tier(request.service_tier),
        web_search: request.web_search_options.map(web_search).transpose()?,
        max_tokens: request.max_completion_tokens.or(request.max_tokens),
        stop: limits::stops(request.stop),
        n: request.n.unwrap_or(1),
    };
    limits::checked(wanted, "max_completion_tokens")
}

/// Reads the messages.
fn conversation(messages: Vec<Message>) -> Result<Vec<Item>, ApiError> {
    if messages.is_empty() {
        return Err(ApiError::invalid("messages", "messages must hold at least one message."));
    }
    let mut items = Vec::with_capacity(messages.len());
    let mut calls = tools::Pairing::default();
    for (index, message) in messages.into_iter().enumerate() {
        read(message, index, &mut items, &mut calls)?;
    }
    calls.end()?;
    Ok(items)
}

/// Checks that the model can think as hard as it is asked to. `known` are the efforts that codex names for it; where it names none,
/// any is passed on.
///
/// # Errors
/// [`ApiError`] for an effort that is not one of them.
pub(crate) fn check_effort(wanted: Option<&str>, model: &str, known: &[String]) -> Result<(), ApiError> {
    match wanted {
        Some(wanted) if !known.is_empty() && !known.iter().any(|effort| effort == wanted) => {
            Err(ApiError::invalid(
                "reasoning_effort".to_owned(),
                format!("The model {model} knows these efforts: {}.", known.join(", ")),
            ))
        }
        _ => Ok(()),
    }
}

/// How the model may search the web.
fn web_search(options: WebSearchOptions) -> Result<WebSearch, ApiError> {
    let WebSearchOptions { search_context_size, user_location } = options;
    match search_context_size.as_deref() {
        None | Some("low" | "medium" | "high") => Ok(WebSearch {
            context_size: search_context_size,
            location: user_location.map(|location| location.approximate),
        }),
        Some(other) => Err(ApiError::invalid(
            "web_search_options.search_context_size",
            format!("search_context_size must be low, medium or high, not {:?}.", shorten(other)),
        )),
    }
}

/// The form of the answer.
fn format(format: Option<ResponseFormat>) -> Result<Format, ApiError> {
    let Some(ResponseFormat { kind, json_schema }) = format else { return Ok(Format::Text) };
    if kind == "json_schema" && json_schema.is_none() {
        let message = "A json_schema format needs its json_schema.";
        return Err(ApiError::invalid("response_format.json_schema", message));
    }
    let (schema, strict) = json_schema.map_or((None, None), |wanted| (wanted.schema, wanted.strict));
    Format::read(&kind, schema, strict, "response_format.type", "response_format.json_schema.schema")
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

fn read(
    message: Message,
    index: usize,
    items: &mut Vec<Item>,
    pairing: &mut tools::Pairing,
) -> Result<(), ApiError> {
    let Message { role, content, tool_calls, tool_call_id, function_call, .. } = message;
    if !matches!(role, Role::Tool | Role::Function) {
        pairing.end()?;
    }
    let param = format!("messages[{index}].content");
    let pictures = matches!(role, Role::User | Role::Tool);
    let content = content.map(|content| contents(content, &param, pictures)).transpose()?;
    let say = |role, content: Option<_>| match content {
        Some(content) => Ok(Item::Message { role, content }),
        None => Err(ApiError::invalid(&param, "This message needs a content.")),
    };
    match role {
        Role::System | Role::Developer => items.push(say(Speaker::Developer, content)?),
        Role::User => items.push(say(Speaker::User, content)?),
        Role::Assistant => {
            let calls = calls(tool_calls.unwrap_or_default(), function_call, index)?;
            let content = content.unwrap_or_default();
            let says = |part: &Content| !matches!(part, Content::Text(text) if text.is_empty());
            if content.iter().any(says) || calls.is_empty() {
                items.push(Item::Message { role: Speaker::Assistant, content });
            }
            pairing.begin(calls.iter().map(|call| call.call_id.as_str()), index);
            items.extend(calls.into_iter().map(Item::ToolCall));
        }
        Role::Tool | Role::Function => {
            let call_id = match tool_call_id {
                Some(call_id) => call_id,
                None if role == Role::Function => pairing.only().unwrap_or_default(),
                None => {
                    let param = format!("messages[{index}].tool_call_id");
                    let message = "A tool message needs the tool_call_id that it answers.";
                    return Err(ApiError::invalid(param, message));
                }
            };
            pairing.answer(&call_id, index)?;
            items.push(Item::ToolOutput { call_id, output: content.unwrap_or_default() });
        }
    }
    Ok(())
}

/// The calls that an assistant's message makes. The old form has no ids; one a message is enough to tell them apart.
fn calls(
    calls: Vec<chat::ToolCall>,
    old: Option<FunctionCall>,
    index: usize,
) -> Result<Vec<ToolCall>, ApiError> {
    if let Some(at) = calls.iter().position(|call| call.kind != "function") {
        let param = format!("messages[{index}].tool_calls[{at}].type");
        return Err(ApiError::invalid(param, "Only calls of functions can be passed to codex."));
    }
    let calls = calls.into_iter().map(|call| (call.id, call.function));
    let old = old.map(|function| (format!("call_of_message_{index}"), function));
    let call = |(call_id, FunctionCall { name, arguments })| ToolCall { call_id, name, arguments };
    Ok(calls.chain(old).map(call).collect())
}

#[cfg(test)]
#[path = "request_tests.rs"]
mod tests;
