//! What there is to set, as a table for the documentation.

use std::fmt::Write as _;

use serde_json::{Map, Value};

use super::Settings;
use super::layers::{arguments, flag, variable};

/// The settings as a table in Markdown, for docs/configuration.md.
#[must_use]
pub fn reference() -> String {
    let fields = fields();
    let mut table =
        "| flag | variable | in settings.json | default | what it is |\n| --- | --- | --- | --- | --- |\n"
            .to_owned();
    let code = |text: Option<String>| text.map(|text| format!("`{text}`")).unwrap_or_default();
    for arg in arguments().get_arguments() {
        let id = arg.get_id().as_str();
        let _ = writeln!(
            table,
            "| {} | {} | {} | {} | {} |",
            code(Some(flag(arg))),
            code(variable(arg).map(str::to_owned)),
            code(fields.contains_key(id).then(|| id.to_owned())),
            code(default_of(id)),
            arg.get_help().map(ToString::to_string).unwrap_or_default(),
        );
    }
    table
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

fn fields() -> Map<String, Value> {
    match serde_json::to_value(Settings::default()) {
        Ok(Value::Object(fields)) => fields,
        _ => Map::new(),
    }
}
