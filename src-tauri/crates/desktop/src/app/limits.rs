//! The limits of a key, which can only be stricter than the settings.

use std::path::Path;

use super::App;
use crate::keychain::KeyLimitsForm;
use crate::settings_file::absolute;
use crate::view::{FieldError, ViewError};
use proxy::settings::{Settings, choice};
use proxy::{KeyLimits, LimitsError};

impl App {
    /// Changes a key's limits, from the next request on.
    ///
    /// # Errors
    /// The invalid fields; or if there is no such key, or the key file cannot be written.
    pub async fn limit_key(&self, id: &str, limits: KeyLimitsForm) -> Result<(), ViewError> {
        let limits = self.checked_limits(limits).await?;
        self.0.keys.set_limits(id, limits).await?;
        self.keys_changed().await;
        Ok(())
    }

    /// Checks the form against the current settings.
    pub(super) async fn checked_limits(&self, form: KeyLimitsForm) -> Result<KeyLimits, ViewError> {
        let (settings, _) = self.0.settings.current().runtime_settings(&self.0.data_dir, None);
        let home = self.0.environment.home();
        // Checking folders blocks.
        let checked = tokio::task::spawn_blocking(move || limits(&form, &settings, home.as_deref())).await;
        checked
            .map_err(|_| ViewError::new("Couldn't check the limits. Try again."))?
            .map_err(|error| ViewError::invalid(vec![error]))
    }
}

fn limits(form: &KeyLimitsForm, settings: &Settings, home: Option<&Path>) -> Result<KeyLimits, FieldError> {
    let sandbox = match form.sandbox.as_str() {
        "" => None,
        name => Some(choice(name).map_err(|message| FieldError::new("sandbox", message))?),
    };
    let workspace = match form.workspace.trim() {
        "" => None,
        text => Some(absolute(Path::new(text), home).ok_or_else(|| {
            FieldError::new(
                "workspace",
                "Enter the folder's full path, or leave it empty to use the one from Settings.",
            )
        })?),
    };
    let limits =
        KeyLimits { sandbox, workspace, plain_models_only: form.plain_models_only, ..KeyLimits::default() };
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

    fn checked(sandbox: &str, workspace: &str, all: &Path) -> Result<KeyLimits, FieldError> {
        let settings = Settings {
            sandbox: SandboxMode::WorkspaceWrite,
            workspace: Some(all.to_owned()),
            ..Settings::default()
        };
        let form = KeyLimitsForm {
            sandbox: sandbox.to_owned(),
            workspace: workspace.to_owned(),
            ..KeyLimitsForm::default()
        };
        limits(&form, &settings, Some(all))
    }

    #[test]
    fn empty_fields_set_no_limit_and_tilde_expands_to_the_home_folder() {
        let all = tempfile::tempdir().unwrap();
        std::fs::create_dir(all.path().join("notes")).unwrap();
        assert!(checked("", " ", all.path()).unwrap().is_none());
        let limits = checked("read-only", "~/notes", all.path()).unwrap();
        let notes = std::fs::canonicalize(all.path().join("notes")).unwrap();
        assert_eq!((limits.sandbox, limits.workspace), (Some(SandboxMode::ReadOnly), Some(notes)));
    }

    #[test]
    fn a_key_for_plain_models_stays_one() {
        let form = KeyLimitsForm { plain_models_only: true, ..KeyLimitsForm::default() };
        assert_eq!(limits(&form, &Settings::default(), None).unwrap(), KeyLimits::of_new_key(true));
    }

    #[test]
    fn errors_name_their_field() {
        let all = tempfile::tempdir().unwrap();
        for (sandbox, workspace, field, words) in [
            ("danger-full-access", "", "sandbox", "can only be stricter"),
            ("open", "", "sandbox", "Choose"),
            ("", "notes", "workspace", "full path"),
            ("", "~/gone", "workspace", "does not exist"),
            ("", "/", "workspace", "not inside the working folder"),
        ] {
            let error = checked(sandbox, workspace, all.path()).unwrap_err();
            assert_eq!(error.field, field);
            assert!(error.message.contains(words), "{error:?}");
        }
    }
}
