//! From a chat request to what is wanted: the messages become items with their roles, the parameters their meaning.
//!
//! No message is flattened into another's text, and none is left out: instructions in the middle stay where they were, as
//! developer messages, since codex drops `system` items.

use codex_client::{Content, Item, Role as Speaker, ToolCall, WebSearch};

use super::answer_request::{AnswerRequest, Format, ToolChoice};
use super::images::{check_detail, check_image};
use super::{limits, shorten, tools};
use crate::error::ApiError;
use crate::openai::chat::{ChatRequest, Message, Part, ResponseFormat, Role, WebSearchOptions};
use crate::openai::text_or::TextOr;
use crate::settings::ReasoningAs;

/// Reads a request.
///
/// # Errors
/// [`ApiError`] naming what is wrong.
pub(crate) fn parse(request: ChatRequest) -> Result<AnswerRequest, ApiError> {
    let items = conversation(&request.messages)?;
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
        reasoning_as: reasoning_as(request.reasoning_format.as_deref(), request.include_reasoning)?,
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
fn conversation(messages: &[Message]) -> Result<Vec<Item>, ApiError> {
    if messages.is_empty() {
        return Err(invalid("messages", "messages must hold at least one message."));
    }
    let mut items = Vec::with_capacity(messages.len());
    let mut calls = tools::Pairing::default();
    for (index, message) in messages.iter().enumerate() {
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
        Some(other) => Err(invalid(
            "web_search_options.search_context_size",
            &format!("search_context_size must be low, medium or high, not {:?}.", shorten(other)),
        )),
    }
}

/// The form of the answer.
fn format(format: Option<ResponseFormat>) -> Result<Format, ApiError> {
    let Some(format) = format else { return Ok(Format::Text) };
    match format.kind.as_str() {
        "text" => Ok(Format::Text),
        "json_object" => Ok(Format::JsonObject),
        "json_schema" => {
            let param = "response_format.json_schema.schema";
            let Some(wanted) = format.json_schema else {
                return Err(invalid(
                    "response_format.json_schema",
                    "A json_schema format needs its json_schema.",
                ));
            };
            let strict = wanted.strict == Some(true);
            match wanted.schema {
                Some(schema) if schema.is_object() => {
                    Ok(Format::Schema { schema, strict, param: param.to_owned() })
                }
                _ => Err(invalid(param, "A json_schema format needs its schema, an object.")),
            }
        }
        other => Err(invalid(
            "response_format.type",
            &format!(
                "response_format.type must be text, json_object or json_schema, not {:?}.",
                shorten(other)
            ),
        )),
    }
}

fn reasoning_as(format: Option<&str>, include: Option<bool>) -> Result<Option<ReasoningAs>, ApiError> {
    match (format, include) {
        (_, Some(false)) | (Some("hidden" | "none"), _) => Ok(Some(ReasoningAs::None)),
        (Some("parsed" | "reasoning_content"), _) => Ok(Some(ReasoningAs::ReasoningContent)),
        (Some("raw" | "think"), _) => Ok(Some(ReasoningAs::Think)),
        (Some(other), _) => Err(invalid(
            "reasoning_format",
            &format!("reasoning_format must be parsed, raw or hidden, not {:?}.", shorten(other)),
        )),
        (None, _) => Ok(None),
    }
}

fn read(
    message: &Message,
    index: usize,
    items: &mut Vec<Item>,
    pairing: &mut tools::Pairing,
) -> Result<(), ApiError> {
    if !matches!(message.role, Role::Tool | Role::Function) {
        pairing.end()?;
    }
    let pictures = matches!(message.role, Role::User | Role::Tool);
    let say = |role| Ok::<_, ApiError>(Item::Message { role, content: contents(message, index, pictures)? });
    match message.role {
        Role::System | Role::Developer => items.push(say(Speaker::Developer)?),
        Role::User => items.push(say(Speaker::User)?),
        Role::Assistant => {
            let calls = calls(message, index)?;
            let content = optional_contents(message, index, pictures)?;
            let says = |part: &Content| !matches!(part, Content::Text(text) if text.is_empty());
            if content.iter().any(says) || calls.is_empty() {
                items.push(Item::Message { role: Speaker::Assistant, content });
            }
            pairing.begin(calls.iter().map(|call| call.call_id.as_str()), index);
            items.extend(calls.into_iter().map(Item::ToolCall));
        }
        Role::Tool | Role::Function => {
            let call_id = match (&message.tool_call_id, message.role) {
                (Some(call_id), _) => call_id.clone(),
                (None, Role::Function) => pairing.only().unwrap_or_default(),
                (None, _) => {
                    let param = format!("messages[{index}].tool_call_id");
                    return Err(invalid(&param, "A tool message needs the tool_call_id that it answers."));
                }
            };
            pairing.answer(&call_id, index)?;
            items.push(Item::ToolOutput { call_id, output: optional_contents(message, index, pictures)? });
        }
    }
    Ok(())
}

/// The calls that an assistant's message makes.
fn calls(message: &Message, index: usize) -> Result<Vec<ToolCall>, ApiError> {
    let mut calls = Vec::new();
    for (at, call) in message.tool_calls.iter().flatten().enumerate() {
        if call.kind != "function" {
            let param = format!("messages[{index}].tool_calls[{at}].type");
            return Err(invalid(&param, "Only calls of functions can be passed to codex."));
        }
        calls.push(ToolCall {
            call_id: call.id.clone(),
            name: call.function.name.clone(),
            arguments: call.function.arguments.clone(),
        });
    }
    if let Some(call) = &message.function_call {
        // The old form has no ids; one a message is enough to tell them apart.
        let call_id = format!("call_of_message_{index}");
        calls.push(ToolCall { call_id, name: call.name.clone(), arguments: call.arguments.clone() });
    }
    Ok(calls)
}

/// The parts of a message that must say something.
fn contents(message: &Message, index: usize, pictures: bool) -> Result<Vec<Content>, ApiError> {
    if message.content.is_none() {
        return Err(invalid(&format!("messages[{index}].content"), "This message needs a content."));
    }
    optional_contents(message, index, pictures)
}

fn optional_contents(message: &Message, index: usize, pictures: bool) -> Result<Vec<Content>, ApiError> {
    match &message.content {
        None => Ok(Vec::new()),
        Some(TextOr::Text(text)) => Ok(vec![Content::Text(text.clone())]),
        Some(TextOr::Parts(parts)) => {
            parts.iter().enumerate().map(|(part, value)| content(value, index, part, pictures)).collect()
        }
    }
}

fn content(part: &Part, message: usize, index: usize, pictures: bool) -> Result<Content, ApiError> {
    let param = || format!("messages[{message}].content[{index}]");
    match (part.kind.as_str(), &part.text, &part.refusal) {
        ("text" | "input_text" | "output_text", Some(text), _) | ("refusal", _, Some(text)) => {
            Ok(Content::Text(text.clone()))
        }
        ("text" | "input_text" | "output_text" | "refusal", ..) => {
            Err(invalid(&param(), "A text part needs its text."))
        }
        ("image_url", ..) if !pictures => {
            Err(invalid(&param(), "Only messages of the user and of tools can hold pictures."))
        }
        ("image_url", ..) => {
            let Some(image) = &part.image_url else {
                return Err(invalid(&param(), "An image_url part needs its image_url."));
            };
            let url = check_image(&image.url, &format!("{}.image_url.url", param()))?;
            check_detail(image.detail.as_deref(), &format!("{}.image_url.detail", param()))?;
            Ok(Content::Image { url: url.into_owned(), detail: image.detail.clone() })
        }
        (kind @ ("input_audio" | "file"), ..) => Err(ApiError::unsupported(
            param(),
            format!("codex takes no parts of the type {kind}. Send text or pictures."),
        )),
        (kind, ..) => {
            Err(invalid(&param(), &format!("There is no content part of the type {:?}.", shorten(kind))))
        }
    }
}

fn invalid(param: &str, message: &str) -> ApiError {
    ApiError::invalid(param, message)
}

#[cfg(test)]
#[path = "request_tests.rs"]
mod tests;
