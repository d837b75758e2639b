//! What a key may do less than the settings allow, as somebody chose it in the window.

use std::path::Path;

use super::{App, refused, said};
use crate::keychain::KeyLimitsForm;
use crate::settings_file::whole_path;
use crate::view::{FieldError, ViewError};
use proxy::settings::{Settings, choice};
use proxy::{KeyLimits, LimitsError};

impl App {
    /// Gives a key other limits, which count from the next request on.
    ///
    /// # Errors
    /// The fields that are wrong, that there is no such key, or that the file of keys cannot be written.
    pub async fn limit_key(&self, id: &str, limits: KeyLimitsForm) -> Result<(), ViewError> {
        let limits = self.checked_limits(limits).await?;
        self.0.keys.limit(id, limits).await?;
        self.keys_changed().await;
        Ok(())
    }

    /// The limits that a form says, held against the settings in force.
    pub(super) async fn checked_limits(&self, form: KeyLimitsForm) -> Result<KeyLimits, ViewError> {
        let (settings, _) = self.0.settings.current().runtime_settings(&self.0.data_dir, None);
        let home = self.0.environment.home();
        // Folders are looked at where it may block.
        let checked = tokio::task::spawn_blocking(move || limits(&form, &settings, home.as_deref())).await;
        checked
            .map_err(|_| said("The limits could not be checked. Try again."))?
            .map_err(|wrong| refused(vec![wrong]))
    }
}

fn limits(form: &KeyLimitsForm, settings: &Settings, home: Option<&Path>) -> Result<KeyLimits, FieldError> {
    let sandbox = match form.sandbox.as_str() {
        "" => None,
        name => Some(choice(name).map_err(|wanted| FieldError::new("sandbox", wanted))?),
    };
    let workspace = match form.workspace.trim() {
        "" => None,
        text => Some(whole_path(Path::new(text), home).ok_or_else(|| {
            FieldError::new(
                "workspace",
                "Write the whole path of the folder, or nothing to use the one of the settings.",
            )
        })?),
    };
    let limits = KeyLimits { sandbox, workspace };
    limits.check(settings.sandbox, &settings.working_folder()).map_err(|error| match error {
        LimitsError::LessStrict(_) => FieldError::new("sandbox", format!("{error}.")),
        LimitsError::Unusable { .. } | LimitsError::Outside { .. } => {
            FieldError::new("workspace", format!("{error}."))
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use codex_client::SandboxMode;

    fn judged(sandbox: &str, workspace: &str, all: &Path) -> Result<KeyLimits, FieldError> {
        let settings = Settings {
            sandbox: SandboxMode::WorkspaceWrite,
            workspace: Some(all.to_owned()),
            ..Settings::default()
        };
        let form = KeyLimitsForm { sandbox: sandbox.to_owned(), workspace: workspace.to_owned() };
        limits(&form, &settings, Some(all))
    }

    #[test]
    fn nothing_chosen_is_no_limit_and_a_path_from_home_is_made_whole() {
        let all = tempfile::tempdir().unwrap();
        std::fs::create_dir(all.path().join("notes")).unwrap();
        assert!(judged("", " ", all.path()).unwrap().is_none());
        let limits = judged("read-only", "~/notes", all.path()).unwrap();
        let notes = std::fs::canonicalize(all.path().join("notes")).unwrap();
        assert_eq!((limits.sandbox, limits.workspace), (Some(SandboxMode::ReadOnly), Some(notes)));
    }

    #[test]
    fn what_is_wrong_is_said_of_its_field() {
        let all = tempfile::tempdir().unwrap();
        for (sandbox, workspace, field, words) in [
            ("danger-full-access", "", "sandbox", "can only be stricter"),
            ("open", "", "sandbox", "Choose"),
            ("", "notes", "workspace", "whole path"),
            ("", "~/gone", "workspace", "does not exist"),
            ("", "/", "workspace", "not inside the working folder"),
        ] {
            let wrong = judged(sandbox, workspace, all.path()).unwrap_err();
            assert_eq!(wrong.field, field);
            assert!(wrong.message.contains(words), "{wrong:?}");
        }
    }
}
