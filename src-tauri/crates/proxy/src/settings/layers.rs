//! The layers that settings are put together from: flags, then the environment, then `.env`.
//!
//! clap says the name of each setting, its variable and what it means, and collects the texts. Of each setting the first layer
//! that has it is taken; all of them are merged, and refused, as the values of `settings.json` are.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::builder::{Resettable, ValueParser};
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Args as _, Command};
use codex_client::Environment;
use serde_json::{Map, Value};

use super::values::items;
use super::{Settings, SettingsError, fields, merge};
use crate::auth::Key;

/// The three layers, and what is needed to make absolute paths of them.
#[derive(Clone, Debug)]
pub struct Layers<'a> {
    /// What a command with [`flags`] was given, which wins.
    pub flags: &'a ArgMatches,
    /// The environment, which comes next.
    pub environment: &'a Environment,
    /// The lines of `.env`, which come last.
    pub dotenv: &'a BTreeMap<String, String>,
    /// The folder that the program was started in.
    pub current_dir: &'a Path,
    /// The system's folder for our own data, used when none is named.
    pub default_data_dir: Option<PathBuf>,
}

/// `command` with a flag for each setting. They take any text, which is judged with those of the other layers.
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
    command.args(arguments().get_arguments().map(as_text).collect::<Vec<_>>())
}

/// The settings as arguments. They are made for an update, in which none is required.
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

/// What a setting is when nothing is given, as on the command line; `None` where there is nothing to write.
pub(super) fn default_of(arg: &Arg) -> Option<String> {
    let usual = Settings::default();
    match fields(&usual).get(arg.get_id().as_str()) {
        Some(Value::Bool(on)) => Some(if *on { "on" } else { "off" }.to_owned()),
        Some(Value::String(text)) => Some(text.clone()),
        Some(Value::Number(number)) => Some(number.to_string()),
        // The one default that the file does not have: the app chooses among networks instead.
        None if arg.get_id() == "host" => Some(usual.host.to_string()),
        _ => None,
    }
}

fn is_list(arg: &Arg) -> bool {
    matches!(arg.get_action(), ArgAction::Append)
}

impl Layers<'_> {
    /// What the first layer that has a value says, behind the layer's name for it; an empty value counts as none.
    fn given(&self, arg: &Arg) -> Option<(String, String)> {
        let of_flag = self.flag(arg.get_id().as_str()).map(|text| (flag(arg), text));
        let of_variable = variable(arg).and_then(|name| Some((name.to_owned(), self.variable(name)?)));
        let has_value =
            |text: &str| if is_list(arg) { items(text).next().is_some() } else { !text.is_empty() };
        [of_flag, of_variable].into_iter().flatten().find(|(_, text)| has_value(text))
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
    /// Puts the layers together.
    ///
    /// # Errors
    /// The first value that cannot be used, with where it came from.
    pub fn from_layers(layers: &Layers<'_>) -> Result<Self, SettingsError> {
        let (mut values, mut sources) = (Map::new(), BTreeMap::new());
        for arg in arguments().get_arguments() {
            let Some((source_name, text)) = layers.given(arg) else { continue };
            let value = if is_list(arg) { items(&text).collect() } else { Value::from(text.as_str()) };
            values.insert(arg.get_id().to_string(), value);
            sources.insert(arg.get_id().to_string(), (source_name, text));
        }
        let (mut settings, wrong) = merge(&Self::default(), &values);
        if let Some(wrong) = wrong.into_iter().next() {
            let (source_name, value) = sources.remove(&wrong.field).unwrap_or_default();
            return Err(SettingsError::Bad { source_name, value, wanted: wrong.message });
        }
        if !settings.keys_needed && !settings.host.is_loopback() {
            return Err(SettingsError::OpenToOthers(settings.host));
        }
        settings.data_dir = if settings.data_dir.as_os_str().is_empty() {
            layers.default_data_dir.clone().ok_or(SettingsError::NoDataDir)?
        } else {
            layers.path(&settings.data_dir)
        };
        settings.workspace = settings.workspace.map(|folder| layers.path(&folder));
        settings.codex_path = settings.codex_path.map(|program| layers.program(program));
        settings.api_keys = items(&layers.variable("API_KEYS").unwrap_or_default()).map(Key::new).collect();
        Ok(settings)
    }
}
