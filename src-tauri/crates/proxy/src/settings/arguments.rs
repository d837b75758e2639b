//! The settings as arguments of a command line, which say the name of each, its variable and what it means.

use clap::{Arg, Args as _, Command};
use serde_json::{Map, Value};

use super::Settings;

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

/// What a setting is when nothing is given, as on the command line; `None` where there is nothing to write.
pub(super) fn default_of(id: &str) -> Option<String> {
    // The one default that the file does not have: the app chooses among networks instead.
    if id == "host" {
        return Some(Settings::default().host.to_string());
    }
    match fields().get(id)? {
        Value::Bool(on) => Some(if *on { "on" } else { "off" }.to_owned()),
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

pub(super) fn fields() -> Map<String, Value> {
    match serde_json::to_value(Settings::default()) {
        Ok(Value::Object(fields)) => fields,
        _ => Map::new(),
    }
}
