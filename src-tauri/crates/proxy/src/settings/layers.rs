//! The layers of settings: flags win over the environment, the environment over `.env`.
//!
//! clap declares the flags and variables and collects their texts. The first layer that has a setting wins; its text is then
//! merged and validated as values of `settings.json` are.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::builder::{Resettable, ValueParser};
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Args as _, Command};
use codex_client::Environment;
use serde_json::{Map, Value};

use super::values::items;
use super::{RENAMED, Settings, SettingsError, fields, merge};
use crate::auth::Key;

/// The three layers, and what it takes to make their paths absolute.
#[derive(Clone, Debug)]
pub struct Layers<'a> {
    /// The matches of a command with [`flags`].
    pub flags: &'a ArgMatches,
    /// The environment.
    pub environment: &'a Environment,
    /// The lines of `.env`.
    pub dotenv: &'a BTreeMap<String, String>,
    /// The folder the program was started in.
    pub current_dir: &'a Path,
    /// The data folder, unless one is set.
    pub default_data_dir: Option<PathBuf>,
}

/// Adds a flag for each setting to `command`. They accept any text, which is validated with that of the other layers.
pub fn flags(command: Command) -> Command {
    let as_text = |arg: &Arg| {
        let takes_values = arg.get_action().takes_values();
        let default = default_of(arg).filter(|_| takes_values).map(|value| format!(" [default: {value}]"));
        let variable = variable(arg).map(|name| format!(" [env: {name}]"));
        let help = [Some(help(arg)), default, variable].into_iter().flatten().collect::<String>();
        // Behind `key new` these two are the key's.
        let global = !matches!(arg.get_id().as_str(), "sandbox" | "workspace");
        let arg = arg.clone().env(Resettable::Reset).help(help).global(global);
        if takes_values { arg.value_parser(ValueParser::string()) } else { arg }
    };
    let renamed = RENAMED.map(|old| Arg::new(old.field).long(old.flag).hide(true).global(true));
    command.args(arguments().get_arguments().map(as_text).collect::<Vec<_>>()).args(renamed)
}

/// The settings as arguments, none of which is required.
pub(super) fn arguments() -> Command {
    Settings::augment_args_for_update(Command::new("settings"))
}

pub(super) fn flag(arg: &Arg) -> String {
    format!("--{}", arg.get_long().unwrap_or_default())
}

pub(super) fn variable(arg: &Arg) -> Option<&str> {
    arg.get_env().and_then(|name| name.to_str())
}

pub(super) fn help(arg: &Arg) -> String {
    arg.get_help().map(ToString::to_string).unwrap_or_default()
}

/// A setting's default as it is written on the command line; `None` if it is unset.
pub(super) fn default_of(arg: &Arg) -> Option<String> {
    let usual = Settings::default();
    match fields(&usual).get(arg.get_id().as_str()) {
        Some(Value::Bool(on)) => Some(if *on { "on" } else { "off" }.to_owned()),
        Some(Value::String(text)) => Some(text.clone()),
        Some(Value::Number(number)) => Some(number.to_string()),
        // settings.json has no host: the app offers a choice of networks instead.
        None if arg.get_id() == "host" => Some(usual.host.to_string()),
        _ => None,
    }
}

fn is_list(arg: &Arg) -> bool {
    matches!(arg.get_action(), ArgAction::Append)
}

impl Layers<'_> {
    /// The text of the first layer that has the setting, after the name of its flag or variable. Empty values do not count.
    fn given(&self, arg: &Arg) -> Option<(String, String)> {
        let id = arg.get_id().as_str();
        let old = RENAMED.iter().find(|renamed| renamed.now == id);
        let of_variable = |name: &str| self.variable(name).map(|text| (name.to_owned(), text));
        let has_value =
            |text: &str| if is_list(arg) { items(text).next().is_some() } else { !text.is_empty() };
        [
            self.flag(id).map(|text| (flag(arg), text)),
            old.and_then(|old| Some((format!("--{}", old.flag), self.flag(old.field)?))),
            variable(arg).and_then(of_variable),
            old.and_then(|old| of_variable(old.variable)),
        ]
        .into_iter()
        .flatten()
        .find(|(_, text)| has_value(text))
    }

    fn flag(&self, id: &str) -> Option<String> {
        (self.flags.value_source(id)? == ValueSource::CommandLine).then_some(())?;
        let texts = self.flags.get_raw(id)?.map(|text| text.to_string_lossy());
        Some(texts.collect::<Vec<_>>().join(",").trim().to_owned())
    }

    fn variable(&self, name: &str) -> Option<String> {
        let in_environment = self.environment.get(name).map(|value| value.to_string_lossy().into_owned());
        let text = in_environment.or_else(|| self.dotenv.get(name).cloned())?;
        Some(text.trim().to_owned())
    }

    fn path(&self, path: &Path) -> PathBuf {
        self.current_dir.join(expand_home(path, self.environment.home().as_deref()))
    }

    /// A program: a bare name stays one, to be looked for on the `PATH`.
    fn program(&self, path: PathBuf) -> PathBuf {
        if path.components().count() > 1 { self.path(&path) } else { path }
    }
}

/// The path that is meant: `~` stands for the user's folder.
#[must_use]
pub fn expand_home(path: &Path, home: Option<&Path>) -> PathBuf {
    match (path.strip_prefix("~"), home) {
        (Ok(below), Some(home)) => home.join(below),
        _ => path.to_owned(),
    }
}

impl Settings {
    /// Merges the layers. The second value is a warning for each former name in use.
    ///
    /// # Errors
    /// The first invalid value, with the flag or variable it came from.
    pub fn from_layers(layers: &Layers<'_>) -> Result<(Self, Vec<String>), SettingsError> {
        let (mut values, mut sources, mut warnings) = (Map::new(), BTreeMap::new(), Vec::new());
        for arg in arguments().get_arguments() {
            let Some((source_name, text)) = layers.given(arg) else { continue };
            let (flag, variable) = (flag(arg), variable(arg));
            if source_name != flag && Some(source_name.as_str()) != variable {
                let now = if source_name.starts_with('-') { &flag } else { variable.unwrap_or_default() };
                warnings.push(format!("{source_name} is now {now}; the old name still works"));
            }
            values.insert(arg.get_id().to_string(), text.as_str().into());
            sources.insert(arg.get_id().to_string(), (source_name, text));
        }
        let (mut settings, wrong) = merge(&Self::default(), &values);
        if let Some(wrong) = wrong.into_iter().next() {
            let (source_name, value) = sources.remove(&wrong.field).unwrap_or_default();
            return Err(SettingsError::Invalid { source_name, value, expected: wrong.message });
        }
        if !settings.keys_needed && !settings.host.is_loopback() {
            return Err(SettingsError::NoAuthBeyondLoopback(settings.host));
        }
        settings.data_dir = if settings.data_dir.as_os_str().is_empty() {
            layers.default_data_dir.clone().ok_or(SettingsError::NoDataDir)?
        } else {
            layers.path(&settings.data_dir)
        };
        settings.workspace = settings.workspace.map(|folder| layers.path(&folder));
        settings.codex_path = settings.codex_path.map(|program| layers.program(program));
        settings.api_keys = items(&layers.variable("API_KEYS").unwrap_or_default()).map(Key::new).collect();
        Ok((settings, warnings))
    }
}
