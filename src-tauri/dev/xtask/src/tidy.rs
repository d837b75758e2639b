//! `cargo xtask tidy`: what the compiler does not check about the shape of this code.
//!
//! Modules import one way and along the layers, and no file is long. Paths count as they are written, from `crate::`, `self::`
//! or `super::` on, in and out of `use`, outside of tests. A parent that names its child without one of these imports nothing.

pub(crate) mod bindings;
mod count;
mod cycles;
mod layers;
mod modules;
mod source;
#[cfg(test)]
mod tests;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use crate::workspace;
use cycles::{Circle, Graph};
use modules::Modules;

pub(crate) use count::count;

/// Lines of a file, all of them counted. A longer one has two ideas.
const MAX_LINES: usize = 500;

/// Checks everything, and first what needs no build.
pub(crate) fn tidy() -> Result<()> {
    sources()?;
    bindings::check()
}

/// Prints what is wrong with the sources, and fails if anything is.
pub(crate) fn sources() -> Result<()> {
    let findings = findings(&workspace::root()?)?;
    findings.iter().for_each(|finding| eprintln!("{finding}"));
    if findings.is_empty() { Ok(()) } else { bail!("tidy found {}", findings.len()) }
}

fn findings(root: &Path) -> Result<Vec<String>> {
    let mut findings = [long_files(&root.join("src-tauri"))?, long_files(&root.join("ui"))?].concat();
    for one in crates(root)? {
        findings.extend(check(&one, root)?);
    }
    Ok(findings)
}

/// A library or a binary of the workspace.
struct Crate {
    package: String,
    ships: bool,
    /// What its layers go by: the name of its package or, below `src/bin`, of the binary.
    name: String,
    file: PathBuf,
}

fn crates(root: &Path) -> Result<Vec<Crate>> {
    let mut crates = Vec::new();
    let mut add = |package: &str, ships, name: &str, file: PathBuf| {
        if file.is_file() {
            crates.push(Crate { package: package.to_owned(), ships, name: name.to_owned(), file });
        }
    };
    add("shell", true, "shell", root.join("src-tauri/src/main.rs"));
    for (shelf, ships) in [("src-tauri/crates", true), ("src-tauri/dev", false)] {
        for folder in entries(&root.join(shelf))? {
            let (package, source) = (stem(&folder), folder.join("src"));
            add(&package, ships, &package, source.join("lib.rs"));
            add(&package, ships, &package, source.join("main.rs"));
            for binary in entries(&source.join("bin"))? {
                add(
                    &package,
                    ships,
                    &stem(&binary),
                    if binary.is_dir() { binary.join("main.rs") } else { binary },
                );
            }
        }
    }
    Ok(crates)
}

/// What a folder holds, sorted; nothing where there is none.
fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    let Ok(entries) = fs::read_dir(folder) else { return Ok(Vec::new()) };
    let mut paths = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    paths.sort();
    Ok(paths)
}

fn stem(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

/// Every file of ours with more than [`MAX_LINES`].
fn long_files(folder: &Path) -> Result<Vec<String>> {
    let mut findings = Vec::new();
    for path in entries(folder)? {
        if path.is_dir() && !["node_modules", "dist", "bindings"].contains(&stem(&path).as_str()) {
            findings.extend(long_files(&path)?);
        } else if path.extension().is_some_and(|kind| kind == "rs" || kind == "ts" || kind == "svelte") {
            let lines = fs::read_to_string(&path)?.lines().count();
            if lines > MAX_LINES {
                findings.push(format!("{}: {lines} lines, and the limit is {MAX_LINES}", path.display()));
            }
        }
    }
    Ok(findings)
}

fn check(Crate { name, file, .. }: &Crate, root: &Path) -> Result<Vec<String>> {
    let modules = Modules::read(file)?;
    let shown = |file: &Path| file.strip_prefix(root).unwrap_or(file).display().to_string();
    let mut findings = Vec::new();
    for Circle { files, steps } in cycles::find(&graph(&modules)) {
        let steps: Vec<String> =
            steps.iter().map(|(file, line)| format!("    {}:{line} imports", shown(file))).collect();
        let first = steps.first().map_or("", |step| step.trim().trim_end_matches(" imports"));
        let number = files.len();
        let files: Vec<String> = files.into_iter().map(shown).collect();
        findings.push(format!(
            "{name}: a circle of {number} files: {}\n{}\n    {first}",
            files.join(", "),
            steps.join("\n")
        ));
    }
    let Some(layers) = layers::of(name) else { return Ok(findings) };
    let all = modules.all();
    let height = |module: &modules::Module| layers::height(layers, module.top.as_deref());
    for module in all {
        if let (Some(top), None) = (&module.top, height(module)) {
            findings.push(format!("{name}: the module `{top}` is in no layer; add it in {}", layers::FILE));
        }
    }
    for import in modules.imports() {
        let (from, to) = (&all[import.from], &all[import.to]);
        if from.top != to.top && height(from).zip(height(to)).is_some_and(|(from, to)| from <= to) {
            findings.push(format!(
                "{}:{}: `{}` imports {}, which is not in a lower layer",
                shown(&from.file),
                import.line,
                from.top.as_deref().unwrap_or("the root"),
                shown(&to.file)
            ));
        }
    }
    // Two names of one `use` are one finding.
    findings.dedup();
    Ok(findings)
}

fn graph(modules: &Modules) -> Graph {
    let all = modules.all();
    let mut graph = Graph::new();
    for import in modules.imports() {
        let imported = graph.entry(all[import.from].file.clone()).or_default();
        imported.entry(all[import.to].file.clone()).or_insert(import.line);
    }
    graph
}
