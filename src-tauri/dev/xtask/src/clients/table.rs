//! The table of docs/clients.md: which checks each client passed.

use std::fs;

use anyhow::{Context, Result};

use crate::child;
use crate::codex;
use crate::system;
use crate::workspace;

const CHECKS: [&str; 5] = ["answer", "stream", "tools", "schema", "picture"];
const BEGIN: &str = "<!-- made by cargo xtask clients -->\n";
const END: &str = "<!-- end -->";

/// What came of one client.
pub(super) struct Driven {
    name: &'static str,
    release: String,
    rows: Vec<Row>,
    broke: bool,
}

/// One API of a client. A check it does not have is `None`.
struct Row {
    api: String,
    passed: [Option<bool>; CHECKS.len()],
}

impl Driven {
    pub(super) fn new(name: &'static str, release: String) -> Self {
        Self { name, release, rows: Vec::new(), broke: false }
    }

    /// One that could not be installed or started.
    pub(super) fn failed(name: &'static str) -> Self {
        Self { broke: true, ..Self::new(name, "not installed".to_owned()) }
    }

    /// Reads a line of a script: the API, the check and the result. Other lines are the client's own.
    pub(super) fn record(&mut self, line: &str) {
        let mut fields = line.trim_end().splitn(3, '\t');
        let (Some(api), Some(check), Some(result)) = (fields.next(), fields.next(), fields.next()) else {
            return;
        };
        let Some(check) = CHECKS.iter().position(|known| *known == check) else { return };
        if self.rows.last().is_none_or(|row| row.api != api) {
            self.rows.push(Row { api: api.to_owned(), passed: [None; CHECKS.len()] });
        }
        if let Some(row) = self.rows.last_mut() {
            row.passed[check] = Some(result == "ok");
        }
    }

    pub(super) fn broke(&mut self) {
        self.broke = true;
    }

    pub(super) fn passed(&self) -> bool {
        let mut checks = self.rows.iter().flat_map(|row| row.passed);
        !self.broke && !self.rows.is_empty() && checks.all(|passed| passed != Some(false))
    }
}

pub(super) fn markdown(driven: &[Driven]) -> Result<String> {
    let mut python = system::python();
    python.args(["-c", "import datetime; print(datetime.date.today())"]);
    let today = child::output(&mut python, child::PROBE_TIMEOUT)?;
    let rows: String = driven.iter().map(rows).collect();
    let codex = codex::DEFAULT_VERSION;
    Ok(format!(
        "{today}, in front of codex {codex}:\n\n\
         | Client | Release | API | Answer | Stream | Tools | Schema | Picture |\n\
         | --- | --- | --- | :-: | :-: | :-: | :-: | :-: |\n\
         {rows}"
    ))
}

fn rows(driven: &Driven) -> String {
    let empty = [Row { api: "failed".to_owned(), passed: [None; CHECKS.len()] }];
    let rows = if driven.rows.is_empty() { &empty[..] } else { &driven.rows[..] };
    let lines = rows.iter().enumerate().map(|(index, row)| {
        let (name, release) = if index == 0 { (driven.name, driven.release.as_str()) } else { ("", "") };
        let cells = row.passed.map(|passed| match passed {
            Some(true) => " ✓ |",
            Some(false) => " ✗ |",
            None => " — |",
        });
        format!("| {name} | {release} | {} |{}\n", row.api, cells.concat())
    });
    lines.collect()
}

/// Replaces the table in the documentation.
pub(super) fn write(table: &str) -> Result<()> {
    let path = workspace::root()?.join("docs/clients.md");
    let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let text = replaced(&text, table).context("docs/clients.md has no place for the table")?;
    fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))
}

fn replaced(text: &str, table: &str) -> Option<String> {
    let (before, rest) = text.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{BEGIN}\n{table}\n{END}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_is_a_row_for_each_api_with_what_passed() {
        let mut driven = Driven::new("llm", "0.36".to_owned());
        for line in
            ["chat\tanswer\tok\n", "Step 1\n", "chat\tschema\tValueError: no\n", "responses\tanswer\tok\n"]
        {
            driven.record(line);
        }
        let expected = "| llm | 0.36 | chat | ✓ | — | — | ✗ | — |\n|  |  | responses | ✓ | — | — | — | — |\n";
        assert_eq!(rows(&driven), expected);
        assert!(!driven.passed());
    }

    #[test]
    fn a_client_passes_only_if_it_ran_to_its_end() {
        let mut driven = Driven::new("llm", "0.36".to_owned());
        assert!(!driven.passed(), "without a check");
        driven.record("chat\tanswer\tok\n");
        assert!(driven.passed());
        driven.broke();
        assert!(!driven.passed());
    }

    #[test]
    fn only_the_table_is_replaced() {
        let text = format!("Before\n\n{BEGIN}\nold\n{END}\n\nAfter\n");
        assert_eq!(replaced(&text, "new\n"), Some(format!("Before\n\n{BEGIN}\nnew\n\n{END}\n\nAfter\n")));
        assert_eq!(replaced("Before\n", "new\n"), None);
    }
}
