//! The layers that settings are put together from: flags, then the environment, then `.env`.
//!
//! What a value may be is not known here; `settings` says that when it parses one.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use codex_client::Environment;

use super::SettingsError;

/// What the flags of the command line say; `None` where a flag was not given.
#[derive(Clone, Debug, Default)]
pub struct Flags {
    /// `--host`
    pub host: Option<String>,
    /// `--port`
    pub port: Option<String>,
    /// `--codex`
    pub codex: Option<String>,
    /// `--model`
    pub model: Option<String>,
    /// `--sandbox`
    pub sandbox: Option<String>,
    /// `--workspace`
    pub workspace: Option<String>,
    /// `--reasoning`
    pub reasoning: Option<String>,
    /// `--show-work`
    pub show_work: Option<String>,
    /// `--model-alias`, any number of times
    pub model_alias: Vec<String>,
    /// `--side-calls`
    pub side_calls: Option<String>,
    /// `--max-turns`
    pub max_turns: Option<String>,
    /// `--max-waiting`
    pub max_waiting: Option<String>,
    /// `--max-wait`
    pub max_wait: Option<String>,
    /// `--turn-limit`
    pub turn_limit: Option<String>,
    /// `--silence-limit`
    pub silence_limit: Option<String>,
    /// `--data-dir`
    pub data_dir: Option<String>,
    /// `--log-level`
    pub log_level: Option<String>,
    /// `--allow-origin`, any number of times
    pub allow_origin: Vec<String>,
    /// `--allow-host`, any number of times
    pub allow_host: Vec<String>,
    /// `--no-auth`
    pub no_auth: bool,
}

/// The three layers, and what is needed to make absolute paths of them.
#[derive(Clone, Debug)]
pub struct Layers<'a> {
    /// The flags, which win.
    pub flags: &'a Flags,
    /// The environment, which comes next.
    pub environment: &'a Environment,
    /// The lines of `.env`, which come last.
    pub dotenv: &'a BTreeMap<String, String>,
    /// The folder that the program was started in.
    pub current_dir: &'a Path,
    /// The system's folder for our own data, used when none is named.
    pub default_data_dir: Option<PathBuf>,
}

/// A value and the name of what it came from.
pub(super) struct Given {
    pub(super) text: String,
    source: &'static str,
}

impl Given {
    pub(super) fn parse<T>(
        &self,
        parse: impl Fn(&str) -> Option<T>,
        wanted: &str,
    ) -> Result<T, SettingsError> {
        parse(&self.text).ok_or_else(|| SettingsError::Bad {
            source_name: self.source.to_owned(),
            value: self.text.clone(),
            wanted: format!("{wanted}."),
        })
    }
}

impl Layers<'_> {
    /// The value of the first layer that has one; an empty one counts as none.
    pub(super) fn value(
        &self,
        flag: &Option<String>,
        flag_name: &'static str,
        variable: &'static str,
    ) -> Option<Given> {
        let given =
            |text: String, source| Some(Given { text, source }).filter(|given| !given.text.is_empty());
        flag.clone()
            .and_then(|text| given(text, flag_name))
            .or_else(|| self.variable(variable).and_then(|text| given(text, variable)))
    }

    fn variable(&self, name: &str) -> Option<String> {
        let in_environment = self.environment.get(name).map(|value| value.to_string_lossy().into_owned());
        in_environment.or_else(|| self.dotenv.get(name).cloned()).map(|text| text.trim().to_owned())
    }

    /// Values of a list: the flag's, else the comma-separated ones of the variable.
    pub(super) fn list(&self, flag: &[String], variable: &str) -> Vec<String> {
        let text = if flag.is_empty() { self.variable(variable).unwrap_or_default() } else { flag.join(",") };
        text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect()
    }

    pub(super) fn path(&self, text: &str) -> PathBuf {
        let path = match (text.strip_prefix("~/"), self.environment.home()) {
            (Some(below), Some(home)) => home.join(below),
            _ => PathBuf::from(OsString::from(text)),
        };
        self.current_dir.join(path)
    }

    /// A program: a bare name stays one, to be looked for on the `PATH`.
    pub(super) fn program(&self, text: &str) -> PathBuf {
        let bare = !text.contains(['/', '\\']);
        if bare { PathBuf::from(text) } else { self.path(text) }
    }
}
