//! The layers that settings are put together from: flags, then the environment, then `.env`.
//!
//! Of each setting the first layer that has it is taken, and all of them are parsed as if they were flags.

use std::collections::BTreeMap;
use std::error::Error as _;
use std::path::{Path, PathBuf};

use clap::builder::{Resettable, ValueParser};
use clap::error::ContextKind;
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Command, FromArgMatches};
use codex_client::Environment;

use super::arguments::{arguments, default_of, flag, variable};
use super::{Settings, SettingsError, items};
use crate::auth::Key;

/// The flags of the command line that were given, as text and by the name of their setting.
///
/// It is a group of arguments for clap, which is to be flattened into a program's own.
#[derive(Clone, Debug, Default)]
pub struct Flags(BTreeMap<String, String>);

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

/// A value, as an argument and with the name of what it came from.
struct Given {
    argument: String,
    source: String,
    text: String,
}

impl clap::Args for Flags {
    /// Texts are taken here and parsed with those of the other layers, so that all are refused in the same words.
    fn augment_args(command: Command) -> Command {
        let as_text = |arg: &Arg| {
            let notes = default_of(arg.get_id().as_str())
                .filter(|_| arg.get_action().takes_values())
                .map(|value| format!(" [default: {value}]"));
            let notes = notes.into_iter().chain(variable(arg).map(|name| format!(" [env: {name}]")));
            let help = format!(
                "{}{}",
                arg.get_help().map(ToString::to_string).unwrap_or_default(),
                notes.collect::<String>()
            );
            // Behind `key new` these two are the key's.
            let global = !matches!(arg.get_id().as_str(), "sandbox" | "workspace");
            let arg = arg.clone().env(Resettable::Reset).help(help).global(global);
            if arg.get_action().takes_values() { arg.value_parser(ValueParser::string()) } else { arg }
        };
        let arguments = arguments();
        command.args(arguments.get_arguments().map(as_text).collect::<Vec<_>>())
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for Flags {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut flags = Self::default();
        flags.update_from_arg_matches(matches)?;
        Ok(flags)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        for arg in arguments().get_arguments() {
            let id = arg.get_id().as_str();
            if matches.value_source(id) == Some(ValueSource::CommandLine) {
                let texts = matches.get_raw(id).into_iter().flatten().map(|text| text.to_string_lossy());
                self.0.insert(id.to_owned(), texts.collect::<Vec<_>>().join(","));
            }
        }
        Ok(())
    }
}

impl Layers<'_> {
    /// What the first layer that has a value says; an empty value counts as none.
    fn given(&self, arg: &Arg) -> Option<Given> {
        let id = arg.get_id().as_str();
        let flag = flag(arg);
        let of_flag = || Some((flag.clone(), self.flags.0.get(id)?.trim().to_owned()));
        let of_variable = || variable(arg).and_then(|name| Some((name.to_owned(), self.variable(name)?)));
        let is_list = matches!(arg.get_action(), ArgAction::Append);
        let (source, text) = [of_flag(), of_variable()]
            .into_iter()
            .flatten()
            .map(|(source, text)| match is_list {
                true => (source, items(&text).collect::<Vec<_>>().join(",")),
                false => (source, text),
            })
            .find(|(_, text)| !text.is_empty())?;
        let argument = if arg.get_action().takes_values() { format!("{flag}={text}") } else { flag };
        Some(Given { argument, source, text })
    }

    fn variable(&self, name: &str) -> Option<String> {
        let in_environment = self.environment.get(name).map(|value| value.to_string_lossy().into_owned());
        let text = in_environment.or_else(|| self.dotenv.get(name).cloned())?;
        Some(text.trim().to_owned())
    }

    fn path(&self, path: PathBuf) -> PathBuf {
        match (path.strip_prefix("~"), self.environment.home()) {
            (Ok(below), Some(home)) => home.join(below),
            _ => self.current_dir.join(path),
        }
    }

    /// A program: a bare name stays one, to be looked for on the `PATH`.
    fn program(&self, path: PathBuf) -> PathBuf {
        if path.components().count() > 1 { self.path(path) } else { path }
    }
}

impl Settings {
    /// Puts the layers together.
    ///
    /// # Errors
    /// The first value that cannot be used, with where it came from.
    pub fn from_layers(layers: &Layers<'_>) -> Result<Self, SettingsError> {
        let command = arguments();
        let given: Vec<Given> = command.get_arguments().filter_map(|arg| layers.given(arg)).collect();
        // The process's own environment has no say; the one that is handed in has been looked at.
        let command = command.no_binary_name(true).mut_args(|arg| arg.env(Resettable::Reset));
        let mut settings = Self::default();
        command
            .try_get_matches_from(given.iter().map(|given| &given.argument))
            .and_then(|matches| settings.update_from_arg_matches(&matches))
            .map_err(|error| bad(&error, &given))?;
        if !settings.keys_needed && !settings.host.is_loopback() {
            return Err(SettingsError::OpenToOthers(settings.host));
        }
        settings.data_dir = match settings.data_dir {
            none if none.as_os_str().is_empty() => {
                layers.default_data_dir.clone().ok_or(SettingsError::NoDataDir)?
            }
            named => layers.path(named),
        };
        settings.workspace = settings.workspace.map(|folder| layers.path(folder));
        settings.codex_path = settings.codex_path.map(|program| layers.program(program));
        settings.api_keys = items(&layers.variable("API_KEYS").unwrap_or_default()).map(Key::new).collect();
        Ok(settings)
    }
}

/// What clap refuses, in the words of the layer that it came from.
fn bad(error: &clap::Error, given: &[Given]) -> SettingsError {
    let refused = error.get(ContextKind::InvalidArg).map(ToString::to_string).unwrap_or_default();
    let flag = |argument: &str| argument.split([' ', '=']).next().map(str::to_owned);
    let given = given.iter().find(|given| flag(&given.argument) == flag(&refused));
    let (source_name, value) =
        given.map(|given| (given.source.clone(), given.text.clone())).unwrap_or_default();
    let wanted = error.source().map_or_else(|| error.to_string(), ToString::to_string);
    SettingsError::Bad { source_name, value, wanted }
}
