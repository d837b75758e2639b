//! What there is to set, as a table for the documentation.

use clap::Arg;

use super::layers::{arguments, default_of, flag, help, variable};
use super::{Settings, fields};

/// The settings as a table in Markdown, for docs/configuration.md.
#[must_use]
pub fn reference() -> String {
    let fields = fields(&Settings::default());
    let code = |text: Option<&str>| text.map(|text| format!("`{text}`")).unwrap_or_default();
    let row = |arg: &Arg| {
        let id = arg.get_id().as_str();
        let cells = [
            code(Some(&flag(arg))),
            code(variable(arg)),
            code(Some(id).filter(|id| fields.contains_key(*id))),
            code(default_of(arg).as_deref()),
            help(arg),
        ];
        format!("| {} |\n", cells.join(" | "))
    };
    let head =
        "| flag | variable | in settings.json | default | what it is |\n| --- | --- | --- | --- | --- |\n";
    head.to_owned() + &arguments().get_arguments().map(row).collect::<String>()
}
