//! `cargo xtask tidy --count`: prints lines of code per package, and import cycles.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::io::{self, ErrorKind, Write as _};
use std::path::Path;

use anyhow::Result;

use super::modules::Modules;
use super::{Crate, crates, cycles, graph};
use crate::workspace;

pub(crate) fn count() -> Result<()> {
    let (mut product, mut tooling) = (BTreeMap::new(), BTreeMap::new());
    let (mut cycle_count, mut in_cycles, mut exported) = (0, 0, 0);
    for Crate { package, ships, name, file } in crates(&workspace::root()?)? {
        let modules = Modules::read(&file)?;
        *if ships { &mut product } else { &mut tooling }.entry(package).or_insert(0) += lines(&modules)?;
        let graph = graph(&modules);
        for cycle in cycles::find(&graph) {
            cycle_count += 1;
            in_cycles += cycle.files.len();
        }
        if name == "proxy" {
            exported = modules.all().first().map_or(0, |root| root.source.exported);
        }
    }
    let mut report = String::new();
    for (title, packages) in [("product", product), ("tooling", tooling)] {
        for (package, lines) in &packages {
            writeln!(report, "{package:<24} {lines:>6}")?;
        }
        writeln!(report, "{title:<24} {:>6}\n", packages.values().sum::<usize>())?;
    }
    writeln!(
        report,
        "exported by proxy        {exported:>6}\nimport cycles            {cycle_count:>6}\nfiles in cycles          {in_cycles:>6}"
    )?;
    match io::stdout().write_all(report.as_bytes()) {
        // A reader such as `head` may have closed the pipe.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        outcome => Ok(outcome?),
    }
}

/// Counts lines, without blank ones, comments and test-only code. Assumes that no comment shares its line with code.
pub(super) fn lines(modules: &Modules) -> Result<usize> {
    let files: BTreeSet<&Path> = modules.all().iter().map(|module| module.file.as_path()).collect();
    let mut sum = 0;
    for file in files {
        let tests = || {
            modules
                .all()
                .iter()
                .filter(|module| module.file == file)
                .flat_map(|module| &module.source.test_lines)
        };
        let text = fs::read_to_string(file)?;
        let code = text.lines().zip(1..).filter(|(line, number)| {
            let line = line.trim();
            !line.is_empty() && !line.starts_with("//") && !tests().any(|lines| lines.contains(number))
        });
        sum += code.count();
    }
    Ok(sum)
}
