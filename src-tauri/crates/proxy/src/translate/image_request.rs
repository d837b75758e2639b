//! Parses requests for images: the model's only task is to pass the prompt on to codex's tool.

use codex_client::{Content, Item, Role};
use serde_json::{Map, Value};

use super::answer_request::{AnswerRequest, ImageAddress, Images};
use super::images::{check_image, is_address};
use super::limits;
use super::parameters::Verdict;
use super::shorten;
use crate::error::ApiError;
use crate::openai::images::{ImageRef, ImageRequest};
use crate::settings::ReasoningFormat;

/// The most images that codex's tool takes.
pub(crate) const MAX_IMAGES: usize = 5;

/// OpenAI's limit on the prompt, in characters.
const MAX_PROMPT_CHARS: usize = 32_000;

/// What is requested besides the answer itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ImageOptions {
    /// `transparent`, `opaque` or `auto`.
    pub(crate) background: &'static str,
    /// Whether images are sent as data URLs.
    pub(crate) as_url: bool,
}

/// The images to edit in a request's body.
#[derive(Debug, Default)]
pub(crate) struct Sources {
    images: Vec<(String, String)>,
    mask: Option<String>,
}

/// Verdicts of the routes for images. codex's tool chooses size, quality and format on its own.
pub(crate) fn verdict(name: &str, value: &Value, _: &Map<String, Value>) -> Verdict {
    match name {
        "prompt" | "model" | "n" | "background" | "response_format" | "stream" | "user"
        | "safety_identifier" => Verdict::Accepted,
        "size" | "quality" | "moderation" if *value == "auto" => Verdict::Accepted,
        "output_format" if *value == "png" => Verdict::Accepted,
        "partial_images" if value.as_f64() == Some(0.0) => Verdict::Accepted,
        _ => Verdict::Ignored,
    }
}

impl Sources {
    /// Takes the images out of a body: those of a form, and those of OpenAI's JSON.
    ///
    /// # Errors
    /// When there are none or too many, or one is no image.
    pub(crate) fn take(body: &mut Map<String, Value>) -> Result<Self, ApiError> {
        let mut sources = Self::default();
        for name in ["images", "image", "image[]"] {
            let Some(value) = body.remove(name).filter(|value| !value.is_null()) else { continue };
            let list = match value {
                Value::Array(list) => list,
                one => vec![one],
            };
            for (index, value) in list.into_iter().enumerate() {
                let param = format!("{name}[{index}]");
                let url = reference(value, &param)?;
                sources.images.push((check_image(&url, &param)?, param));
            }
        }
        if let Some(mask) = body.remove("mask").filter(|mask| !mask.is_null()) {
            sources.mask = Some(check_image(&reference(mask, "mask")?, "mask")?);
        }
        if sources.images.is_empty() {
            return Err(ApiError::invalid("image", "An image to edit is missing."));
        }
        if sources.images.len() + usize::from(sources.mask.is_some()) > MAX_IMAGES {
            return Err(ApiError::too_many_images("image", MAX_IMAGES));
        }
        Ok(sources)
    }
}

/// The data URL or address of an image, as an object or, as some clients send it, alone.
fn reference(value: Value, param: &str) -> Result<String, ApiError> {
    if let Value::String(url) = value {
        return Ok(url);
    }
    if value.get("file_id").is_some_and(|id| !id.is_null()) {
        return Err(ApiError::unsupported(
            param,
            "Uploaded files are not available; send the image as a data URL.",
        ));
    }
    serde_json::from_value::<ImageRef>(value)
        .map(|image| image.image_url)
        .map_err(|_| ApiError::invalid(param, "An image must be a file, or an object with image_url."))
}

/// Parses a request; its `model` is the one that the client named.
///
/// # Errors
/// [`ApiError`] naming the problem.
pub(crate) fn parse(
    request: ImageRequest,
    sources: Sources,
) -> Result<(AnswerRequest, ImageOptions), ApiError> {
    let ImageRequest { prompt, model, n, background, response_format, stream } = request;
    if prompt.trim().is_empty() {
        return Err(ApiError::invalid("prompt", "prompt must not be empty."));
    }
    if prompt.chars().count() > MAX_PROMPT_CHARS {
        return Err(ApiError::invalid("prompt", "prompt can be at most 32,000 characters."));
    }
    let background = match background.as_deref() {
        None | Some("auto") => "auto",
        Some("transparent") => "transparent",
        Some("opaque") => "opaque",
        Some(other) => {
            let message =
                format!("background must be transparent, opaque or auto, not {:?}.", shorten(other));
            return Err(ApiError::invalid("background", message));
        }
    };
    let as_url = match response_format.as_deref() {
        None | Some("b64_json") => false,
        Some("url") => true,
        Some(other) => {
            let message = format!("response_format must be b64_json or url, not {:?}.", shorten(other));
            return Err(ApiError::invalid("response_format", message));
        }
    };
    let Sources { images, mask } = sources;
    let instructions = instructions(background == "transparent", images.len(), mask.is_some());
    let mut ignored = Vec::new();
    ignored.extend(mask.is_some().then(|| "mask".to_owned()));
    let all = images.into_iter().chain(mask.map(|mask| (mask, "mask".to_owned())));
    let (mut content, mut image_addresses) = (Vec::new(), Vec::new());
    for (url, param) in all {
        if is_address(&url) {
            image_addresses.push(ImageAddress { url: url.clone(), param });
        }
        content.push(Content::Image { url, detail: None });
    }
    content.push(Content::Text(prompt));
    let parsed = AnswerRequest {
        model: model.unwrap_or_default(),
        items: vec![
            Item::Message { role: Role::Developer, content: vec![Content::Text(instructions)] },
            Item::Message { role: Role::User, content },
        ],
        image_addresses,
        reasoning_format: Some(ReasoningFormat::None),
        images: Images::Only,
        n: n.unwrap_or(1),
        ignored,
        one_shot: true,
        streamed: stream == Some(true),
        ..AnswerRequest::default()
    };
    Ok((limits::validate(parsed, "max_tokens")?, ImageOptions { background, as_url }))
}

/// What the model is to do with the user's message.
fn instructions(transparent: bool, images: usize, has_mask: bool) -> String {
    let mut text = "You pass image requests on. Call the tool for generating images exactly once. Its prompt is the text of the \
        user's message, word for word: do not add, translate, correct, shorten or improve anything, and do not ask back."
        .to_owned();
    if images > 0 {
        let all = images + usize::from(has_mask);
        text.push_str(&format!(
            " The user's message has the images to edit: include the last {all} images of the conversation."
        ));
    }
    if has_mask {
        text.push_str(
            " The last image is a mask. Add this sentence to the prompt: \"The last image is a mask: change the first image only \
             where the mask is transparent.\"",
        );
    }
    if transparent {
        text.push_str(" The background is to be transparent.");
    }
    text.push_str(" If you may not generate the image, say why in one sentence instead.");
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const PNG: &str = "data:image/png;base64,iVBORw0KGgo=";

    fn parsed(body: Value) -> Result<(AnswerRequest, ImageOptions), ApiError> {
        let Value::Object(mut body) = body else { unreachable!() };
        let is_edit = ["image", "images", "image[]", "mask"].iter().any(|name| body.contains_key(*name));
        let sources = if is_edit { Sources::take(&mut body)? } else { Sources::default() };
        parse(serde_json::from_value(body.into()).unwrap(), sources)
    }

    fn rejected(body: Value) -> (String, String) {
        let error = parsed(body).unwrap_err().body().error;
        (error.param.unwrap(), error.message)
    }

    #[test]
    fn prompt_is_the_users_message_as_it_is() {
        let (request, options) =
            parsed(json!({"prompt": " A \"cat\"\n", "n": 2.0, "background": "transparent"})).unwrap();
        let [developer, user] = request.items.as_slice() else { panic!("{request:?}") };
        assert_eq!(user.content(), [Content::Text(" A \"cat\"\n".to_owned())]);
        assert!(developer.content()[0].as_text().unwrap().contains("background is to be transparent"));
        assert_eq!((request.n, request.images, request.one_shot), (2, Images::Only, true));
        assert_eq!(options, ImageOptions { background: "transparent", as_url: false });
    }

    #[test]
    fn images_come_in_order_and_the_mask_last() {
        let jpeg = "data:image/jpeg;base64,/9j/4A==";
        for images in [
            json!({"prompt": "p", "images": [{"image_url": PNG}, {"image_url": jpeg}], "mask": {"image_url": PNG}}),
            json!({"prompt": "p", "image[]": [PNG, jpeg], "mask": PNG}),
        ] {
            let (request, _) = parsed(images).unwrap();
            let urls: Vec<&str> = request.items[1]
                .content()
                .iter()
                .filter_map(|part| match part {
                    Content::Image { url, .. } => Some(url.as_str()),
                    Content::Text(_) => None,
                })
                .collect();
            assert_eq!(urls, [PNG, jpeg, PNG]);
            assert!(request.items[0].content()[0].as_text().unwrap().contains("the last 3 images"));
            assert_eq!(request.ignored, ["mask"]);
        }
        let (request, _) = parsed(json!({"prompt": "p", "image": "https://example.com/a.png"})).unwrap();
        assert_eq!(request.image_addresses.len(), 1);
    }

    #[test]
    fn mistakes_name_their_field() {
        for (body, param) in [
            (json!({"prompt": " "}), "prompt"),
            (json!({"prompt": "x".repeat(MAX_PROMPT_CHARS + 1)}), "prompt"),
            (json!({"prompt": "p", "n": 9}), "n"),
            (json!({"prompt": "p", "background": "blue"}), "background"),
            (json!({"prompt": "p", "response_format": "file"}), "response_format"),
            (json!({"prompt": "p", "mask": PNG}), "image"),
            (json!({"prompt": "p", "image": vec![PNG; 6]}), "image"),
            (json!({"prompt": "p", "image": "not an image"}), "image[0]"),
            (json!({"prompt": "p", "images": [{"file_id": "f"}]}), "images[0]"),
            (json!({"prompt": "p", "images": [7]}), "images[0]"),
        ] {
            assert_eq!(rejected(body.clone()).0, param, "{body}");
        }
    }

    #[test]
    fn what_the_tool_decides_itself_is_ignored() {
        let is_ignored =
            |name: &str, value: Value| matches!(verdict(name, &value, &Map::new()), Verdict::Ignored);
        for (name, value) in [
            ("size", json!("1024x1024")),
            ("quality", json!("high")),
            ("output_format", json!("webp")),
            ("style", json!("vivid")),
        ] {
            assert!(is_ignored(name, value), "{name}");
        }
        for (name, value) in [
            ("size", json!("auto")),
            ("output_format", json!("png")),
            ("partial_images", json!(0)),
            ("n", json!(2)),
        ] {
            assert!(!is_ignored(name, value), "{name}");
        }
    }
}
