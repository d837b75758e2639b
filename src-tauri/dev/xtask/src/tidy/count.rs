//! `cargo xtask tidy --count`: the figures that this project holds itself to.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use anyhow::Result;

use super::modules::Modules;
use super::{Crate, crates, cycles, graph};
use crate::workspace;

pub(crate) fn count() -> Result<()> {
    let (mut product, mut tooling) = (BTreeMap::new(), BTreeMap::new());
    let (mut number, mut in_circles, mut names) = (0, 0, 0);
    for Crate { package, ships, name, file } in crates(&workspace::root()?)? {
        let modules = Modules::read(&file)?;
        *if ships { &mut product } else { &mut tooling }.entry(package).or_insert(0) += lines(&modules)?;
        let graph = graph(&modules);
        for circle in cycles::find(&graph) {
            number += 1;
            in_circles += circle.files.len();
        }
        if name == "proxy" {
            names = modules.all().first().map_or(0, |root| root.source.exported);
        }
    }
    for (title, packages) in [("product", product), ("tooling", tooling)] {
        for (package, lines) in &packages {
            println!("{package:<24} {lines:>6}");
        }
        println!("{title:<24} {:>6}\n", packages.values().sum::<usize>());
    }
    println!(
        "exported by proxy        {names:>6}\ncircles                  {number:>6}\nfiles in circles         {in_circles:>6}"
    );
    Ok(())
}

/// Lines without blank ones, comments and what only tests compile. A comment has its lines to itself: rustfmt and our
/// habit see to that.
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
