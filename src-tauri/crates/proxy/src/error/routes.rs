//! Errors of addresses that lead to no route.

use axum::http::{Method, StatusCode};

use super::{ApiError, shown};

/// Parts of OpenAI's API that codex has nothing for: the beginning of their paths, and why.
const MISSING: [(&str, &str); 16] = [
    ("/v1/assistants", "Codex has no assistants; use the Responses API."),
    ("/v1/audio", "Codex has no audio models, so speech and transcriptions are not available."),
    ("/v1/batches", "Codex has no batches; send the requests one by one, in the background if you like."),
    ("/v1/containers", "Codex has no containers of OpenAI."),
    ("/v1/embeddings", "Codex has no embedding models, so embeddings are not available."),
    ("/v1/evals", "Codex has no evals."),
    ("/v1/files", "Codex stores no files; send texts and pictures in the request."),
    ("/v1/fine_tuning", "Codex has no fine-tuning."),
    ("/v1/images/variations", "Codex makes no variations of pictures; edit the picture instead."),
    ("/v1/moderations", "Codex has no moderation model, so moderations are not available."),
    ("/v1/realtime", "Codex has no realtime models."),
    ("/v1/skills", "Codex takes no skills over the API."),
    ("/v1/threads", "Codex has no threads of OpenAI's Assistants API; use the Responses API."),
    ("/v1/uploads", "Codex stores no files; send texts and pictures in the request."),
    ("/v1/vector_stores", "Codex has no vector stores."),
    ("/v1/videos", "Codex has no video models."),
];

impl ApiError {
    /// The route does not exist. The beginning is in OpenAI's words.
    pub(crate) fn not_found(method: &Method, path: &str) -> Self {
        let is_below =
            |root: &str| path.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        if let Some((_, why)) = MISSING.iter().find(|(root, _)| is_below(root)) {
            return Self::new(StatusCode::NOT_FOUND, "not_supported", *why);
        }
        let message = format!(
            "Invalid URL ({} {}). See /docs for the available routes.",
            shown(method.as_str()),
            shown(path)
        );
        Self::new(StatusCode::NOT_FOUND, "not_found", message)
    }

    /// The route does not support the method; axum sets the `Allow` header. These are OpenAI's words.
    pub(crate) fn method_not_allowed(method: &Method, path: &str) -> Self {
        let message = format!(
            "Not allowed to {} on {}. (HINT: Perhaps you meant to use a different HTTP method?)",
            shown(method.as_str()),
            shown(path)
        );
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", message)
    }
}
