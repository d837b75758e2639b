//! The limits of a key, which can only be stricter than the settings.

use std::path::Path;
use std::str::FromStr;

use super::App;
use super::account::AccountKind;
use crate::keychain::{KeyLimitsForm, KeyRow};
use crate::settings_file::absolute;
use crate::view::{FieldError, ViewError};
use proxy::settings::{Settings, choice};
use proxy::{KeyLimits, KeyUse, LimitsError, end_of_date, unix_now};

impl App {
    /// Changes a key's limits, from the next request on.
    ///
    /// # Errors
    /// The invalid fields; or if there is no such key, or the key file cannot be written.
    pub async fn limit_key(&self, id: &str, limits: KeyLimitsForm) -> Result<(), ViewError> {
        let rows = self.0.keys.rows().await?;
        let known = rows.into_iter().find(|row| row.id == id).map(|row| row.limits).unwrap_or_default();
        let limits = self.checked_limits(limits, &known).await?;
        self.0.keys.set_limits(id, limits).await?;
        self.keys_changed().await;
        Ok(())
    }

    /// Checks the form against the current settings, and what has changed since `known` against the account and the calendar too.
    pub(super) async fn checked_limits(
        &self,
        form: KeyLimitsForm,
        known: &KeyLimitsForm,
    ) -> Result<KeyLimits, ViewError> {
        let account = self.overview().codex.account.map(|account| account.kind);
        let is_new = form.reserve_percent != known.reserve_percent && !form.reserve_percent.trim().is_empty();
        if is_new && account != Some(AccountKind::ChatGpt) {
            let message = "Sign in with ChatGPT first: only then does the account have a weekly limit.";
            return Err(ViewError::invalid(vec![FieldError::new("reservePercent", message)]));
        }
        let checks_date = form.expires != known.expires;
        let (settings, _) = self.0.settings.current().runtime_settings(&self.0.data_dir, None);
        let home = self.0.environment.home();
        // Checking folders blocks.
        let checked = tokio::task::spawn_blocking(move || limits(&form, &settings, home.as_deref())).await;
        let checked = checked
            .map_err(|_| ViewError::new("Couldn't check the limits. Try again."))?
            .map_err(|error| ViewError::invalid(vec![error]))?;
        if checks_date && checked.has_expired(unix_now()) {
            let message = "This day has passed. Choose today or a later day.";
            return Err(ViewError::invalid(vec![FieldError::new("expires", message)]));
        }
        Ok(checked)
    }

    /// Adds what the keys have used, as the running proxy or the file knows it.
    pub(super) fn add_use(&self, rows: &mut [KeyRow]) {
        let (now, running) = (unix_now(), self.running());
        let key_use = match &running {
            Some(running) => running.proxy.key_use().clone(),
            None => KeyUse::in_folder(&self.0.data_dir),
        };
        for row in rows {
            row.tokens_today = key_use.tokens_today(&row.digest, now).ok();
            row.recent_requests = key_use.requests().number(&row.digest);
        }
    }
}

/// The fields of the form by the names of the limits.
const FIELDS: [(&str, &str); 4] = [
    ("tokens_per_day", "tokensPerDay"),
    ("requests_per_minute", "requestsPerMinute"),
    ("reserve_percent", "reservePercent"),
    ("models", "models"),
];

/// A number as people write it, with separators of thousands; `None` if there is none.
fn number<T: FromStr>(text: &str, field: &'static str, unit: &str) -> Result<Option<T>, FieldError> {
    let digits: String = text
        .trim()
        .trim_end_matches('%')
        .chars()
        .filter(|c| !c.is_whitespace() && !",.'".contains(*c))
        .collect();
    if digits.is_empty() {
        return Ok(None);
    }
    let message = || format!("Enter a number of {unit}, or leave it empty.");
    digits.parse().map(Some).map_err(|_| FieldError::new(field, message()))
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
    let expires = match form.expires.trim() {
        "" => None,
        day => Some(end_of_date(day).ok_or_else(|| {
            FieldError::new("expires", "Enter a day, such as 2027-01-31, or leave it empty.")
        })?),
    };
    let limits = KeyLimits {
        sandbox,
        workspace,
        plain_models_only: form.plain_models_only,
        models: form.models.split(',').map(str::to_owned).collect(),
        expires,
        tokens_per_day: number(&form.tokens_per_day, "tokensPerDay", "tokens")?,
        requests_per_minute: number(&form.requests_per_minute, "requestsPerMinute", "requests")?,
        reserve_percent: number(&form.reserve_percent, "reservePercent", "percent")?,
        web_search: form.web_search,
        no_mcp_servers: form.no_mcp_servers,
        may_ask: form.may_ask,
        keep_chats: form.keep_chats,
    };
    let limits = limits.check_values().map_err(|error| {
        let field =
            FIELDS.iter().find(|(limit, _)| *limit == error.field).map_or("models", |(_, field)| field);
        FieldError::new(field, format!("{error}."))
    })?;
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
        let real = |folder: &Path| std::fs::canonicalize(folder).unwrap();
        assert_eq!(limits.sandbox, Some(SandboxMode::ReadOnly));
        assert_eq!(real(&limits.workspace.unwrap()), real(&all.path().join("notes")));
    }

    #[test]
    fn a_key_for_plain_models_stays_one() {
        let form = KeyLimitsForm { plain_models_only: true, ..KeyLimitsForm::default() };
        assert_eq!(limits(&form, &Settings::default(), None).unwrap(), KeyLimits::of_new_key(true));
    }

    #[test]
    fn rules_are_read_as_people_write_them() {
        let form = KeyLimitsForm {
            expires: " 2100-01-31 ".to_owned(),
            tokens_per_day: "50,000".to_owned(),
            requests_per_minute: "1 000".to_owned(),
            reserve_percent: "80 %".to_owned(),
            models: "gpt-5*, ,o9 ".to_owned(),
            web_search: Some(false),
            no_mcp_servers: true,
            may_ask: Some(true),
            keep_chats: Some(false),
            ..KeyLimitsForm::default()
        };
        let expected = KeyLimits {
            expires: end_of_date("2100-01-31"),
            tokens_per_day: Some(50_000),
            requests_per_minute: Some(1000),
            reserve_percent: Some(80),
            models: vec!["gpt-5*".to_owned(), "o9".to_owned()],
            web_search: Some(false),
            no_mcp_servers: true,
            may_ask: Some(true),
            keep_chats: Some(false),
            ..KeyLimits::default()
        };
        assert_eq!(limits(&form, &Settings::default(), None).unwrap(), expected);
        assert!(limits(&KeyLimitsForm::default(), &Settings::default(), None).unwrap().is_none());
    }

    #[test]
    fn rules_that_cannot_be_kept_name_their_field() {
        let form = KeyLimitsForm::default;
        let text = |text: &str| text.to_owned();
        for (form, field) in [
            (KeyLimitsForm { expires: text("31.1.2027"), ..form() }, "expires"),
            (KeyLimitsForm { tokens_per_day: text("many"), ..form() }, "tokensPerDay"),
            (KeyLimitsForm { tokens_per_day: text("0"), ..form() }, "tokensPerDay"),
            (KeyLimitsForm { requests_per_minute: text("-1"), ..form() }, "requestsPerMinute"),
            (KeyLimitsForm { reserve_percent: text("100"), ..form() }, "reservePercent"),
            (KeyLimitsForm { reserve_percent: text("300"), ..form() }, "reservePercent"),
            (KeyLimitsForm { models: text("gpt 5"), ..form() }, "models"),
        ] {
            let error = limits(&form, &Settings::default(), None).unwrap_err();
            assert!(error.field == field && error.message.ends_with('.'), "{error:?}");
        }
    }

    #[test]
    fn errors_name_their_field() {
        let all = tempfile::tempdir().unwrap();
        let root = all.path().ancestors().last().unwrap().to_str().unwrap();
        for (sandbox, workspace, field, words) in [
            ("danger-full-access", "", "sandbox", "can only be stricter"),
            ("open", "", "sandbox", "Choose"),
            ("", "notes", "workspace", "full path"),
            ("", "~/gone", "workspace", "does not exist"),
            ("", root, "workspace", "not inside the working folder"),
        ] {
            let error = checked(sandbox, workspace, all.path()).unwrap_err();
            assert_eq!(error.field, field);
            assert!(error.message.contains(words), "{error:?}");
        }
    }
}
