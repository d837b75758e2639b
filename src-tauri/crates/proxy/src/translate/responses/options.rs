//! The request options that a response echoes, in OpenAI's exact format.

use serde_json::{Value, json};

use super::{ResponseOptions, summary};
use crate::error::ApiError;
use crate::openai::responses::request::{ResponsesRequest, TextFormat};
use crate::openai::responses::response::{ConversationRef, Format, Reasoning, Text};
use crate::translate::answer_request::ToolChoice;
use crate::translate::{metadata, tools};

/// Efforts in OpenAI's specification. A codex model may have others, which are passed on but not echoed.
const EFFORTS: &[&str] = &["none", "minimal", "low", "medium", "high", "xhigh", "max"];

/// Service tiers in OpenAI's specification.
const TIERS: &[&str] = &["auto", "default", "flex", "scale", "priority", "fast", "ultrafast"];

pub(super) fn echoed(request: ResponsesRequest, choice: &ToolChoice) -> Result<ResponseOptions, ApiError> {
    let text = request.text.unwrap_or_default();
    let thinking = request.reasoning.unwrap_or_default();
    Ok(ResponseOptions {
        instructions: request.instructions,
        max_output_tokens: request.max_output_tokens,
        metadata: metadata::parse(request.metadata.as_ref())?,
        parallel_tool_calls: request.parallel_tool_calls.unwrap_or(true),
        conversation: conversation(request.conversation.as_ref())?.map(|id| ConversationRef { id }),
        previous_response_id: request.previous_response_id,
        reasoning: Reasoning {
            summary: summary(&thinking).map(str::to_owned),
            effort: thinking.effort.filter(|effort| EFFORTS.contains(&effort.as_str())),
        },
        service_tier: Some(request.service_tier.unwrap_or_else(|| "auto".to_owned()))
            .filter(|tier| TIERS.contains(&tier.as_str())),
        temperature: Some(request.temperature.unwrap_or(1.0)).filter(|value| (0.0..=2.0).contains(value)),
        text: Text { format: text.format.map_or(Ok(Format::Text), format)?, verbosity: text.verbosity },
        tool_choice: tool_choice(request.tool_choice.as_ref(), choice),
        tools: request.tools.unwrap_or_default(),
        top_logprobs: 0,
        top_p: Some(request.top_p.unwrap_or(1.0)).filter(|value| (0.0..=1.0).contains(value)),
        truncation: Some(request.truncation.unwrap_or_else(|| "disabled".to_owned()))
            .filter(|truncation| matches!(truncation.as_str(), "auto" | "disabled")),
        user: request.user,
        safety_identifier: request.safety_identifier,
        prompt_cache_key: request.prompt_cache_key,
    })
}

/// The id of the conversation to continue.
pub(crate) fn conversation(asked: Option<&Value>) -> Result<Option<String>, ApiError> {
    let id = match asked {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::Object(conversation)) => conversation.get("id").and_then(Value::as_str),
        Some(conversation) => conversation.as_str(),
    };
    let id = id.filter(|id| !id.is_empty());
    let missing = || {
        ApiError::invalid(
            "conversation",
            "conversation must be the ID of a conversation, or an object with its id.",
        )
    };
    id.map(|id| Some(id.to_owned())).ok_or_else(missing)
}

fn tool_choice(asked: Option<&Value>, choice: &ToolChoice) -> Value {
    let mode = match choice {
        ToolChoice::Auto => "auto",
        ToolChoice::None => "none",
        ToolChoice::Required => "required",
        ToolChoice::Named(name) => {
            let is_custom = asked.is_some_and(|choice| choice["type"] == "custom");
            return json!({ "type": if is_custom { "custom" } else { "function" }, "name": name });
        }
    };
    match tools::allowed(asked) {
        Some(allowed) => {
            json!({ "type": "allowed_tools", "mode": mode, "tools": allowed["tools"].as_array().unwrap_or(&Vec::new()) })
        }
        None => json!(mode),
    }
}

fn format(format: TextFormat) -> Result<Format, ApiError> {
    match format.kind.as_str() {
        "json_schema" => Ok(Format::JsonSchema {
            name: format.name.filter(|name| !name.is_empty()).ok_or_else(|| {
                ApiError::invalid("text.format.name", "A json_schema format requires a name.")
            })?,
            description: format.description,
            schema: format.schema.unwrap_or_else(|| json!({})),
            strict: format.strict,
        }),
        "json_object" => Ok(Format::JsonObject),
        _ => Ok(Format::Text),
    }
}
