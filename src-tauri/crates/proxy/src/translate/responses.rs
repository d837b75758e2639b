//! Parses `POST /v1/responses` into an [`AnswerRequest`] and the options its response echoes.
//!
//! Assembles the conversation: the instructions of this request, the stored history, and the input. The caller looks
//! up stored responses.

pub(crate) mod compaction;
mod conversation;
pub(crate) mod foreign;
mod items;
mod options;
mod stored;
mod wire;

pub(crate) use options::conversation as conversation_id;
pub(crate) use stored::{from_stored, parse_input, references, with_id};

use bytes::Bytes;
use codex_client::{Content, Item, Role};

use super::answer_request::{AnswerRequest, Format, Images, ToolChoice};
use super::offered_tools::OfferedTools;
use super::response_events::Ids;
use super::{limits, tools};
use crate::error::ApiError;
use crate::openai::responses::item::OutputItem;
use crate::openai::responses::request::{ReasoningOptions, ResponsesRequest, TextOptions};
use crate::openai::responses::response::ResponseOptions;
use crate::openai::text_or::TextOr;
use crate::settings::ReasoningFormat;
use crate::store;

/// A conversation item that can be referenced by id.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct StoredItem {
    pub id: String,
    /// `None` for reasoning and web searches, which codex keeps itself.
    pub item: Option<Item>,
    /// The item as the API sends it back; empty if the response is not stored.
    pub json: Bytes,
}

impl StoredItem {
    /// The item as the API sends it back, if it does.
    pub(crate) fn to_api(&self) -> Option<store::Item> {
        (!self.json.is_empty()).then(|| store::Item { id: self.id.clone(), json: self.json.clone() })
    }
}

/// A parsed request.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ParsedRequest {
    pub request: AnswerRequest,
    /// The options that the response echoes.
    pub options: ResponseOptions,
    /// The items that this request adds to the conversation.
    pub added: Vec<StoredItem>,
    /// Whether the response is stored.
    pub store: bool,
    /// Whether the response is generated in the background.
    pub background: bool,
}

/// Parses a request. `before` is the conversation up to the end of the previous response, without instructions; `find`
/// looks up an item by the id of a reference; `default_format` is the reasoning format of the settings.
///
/// # Errors
/// [`ApiError`] naming the invalid or unsupported field.
pub(crate) fn parse(
    mut request: ResponsesRequest,
    before: &[&StoredItem],
    find: &dyn Fn(&str) -> Option<StoredItem>,
    default_format: ReasoningFormat,
    ids: &mut Ids,
) -> Result<ParsedRequest, ApiError> {
    let image_addresses = items::image_addresses(request.input.as_ref());
    let OfferedTools { mut tools, mut web_search, mut images, mut ignored } = offered_tools(&mut request)?;
    let store = request.store != Some(false);
    let recorded = store || request.is_continued || request.conversation.is_some();
    let (added, forgotten) = items::parse(request.input.take(), recorded, find, ids)?;
    let choice = request.tool_choice.as_ref();
    let tool_choice = tools::choice(choice, "tool_choice", &mut ignored)?;
    tools::retain_allowed(&mut tools, &mut web_search, &mut images, choice, "tool_choice")?;
    tools::check_choice(&tools, &tool_choice, "tool_choice")?;
    if tool_choice == ToolChoice::None {
        tools.clear();
    }
    let text = request.text.clone().unwrap_or_default();
    let reasoning = request.reasoning.clone().unwrap_or_default();

    let mut items = conversation::assemble(before, &added, forgotten)?;
    if items.is_empty() {
        return Err(ApiError::invalid("input", "input must be a string or at least one item."));
    }
    if let Some(text) = request.instructions.clone().filter(|text| !text.is_empty()) {
        items.insert(0, Item::Message { role: Role::Developer, content: vec![Content::Text(text)] });
    }
    let parsed = AnswerRequest {
        items,
        image_addresses,
        tools,
        tool_choice: tool_choice.clone(),
        parallel_tool_calls: request.parallel_tool_calls.unwrap_or(true),
        format: format(&text)?,
        effort: reasoning.effort.clone(),
        reasoning_format: Some(reasoning_format(&reasoning, default_format)?),
        verbosity: text.verbosity.clone(),
        service_tier: limits::service_tier(request.service_tier.clone()),
        images: Images::offered(images, &tool_choice),
        search_items: web_search.is_some(),
        web_search: web_search.filter(|_| tool_choice != ToolChoice::None),
        ignored,
        max_tokens: request.max_output_tokens,
        model: request.model.clone(),
        streamed: request.stream == Some(true),
        ..AnswerRequest::default()
    };
    let parsed = limits::validate(parsed, "max_output_tokens").map_err(ApiError::of_responses)?;
    let background = request.background == Some(true);
    if background && !store {
        return Err(
            ApiError::invalid("background", "Background responses require store to be true.").loggable()
        );
    }
    let options = options::echoed(request, &parsed.tool_choice)?;
    Ok(ParsedRequest { request: parsed, options, added, store, background })
}

/// The items of a response's output, to store.
pub(crate) fn output_items(output: &[OutputItem]) -> Vec<store::Item> {
    output.iter().map(|item| store::Item { id: item.id().to_owned(), json: wire::output(item) }).collect()
}

/// The tools of the request and of its `additional_tools` items.
fn offered_tools(request: &mut ResponsesRequest) -> Result<OfferedTools, ApiError> {
    let mut offered = OfferedTools::default();
    for (index, tool) in request.tools.iter().flatten().enumerate() {
        offered.add(tool.clone(), &format!("tools[{index}]"))?;
    }
    if let Some(TextOr::Parts(items)) = &mut request.input {
        for (index, item) in items.iter_mut().enumerate() {
            if let Some(tools) = item.tools.take() {
                offered.add_later(tools, &format!("input[{index}]"))?;
            }
        }
    }
    Ok(offered)
}

fn format(text: &TextOptions) -> Result<Format, ApiError> {
    let Some(format) = &text.format else { return Ok(Format::Text) };
    Format::new(&format.kind, format.schema.clone(), format.strict, "text.format.type", "text.format.schema")
}

/// Summaries are separate items in Responses, never part of the text.
fn reasoning_format(
    reasoning: &ReasoningOptions,
    default: ReasoningFormat,
) -> Result<ReasoningFormat, ApiError> {
    match summary(reasoning) {
        Some("auto" | "concise" | "detailed") => Ok(ReasoningFormat::ReasoningContent),
        Some(_) => Err(ApiError::invalid("reasoning.summary", "summary must be auto, concise or detailed.")),
        None if default == ReasoningFormat::None => Ok(ReasoningFormat::None),
        None => Ok(ReasoningFormat::ReasoningContent),
    }
}

/// The requested summary, by its current or old name.
fn summary(reasoning: &ReasoningOptions) -> Option<&str> {
    reasoning.summary.as_deref().or(reasoning.generate_summary.as_deref())
}

#[cfg(test)]
mod tests;
