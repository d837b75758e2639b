//! Errors of requests for images.

use axum::http::StatusCode;

use super::{ApiError, shown};

impl ApiError {
    /// The model answered with words instead of the requested image.
    pub(super) fn no_image(words: &str) -> Self {
        // A client that retries gets the same answer at the same cost.
        let refused = |message: String| {
            Self::new(StatusCode::BAD_REQUEST, "image_not_generated", message).param("prompt")
        };
        match words.trim() {
            "" => refused(
                "The model generated no image. Try again, or describe the image in the prompt.".to_owned(),
            )
            .loggable(),
            words => refused(format!("The model generated no image. It answered: {words}")),
        }
    }

    /// Variations have no prompt, and codex's tool needs one.
    pub(crate) fn no_variations() -> Self {
        let message =
            "Variations of an image are not available. Send the image with a prompt to /v1/images/edits.";
        Self::new(StatusCode::NOT_FOUND, "not_found", message).loggable()
    }

    /// More images than codex edits at once.
    pub(crate) fn too_many_images(param: &str, max: usize) -> Self {
        Self::invalid(param, format!("At most {max} images can be edited at once, the mask included."))
            .loggable()
    }

    /// A part of a form has no name, or is too much for one.
    pub(crate) fn bad_form_field(name: &str, what: &'static str) -> Self {
        Self::invalid(shown(name), what)
    }

    /// The body is neither JSON nor a form.
    pub(crate) fn not_json_or_form() -> Self {
        let message = "The body must be a form with files (`multipart/form-data`), or JSON (`Content-Type: application/json`).";
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", message).loggable()
    }

    /// The form ends early, or is not what its header says.
    pub(crate) fn broken_form() -> Self {
        Self::unreadable("The form is not valid `multipart/form-data`.")
    }
}
