//! What there is to set, as a table for the documentation.

use std::fmt::Write as _;

use super::layers::{arguments, default_of, flag, help, variable};
use super::{Settings, fields};

/// The settings as a table in Markdown, for docs/configuration.md.
#[must_use]
pub fn reference() -> String {
    let fields = fields(&Settings::default());
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
            code(default_of(arg)),
            help(arg),
        );
    }
    table
}
