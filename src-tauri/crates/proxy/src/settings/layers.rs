//! The layers of settings: flags win over the environment, the environment over `.env`.
//!
//! clap declares the flags and variables and collects their texts. The first layer that has a setting wins; its text is then
//! merged and validated as values of `settings.json` are.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::builder::{Resettable, ValueParser};
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Args as _, Command};
use codex_client::{Environment, KEY_VARIABLES};
use serde_json::{Map, Value};

use super::values::items;
use super::{FieldError, RENAMED, Settings, SettingsError, fields, merge};
use crate::auth::Key;

/// The three layers, and what it takes to make their paths absolute.
#[derive(Clone, Debug)]
pub struct Layers<'a> {
    /// The matches of a command with [`flags`].
    pub flags: &'a ArgMatches,
    /// The environment.
    pub environment: &'a Environment,
    /// `.env`, or the file named instead.
    pub env_file: &'a EnvFile,
    /// The folder the program was started in.
    pub current_dir: &'a Path,
    /// The data folder, unless one is set.
    pub default_data_dir: Option<PathBuf>,
}

/// A file with variables.
///
/// Programs share the name `.env`, and its folder may be somebody else's: another program's file must not choose what runs, or who
/// can connect.
#[derive(Clone, Debug, Default)]
pub struct EnvFile {
    name: String,
    variables: BTreeMap<String, String>,
    is_ours: bool,
}

impl EnvFile {
    /// A file with this name, for messages. It is ours if the user `chose` it, or if it contains a variable that only we have.
    #[must_use]
    pub fn new(name: impl Into<String>, variables: BTreeMap<String, String>, chosen: bool) -> Self {
        let only_ours = |name: &String| KEY_VARIABLES.contains(&name.as_str()) || name.starts_with(PREFIX);
        let is_ours = chosen || variables.keys().any(only_ours);
        Self { name: name.into(), variables, is_ours }
    }

    /// Whether the file was written for this program.
    #[must_use]
    pub fn is_ours(&self) -> bool {
        self.is_ours
    }

    /// A variable's value. What only our own file may set is `None` in another one.
    ///
    /// # Errors
    /// A warning that it was passed over.
    pub fn get(&self, name: &str) -> Result<Option<&str>, String> {
        let Some(value) = self.variables.get(name) else { return Ok(None) };
        let is_risky = match name {
            "CODEX_PATH" | "CODEX_SANDBOX" | "CODEX_HOME" => true,
            "HOST" => !parsed("host", value).0.host.is_loopback(),
            _ => false,
        };
        if self.is_ours || !is_risky {
            return Ok(Some(value));
        }
        Err(format!(
            "{name}={value} in {file} is ignored: the file may be another program's. To use it, start with --env-file {file}",
            file = self.name
        ))
    }
}

/// Begins the names of variables that no other program uses: the rest is the flag's name.
const PREFIX: &str = "CODEX_PROXY_";

/// Variables that other programs set with other meanings, such as codex in its sandbox, or conda. There, an invalid value is not
/// meant for us.
const SHARED: [&str; 2] = ["HOST", "CODEX_SANDBOX"];

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

/// The name of the variable that no other program uses; only for settings that have a variable.
fn own_variable(arg: &Arg) -> Option<String> {
    let flag = arg.get_long().filter(|_| variable(arg).is_some())?;
    Some(format!("{PREFIX}{}", flag.to_uppercase().replace('-', "_")))
}

fn is_list(arg: &Arg) -> bool {
    matches!(arg.get_action(), ArgAction::Append)
}

impl Layers<'_> {
    /// The text of the first layer that has the setting, after the name of its flag or variable. Empty values do not count.
    fn given(&self, arg: &Arg, warnings: &mut Vec<String>) -> Option<(String, String)> {
        let id = arg.get_id().as_str();
        let old = RENAMED.iter().find(|renamed| renamed.now == id);
        let has_value =
            |text: &str| if is_list(arg) { items(text).next().is_some() } else { !text.is_empty() };
        let flags = [
            self.flag(id).map(|text| (flag(arg), text)),
            old.and_then(|old| Some((format!("--{}", old.flag), self.flag(old.field)?))),
        ];
        if let Some(given) = flags.into_iter().flatten().find(|(_, text)| has_value(text)) {
            return Some(given);
        }
        let own = own_variable(arg);
        let names = [own.as_deref(), variable(arg), old.map(|old| old.variable)];
        for name in names.into_iter().flatten() {
            for text in self.variables(name, warnings).into_iter().flatten().filter(|text| has_value(text)) {
                if SHARED.contains(&name) && !parsed(id, &text).1.is_empty() {
                    let own = own.as_deref().unwrap_or_default();
                    warnings.push(format!(
                        "{name}={text} is ignored: it looks like another program's. To set it, use {own} or {}",
                        flag(arg)
                    ));
                    continue;
                }
                return Some((name.to_owned(), text));
            }
        }
        None
    }

    fn flag(&self, id: &str) -> Option<String> {
        (self.flags.value_source(id)? == ValueSource::CommandLine).then_some(())?;
        let texts = self.flags.get_raw(id)?.map(|text| text.to_string_lossy());
        Some(texts.collect::<Vec<_>>().join(",").trim().to_owned())
    }

    /// A variable's values in the environment and in the file.
    fn variables(&self, name: &str, warnings: &mut Vec<String>) -> [Option<String>; 2] {
        let in_environment =
            self.environment.get(name).map(|value| value.to_string_lossy().trim().to_owned());
        let in_file = self.env_file.get(name).unwrap_or_else(|warning| {
            warnings.push(warning);
            None
        });
        [in_environment, in_file.map(|text| text.trim().to_owned())]
    }

    fn path(&self, path: &Path) -> PathBuf {
        self.current_dir.join(expand_home(path, self.environment.home().as_deref()))
    }

    /// A program: a bare name stays one, to be looked for on the `PATH`.
    fn program(&self, path: PathBuf) -> PathBuf {
        if path.components().count() > 1 { self.path(&path) } else { path }
    }
}

/// The defaults with one field set, and what is wrong with it.
fn parsed(field: &str, text: &str) -> (Settings, Vec<FieldError>) {
    merge(&Settings::default(), &Map::from_iter([(field.to_owned(), text.into())]))
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
    /// Merges the layers. The second value is a warning for each former name in use, and for each value that is ignored.
    ///
    /// # Errors
    /// The first invalid value, with the flag or variable it came from.
    pub fn from_layers(layers: &Layers<'_>) -> Result<(Self, Vec<String>), SettingsError> {
        let (mut values, mut sources, mut warnings) = (Map::new(), BTreeMap::new(), Vec::new());
        for arg in arguments().get_arguments() {
            let Some((source_name, text)) = layers.given(arg, &mut warnings) else { continue };
            let (flag, variable) = (flag(arg), variable(arg));
            let is_former = RENAMED
                .iter()
                .any(|old| source_name == old.variable || source_name.strip_prefix("--") == Some(old.flag));
            if is_former {
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
        if !settings.keys_needed && settings.allows_any_origin() {
            return Err(SettingsError::AnyOriginWithoutKeys);
        }
        settings.data_dir = if settings.data_dir.as_os_str().is_empty() {
            layers.default_data_dir.clone().ok_or(SettingsError::NoDataDir)?
        } else {
            layers.path(&settings.data_dir)
        };
        settings.workspace = settings.workspace.map(|folder| layers.path(&folder));
        for folder in &mut settings.folders {
            folder.folder = layers.path(&folder.folder);
        }
        settings.codex_path = settings.codex_path.map(|program| layers.program(program));
        let mut texts = KEY_VARIABLES.iter().flat_map(|name| layers.variables(name, &mut warnings)).flatten();
        let keys = texts.find(|text| items(text).next().is_some()).unwrap_or_default();
        settings.api_keys = items(&keys).map(Key::new).collect();
        Ok((settings, warnings))
    }
}
