//! Wire types of `/v1/images/generations` and `/v1/images/edits`.

use codex_client::Usage;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::lenient;

/// A request to generate images.
#[derive(Clone, Debug, Deserialize, ToSchema)]
pub(crate) struct ImageRequest {
    /// What to generate, at most 32,000 characters. It is passed on word for word.
    pub prompt: String,
    /// `gpt-image-2` or any other name of an image model: codex generates every image with the same one. Or an ID of
    /// `GET /v1/models`, for the model that codex runs on; by default it is the smallest.
    #[serde(default)]
    pub model: Option<String>,
    /// Number of images, 1 to 8. Each is a turn of codex.
    #[serde(default, deserialize_with = "lenient::whole")]
    pub n: Option<u32>,
    /// `transparent`, `opaque` or `auto`.
    #[serde(default)]
    pub background: Option<String>,
    /// `b64_json`, or `url` for a data URL.
    #[serde(default)]
    pub response_format: Option<String>,
    /// Whether to send each image as a server-sent event. There are no partial images.
    #[serde(default)]
    pub stream: Option<bool>,
}

/// A request to edit images.
#[derive(Clone, Debug, ToSchema)]
#[expect(dead_code, reason = "describes the body, which is parsed as JSON or as a form")]
pub(crate) struct ImageEditRequest {
    #[schema(inline)]
    #[serde(flatten)]
    common: ImageRequest,
    /// The images, up to five with the mask. In a form, they are the files `image` or `image[]`.
    images: Vec<ImageRef>,
    /// An image that is transparent where the first image is to be changed. The model is asked to heed it, but may not.
    mask: Option<ImageRef>,
}

/// An image in a request.
#[derive(Clone, Debug, Deserialize, ToSchema)]
pub(crate) struct ImageRef {
    /// A data URL, or an address if fetching images is turned on.
    pub image_url: String,
}

/// Generated images.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct ImagesResponse<'a> {
    /// Unix time in seconds at which the images were generated.
    pub created: u64,
    /// The images.
    pub data: Vec<Image<'a>>,
    /// `transparent` or `opaque`, if it was requested.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub background: Option<&'static str>,
    /// `png`, as far as observed.
    pub output_format: &'static str,
    /// Width and height of the first image, such as `1024x1024`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<String>,
    /// Token usage of the model that requests the images; absent if codex did not report it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usage: Option<ImagesUsage>,
}

/// A generated image.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct Image<'a> {
    /// The image in base64.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub b64_json: Option<&'a str>,
    /// The image as a data URL.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The prompt that the model passed on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revised_prompt: Option<&'a str>,
}

/// Token usage of the model that requests the images. The service reports none for the images themselves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct ImagesUsage {
    /// Tokens in the prompt and images.
    pub input_tokens: u64,
    /// Tokens that the model generated.
    pub output_tokens: u64,
    /// Sum of input and output tokens.
    pub total_tokens: u64,
    /// Breakdown of `input_tokens`.
    pub input_tokens_details: ImageTokens,
}

/// Breakdown of the input tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct ImageTokens {
    /// All input tokens: codex does not tell them apart.
    pub text_tokens: u64,
    /// Always 0.
    pub image_tokens: u64,
}

/// The event of a generated image.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct ImageEvent<'a> {
    /// `image_generation.completed` or `image_edit.completed`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// The image in base64.
    pub b64_json: &'a str,
    /// Unix time in seconds at which the image was generated.
    pub created_at: u64,
    /// `transparent`, `opaque` or `auto`, as requested.
    pub background: &'static str,
    /// `png`, as far as observed.
    pub output_format: &'static str,
    /// Always `auto`.
    pub quality: &'static str,
    /// Width and height, such as `1024x1024`.
    pub size: String,
    /// Token usage of the model that requests the image.
    pub usage: ImagesUsage,
}

impl From<Usage> for ImagesUsage {
    fn from(usage: Usage) -> Self {
        Self {
            input_tokens: usage.input,
            output_tokens: usage.output,
            total_tokens: usage.input.saturating_add(usage.output),
            input_tokens_details: ImageTokens { text_tokens: usage.input, image_tokens: 0 },
        }
    }
}
