//! What codex reports about its configuration (`configWarning`).

use serde::Deserialize;

use crate::reason::brief;

/// With this summary codex ignores the whole configuration, and refuses every thread.
const INVALID: &str = "Invalid configuration";

/// codex did not read the settings of the project around its process's folder; a turn has its own folder.
const OTHER_PROJECT: &str = "Project-local config";

/// One warning.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ConfigWarning {
    summary: String,
    details: Option<String>,
}

impl ConfigWarning {
    /// What codex cannot read, with file and line, if it cannot use its configuration at all.
    pub(crate) fn invalid(&self) -> Option<String> {
        let details = self.details.as_deref().unwrap_or(&self.summary);
        self.summary.starts_with(INVALID).then(|| brief(details))
    }

    /// The warning as a line, if it matters to turns.
    pub(crate) fn text(&self) -> Option<String> {
        let Self { summary, details } = self;
        let text = format!("{summary} {}", details.as_deref().unwrap_or_default());
        (!summary.starts_with(OTHER_PROJECT)).then(|| brief(&text))
    }
}
