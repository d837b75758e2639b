//! What messages and tools' outputs hold, in the forms of both APIs: text and pictures.

use codex_client::Content;

use super::images::{check_detail, check_image};
use super::shorten;
use crate::error::ApiError;
use crate::openai::chat::{ImageUrl, Part};
use crate::openai::text_or::TextOr;

/// Reads what stands at `param`, which may hold pictures or not.
pub(super) fn contents(content: TextOr<Part>, param: &str, pictures: bool) -> Result<Vec<Content>, ApiError> {
    match content {
        TextOr::Text(text) => Ok(vec![Content::Text(text)]),
        TextOr::Parts(parts) => (0..)
            .zip(parts)
            .map(|(index, part): (usize, Part)| one(part, &format!("{param}[{index}]"), pictures))
            .collect(),
    }
}

fn one(part: Part, param: &str, pictures: bool) -> Result<Content, ApiError> {
    match (part.kind.as_str(), part.text, part.refusal, part.image_url) {
        ("text" | "input_text" | "output_text", Some(text), ..) | ("refusal", _, Some(text), _) => {
            Ok(Content::Text(text))
        }
        ("text" | "input_text" | "output_text" | "refusal", ..) => {
            Err(ApiError::invalid(param, "A text part needs its text."))
        }
        ("image_url" | "input_image", ..) if !pictures => {
            let message = "Only messages of the user and outputs of tools can hold pictures.";
            Err(ApiError::invalid(param, message))
        }
        // The forms of the two APIs.
        ("image_url", .., Some(image)) => {
            picture(image, &format!("{param}.image_url.url"), &format!("{param}.image_url.detail"))
        }
        ("input_image", .., Some(ImageUrl { url, .. })) => {
            let image = ImageUrl { url, detail: part.detail };
            picture(image, &format!("{param}.image_url"), &format!("{param}.detail"))
        }
        ("image_url", ..) => Err(ApiError::invalid(param, "An image_url part needs its image_url.")),
        ("input_image", ..) => {
            let message = "An image comes as a data URL in image_url; there are no files to refer to.";
            Err(ApiError::unsupported(format!("{param}.image_url"), message))
        }
        (kind @ ("input_audio" | "file" | "input_file"), ..) => {
            let message = format!("codex takes no parts of the type {kind}. Send text or pictures.");
            Err(ApiError::unsupported(param, message))
        }
        (kind, ..) => {
            let message = format!("There is no content part of the type {:?}.", shorten(kind));
            Err(ApiError::invalid(param, message))
        }
    }
}

fn picture(ImageUrl { url, detail }: ImageUrl, url_at: &str, detail_at: &str) -> Result<Content, ApiError> {
    check_detail(detail.as_deref(), detail_at)?;
    Ok(Content::Image { url: check_image(&url, url_at)?.into_owned(), detail })
}
