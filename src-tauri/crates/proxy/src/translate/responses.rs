//! From the body of `POST /v1/responses` to what is wanted, and to what its response repeats of it.
//!
//! The conversation is put together here: the instructions of this request, what was said up to the previous response, and
//! the input. Where earlier responses come from is the caller's business.

mod conversation;
mod items;
mod options;

use codex_client::{Content, Item, Role};

use super::answer_request::{AnswerRequest, ClientTool, Format, ToolChoice};
use super::response_events::Ids;
use super::{limits, tools};
use crate::error::ApiError;
use crate::openai::responses::item::OutputItem;
use crate::openai::responses::request::{ReasoningOptions, ResponsesRequest, TextOptions, Tool};
use crate::openai::responses::response::ResponseOptions;
use crate::settings::ReasoningFormat;

/// An item of a conversation that can be referred to.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Said {
    /// Its id.
    pub id: String,
    /// The item; `None` for reasoning, which codex keeps itself.
    pub item: Option<Item>,
}

/// A request that has been read.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Parsed {
    /// What is wanted.
    pub wanted: AnswerRequest,
    /// What the response repeats.
    pub options: ResponseOptions,
    /// What this request adds to the conversation.
    pub said: Vec<Said>,
    /// Whether the answer comes as server-sent events.
    pub streamed: bool,
    /// Whether the response is kept.
    pub store: bool,
}

/// Reads a request. `before` is the conversation up to the end of the previous response, without anybody's instructions; `find` finds
/// an item by the id that a reference names; `reasoning` is how the settings have summaries sent.
///
/// # Errors
/// [`ApiError`] naming the field that is wrong, or that asks for what cannot be given.
pub(crate) fn parse(
    mut request: ResponsesRequest,
    before: &[&Said],
    find: &dyn Fn(&str) -> Option<Said>,
    reasoning: ReasoningFormat,
    ids: &mut Ids,
) -> Result<Parsed, ApiError> {
    let said = items::read(request.input.take(), find, ids)?;
    let given = request.tools.as_deref().unwrap_or_default();
    let mut tools: Vec<ClientTool> =
        given.iter().enumerate().map(|(index, tool)| client_tool(tool, index)).collect::<Result<_, _>>()?;
    let tool_choice = tools::choice(request.tool_choice.as_ref(), "tool_choice")?;
    tools::check_choice(&tools, &tool_choice, "tool_choice")?;
    if tool_choice == ToolChoice::None {
        tools.clear();
    }
    let text = request.text.clone().unwrap_or_default();
    let thinking = request.reasoning.clone().unwrap_or_default();

    let mut items = conversation::of(before, &said)?;
    if items.is_empty() {
        return Err(ApiError::invalid("input", "input must say something: a string, or at least one item."));
    }
    if let Some(text) = request.instructions.clone().filter(|text| !text.is_empty()) {
        items.insert(0, Item::Message { role: Role::Developer, content: vec![Content::Text(text)] });
    }
    let wanted = AnswerRequest {
        items,
        tools,
        tool_choice,
        parallel_tool_calls: request.parallel_tool_calls.unwrap_or(true),
        format: format(&text)?,
        effort: thinking.effort.clone(),
        reasoning_format: Some(reasoning_format(&thinking, reasoning)?),
        verbosity: text.verbosity.clone(),
        service_tier: limits::service_tier(request.service_tier.clone()),
        max_tokens: request.max_output_tokens,
        model: request.model.clone(),
        ..AnswerRequest::default()
    };
    let wanted = limits::checked(wanted, "max_output_tokens").map_err(ApiError::of_responses)?;
    let (streamed, store) = (request.stream == Some(true), request.store != Some(false));
    let options = options::repeated(request, &wanted.tool_choice)?;
    Ok(Parsed { wanted, options, said, streamed, store })
}

/// What the output of a response adds to the conversation.
pub(crate) fn said_by_model(output: &[OutputItem]) -> Vec<Said> {
    output.iter().map(|item| Said { id: item.id().to_owned(), item: items::of_output(item) }).collect()
}

fn client_tool(tool: &Tool, index: usize) -> Result<ClientTool, ApiError> {
    let param = format!("tools[{index}]");
    if tool.kind != "function" {
        return Err(tools::no_function(&tool.kind, &param));
    }
    let Some(name) = tool.name.clone().filter(|name| !name.is_empty()) else {
        return Err(ApiError::invalid(format!("{param}.name"), "A function needs its name."));
    };
    Ok(ClientTool {
        name,
        description: tool.description.clone().unwrap_or_default(),
        parameters: tool.parameters.clone().unwrap_or_else(tools::no_arguments),
        param,
    })
}

fn format(text: &TextOptions) -> Result<Format, ApiError> {
    let Some(format) = &text.format else { return Ok(Format::Text) };
    Format::read(&format.kind, format.schema.clone(), format.strict, "text.format.type", "text.format.schema")
}

/// Summaries are items of their own here, and never part of the text.
fn reasoning_format(
    thinking: &ReasoningOptions,
    settings: ReasoningFormat,
) -> Result<ReasoningFormat, ApiError> {
    match summary(thinking) {
        Some("auto" | "concise" | "detailed") => Ok(ReasoningFormat::ReasoningContent),
        Some(_) => Err(ApiError::invalid(
            "reasoning.summary",
            "The summary must be auto, concise or detailed, or left out.",
        )),
        None if settings == ReasoningFormat::None => Ok(ReasoningFormat::None),
        None => Ok(ReasoningFormat::ReasoningContent),
    }
}

/// The summary that is asked for, by its new name or its old one.
fn summary(thinking: &ReasoningOptions) -> Option<&str> {
    thinking.summary.as_deref().or(thinking.generate_summary.as_deref())
}

#[cfg(test)]
mod tests;
