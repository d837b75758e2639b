//! The items of a response's output.

use serde::Serialize;
use utoipa::ToSchema;

/// An item of the output.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum OutputItem {
    /// A message of the model.
    Message {
        /// Unique ID, `msg_…`.
        id: String,
        /// Progress of the item.
        status: ItemStatus,
        /// Always `assistant`.
        role: &'static str,
        /// The text, as one part; empty before it begins.
        content: Vec<OutputPart>,
    },
    /// A summary of the model's reasoning, and with `codex-local` a line for each action.
    Reasoning {
        /// Unique ID, `rs_…`.
        id: String,
        /// The summary, in one or more parts; empty before it begins.
        summary: Vec<SummaryPart>,
    },
    /// A web search; only if the request has the tool.
    WebSearchCall {
        /// Unique ID, `ws_…`.
        id: String,
        /// Progress of the item.
        status: ItemStatus,
        /// What it does.
        action: WebSearchAction,
    },
    /// An image that the model generates.
    ImageGenerationCall {
        /// Unique ID, `ig_…`.
        id: String,
        /// Progress of the item.
        status: ImageStatus,
        /// The image in base64; `null` until it is complete.
        result: Option<String>,
        /// The prompt that the model passed on; absent until the image is complete.
        #[serde(skip_serializing_if = "Option::is_none")]
        revised_prompt: Option<String>,
    },
    /// A tool call made by the model.
    FunctionCall {
        /// Unique ID, `fc_…`.
        id: String,
        /// Progress of the item.
        status: ItemStatus,
        /// ID to repeat in the `function_call_output` item with the result.
        call_id: String,
        /// Namespace of the function; absent if it has none.
        #[serde(skip_serializing_if = "Option::is_none")]
        namespace: Option<String>,
        /// Name of the function.
        name: String,
        /// The arguments as a string of JSON, exactly as the model wrote it. It may be invalid: validate it before the call.
        arguments: String,
    },
    /// A call of a custom tool made by the model.
    CustomToolCall {
        /// Unique ID, `ctc_…`.
        id: String,
        /// ID to repeat in the `custom_tool_call_output` item with the result.
        call_id: String,
        /// Namespace of the tool; absent if it has none.
        #[serde(skip_serializing_if = "Option::is_none")]
        namespace: Option<String>,
        /// Name of the tool.
        name: String,
        /// The input, a text.
        input: String,
    },
}

impl OutputItem {
    pub(crate) fn id(&self) -> &str {
        match self {
            Self::Message { id, .. }
            | Self::Reasoning { id, .. }
            | Self::WebSearchCall { id, .. }
            | Self::ImageGenerationCall { id, .. }
            | Self::FunctionCall { id, .. }
            | Self::CustomToolCall { id, .. } => id,
        }
    }
}

/// Progress of an item:
/// - `in_progress`: it is being generated.
/// - `completed`: it is complete.
/// - `incomplete`: the response ended before it was complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ItemStatus {
    InProgress,
    Completed,
    Incomplete,
}

/// Progress of an image:
/// - `in_progress`: it is being generated.
/// - `completed`: it is complete.
/// - `failed`: it could not be generated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ImageStatus {
    InProgress,
    Completed,
    Failed,
}

/// Text of a message.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
#[serde(tag = "type", rename = "output_text")]
pub(crate) struct OutputPart {
    /// The text.
    pub text: String,
    /// The pages that the text cites.
    pub annotations: Vec<Annotation>,
    /// Always empty: log probabilities are not supported.
    #[schema(value_type = Vec<Object>)]
    pub logprobs: [(); 0],
}

/// A page that the text cites.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(tag = "type", rename = "url_citation")]
pub(crate) struct Annotation {
    /// Where the citing text begins, in code points.
    pub start_index: usize,
    /// Where it ends: the index after its last code point.
    pub end_index: usize,
    /// Address of the page.
    pub url: String,
    /// Title of the page.
    pub title: String,
}

/// What a web search does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum WebSearchAction {
    /// It searches for pages.
    Search {
        /// The first query; empty until it is known.
        query: String,
        /// All queries.
        queries: Vec<String>,
    },
    /// It opens a page.
    OpenPage {
        /// Address of the page.
        url: Option<String>,
    },
    /// It looks for a text in a page.
    FindInPage {
        /// Address of the page.
        url: String,
        /// The text.
        pattern: String,
    },
}

/// Part of a reasoning summary.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
#[serde(tag = "type", rename = "summary_text")]
pub(crate) struct SummaryPart {
    /// The text.
    pub text: String,
}
