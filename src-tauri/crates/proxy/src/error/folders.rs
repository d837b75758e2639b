//! Errors of folders that are models, and of folders that requests name.

use axum::http::StatusCode;

use super::ApiError;
use crate::settings::Program;

impl ApiError {
    /// The folder of the model is missing.
    pub(crate) fn no_folder() -> Self {
        let text = "The folder of this model does not exist. Restore it, or choose another ({folders}); the proxy's log names it.";
        Self::of_folder(StatusCode::SERVICE_UNAVAILABLE, "workspace_unavailable", text)
    }

    /// The folder of the model is outside the key's working folder.
    pub(crate) fn folder_outside_key() -> Self {
        let text = "The folder of this model is not inside this key's working folder. Use another model or another key.";
        Self::of_folder(StatusCode::FORBIDDEN, "workspace_not_allowed", text)
    }

    /// The header names a folder that is missing or not allowed.
    pub(crate) fn workspace_not_allowed() -> Self {
        let text = "The folder in x-codex-workspace does not exist or is not allowed. Name one inside the working folder ({workspace}) or inside a folder that is a model ({folders}). A key with a working folder must stay inside that.";
        Self::of_folder(StatusCode::FORBIDDEN, "workspace_not_allowed", text).param("x-codex-workspace")
    }

    fn of_folder(status: StatusCode, code: &'static str, text: &str) -> Self {
        Self::new(status, code, Program::current().locate(text)).loggable()
    }
}
