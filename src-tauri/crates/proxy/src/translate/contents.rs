//! Parses message and tool output content, in the formats of both APIs: text and images.

use std::fmt;

use codex_client::Content;

use super::answer_request::ImageAddress;
use super::images::{check_detail, check_image, is_address};
use super::shorten;
use crate::error::ApiError;
use crate::openai::chat::{ImageUrl, Part};
use crate::openai::text_or::TextOr;

/// What content may hold.
#[derive(Clone, Copy)]
pub(super) struct Place {
    /// Whether images may stand there.
    pub images: bool,
    /// Whether an answer of the model follows. What it did not get then becomes text.
    pub earlier: bool,
}

/// Parses the content at `param`.
pub(super) fn contents(content: TextOr<Part>, param: &str, place: Place) -> Result<Vec<Content>, ApiError> {
    match content {
        TextOr::Text(text) => Ok(vec![Content::Text(text)]),
        TextOr::Parts(parts) => (0..)
            .zip(parts)
            .map(|(index, part): (usize, Part)| parse_part(part, &format!("{param}[{index}]"), place))
            .collect(),
    }
}

/// The images by address in the content at `param`.
pub(super) fn image_addresses(
    content: Option<&TextOr<Part>>,
    param: fmt::Arguments<'_>,
) -> Vec<ImageAddress> {
    let Some(TextOr::Parts(parts)) = content else { return Vec::new() };
    let address = |(index, part): (usize, &Part)| {
        let url = part.image_url.as_ref().map(|image| &image.url).filter(|url| is_address(url))?;
        let field = if part.kind == "image_url" { "image_url.url" } else { "image_url" };
        Some(ImageAddress { url: url.trim().to_owned(), param: format!("{param}[{index}].{field}") })
    };
    parts.iter().enumerate().filter_map(address).collect()
}

/// Puts the author's name before content.
pub(super) fn with_name(mut content: Vec<Content>, name: Option<&str>) -> Vec<Content> {
    if let Some(name) = name {
        match content.first_mut() {
            Some(Content::Text(text)) => text.insert_str(0, &format!("{name}: ")),
            Some(Content::Image { .. }) => content.insert(0, Content::Text(format!("{name}:"))),
            None => {}
        }
    }
    content
}

/// Tells the model that it does not get something.
pub(super) fn not_passed_on(what: &str) -> Content {
    Content::Text(format!("[{what}, not passed on]"))
}

fn parse_part(part: Part, param: &str, Place { images, earlier }: Place) -> Result<Content, ApiError> {
    let filename = part.file.as_ref().and_then(|file| file["filename"].as_str()).or(part.filename.as_deref());
    match (part.kind.as_str(), part.text, part.refusal, part.image_url) {
        ("text" | "input_text" | "output_text", Some(text), ..) | ("refusal", _, Some(text), _) => {
            Ok(Content::Text(text))
        }
        ("text" | "input_text" | "output_text" | "refusal", ..) => {
            Err(ApiError::invalid(param, "A text part requires text."))
        }
        ("image_url" | "input_image", ..) if !images => {
            let message = "Only user messages and tool outputs can contain images.";
            Err(ApiError::invalid(param, message))
        }
        // Chat has an object, Responses a string.
        ("image_url", .., Some(image_url)) => {
            image(image_url, &format!("{param}.image_url.url"), &format!("{param}.image_url.detail"))
        }
        ("input_image", .., Some(ImageUrl { url, .. })) => {
            let image_url = ImageUrl { url, detail: part.detail };
            image(image_url, &format!("{param}.image_url"), &format!("{param}.detail"))
        }
        ("image_url", ..) => Err(ApiError::invalid(param, "An image_url part requires image_url.")),
        ("input_image", ..) if earlier => Ok(not_passed_on("image")),
        ("input_image", ..) => {
            let message =
                "Uploaded files are not supported; send the image as a data URL or an address in image_url.";
            Err(ApiError::unsupported(format!("{param}.image_url"), message))
        }
        (kind, ..) if earlier => {
            let kind = kind.strip_prefix("input_").unwrap_or(kind);
            Ok(not_passed_on(&filename.map_or_else(|| kind.to_owned(), |name| format!("{kind} {name}"))))
        }
        (kind @ ("input_audio" | "file" | "input_file"), ..) => {
            let what = if kind == "input_audio" { "audio" } else { "files such as PDFs" };
            let message = format!(
                "Content type `{kind}` is not supported: Codex takes no {what}. Send text or images."
            );
            Err(ApiError::unsupported(param, message))
        }
        (kind, ..) => {
            let message = format!("Unknown content type {:?}.", shorten(kind));
            Err(ApiError::invalid(param, message))
        }
    }
}

fn image(ImageUrl { url, detail }: ImageUrl, url_at: &str, detail_at: &str) -> Result<Content, ApiError> {
    check_detail(detail.as_deref(), detail_at)?;
    Ok(Content::Image { url: check_image(&url, url_at)?, detail })
}
