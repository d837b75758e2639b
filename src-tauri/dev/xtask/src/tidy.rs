//! `cargo xtask tidy`: rejects import cycles, imports from higher layers, long files, outdated bindings, and processes that
//! codex-client does not start.
//!
//! A path counts as an import if it starts with `crate::`, `self::` or `super::`, in a `use` or elsewhere, outside of tests. A
//! parent that names its child without one of these imports nothing.

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
use cycles::{Cycle, Graph};
use modules::Modules;

pub(crate) use count::count;

/// Of a file, with comments and tests. A longer one should be split.
const MAX_LINES: usize = 500;

/// Checks the sources first, since the bindings need a build.
pub(crate) fn tidy() -> Result<()> {
    sources()?;
    bindings::check()
}

/// Prints every finding, and fails if there are any.
pub(crate) fn sources() -> Result<()> {
    let findings = findings(&workspace::root()?)?;
    findings.iter().for_each(|finding| eprintln!("{finding}"));
    if findings.is_empty() { Ok(()) } else { bail!("tidy has {} findings", findings.len()) }
}

fn findings(root: &Path) -> Result<Vec<String>> {
    let mut findings = [long_files(&root.join("src-tauri"))?, long_files(&root.join("ui"))?].concat();
    for one in crates(root)? {
        findings.extend(check(&one, root)?);
    }
    Ok(findings)
}

/// A library or binary crate of the workspace.
struct Crate {
    package: String,
    ships: bool,
    /// Identifies its layers: the package's name or, below `src/bin`, the binary's.
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
    for (parent, ships) in [("src-tauri/crates", true), ("src-tauri/dev", false)] {
        for folder in entries(&root.join(parent))? {
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

/// The entries of a folder, sorted; empty if it does not exist.
fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    let Ok(entries) = fs::read_dir(folder) else { return Ok(Vec::new()) };
    let mut paths = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    paths.sort();
    Ok(paths)
}

fn stem(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

/// Source files with more than [`MAX_LINES`], generated ones excluded.
fn long_files(folder: &Path) -> Result<Vec<String>> {
    let mut findings = Vec::new();
    for path in entries(folder)? {
        if path.is_dir() && !["node_modules", "dist", "bindings"].contains(&stem(&path).as_str()) {
            findings.extend(long_files(&path)?);
        } else if path.extension().is_some_and(|kind| kind == "rs" || kind == "ts" || kind == "svelte") {
            let lines = fs::read_to_string(&path)?.lines().count();
            if lines > MAX_LINES {
                findings.push(format!("{}: {lines} lines, over the limit of {MAX_LINES}", path.display()));
            }
        }
    }
    Ok(findings)
}

/// Whether a path names what starts a process. Not `clap::Command`.
fn starts_a_process(path: &[String]) -> bool {
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    matches!(path[..], [.., "process", "Command"] | [.., "process", "Command", "new"])
}

fn check(Crate { name, file, ships, .. }: &Crate, root: &Path) -> Result<Vec<String>> {
    let modules = Modules::read(file)?;
    let relative = |file: &Path| slashes(file.strip_prefix(root).unwrap_or(file));
    let mut findings = Vec::new();
    for module in modules.all().iter().filter(|_| *ships) {
        let allowed = name == "codex-client" && module.top.as_deref() == Some("process");
        let references = module.source.references.iter();
        for reference in references.filter(|reference| !allowed && starts_a_process(&reference.path)) {
            findings.push(format!(
                "{}:{}: this process would outlive us, and show a console on Windows; use those of codex-client",
                relative(&module.file),
                reference.line
            ));
        }
    }
    for Cycle { files, steps } in cycles::find(&graph(&modules)) {
        let steps: Vec<String> =
            steps.iter().map(|(file, line)| format!("    {}:{line} imports", relative(file))).collect();
        let first = steps.first().map_or("", |step| step.trim().trim_end_matches(" imports"));
        let number = files.len();
        let files: Vec<String> = files.into_iter().map(relative).collect();
        findings.push(format!(
            "{name}: import cycle of {number} files: {}\n{}\n    {first}",
            files.join(", "),
            steps.join("\n")
        ));
    }
    let Some(layers) = layers::for_crate(name) else { return Ok(findings) };
    let all = modules.all();
    let index = |module: &modules::Module| layers::index(layers, module.top.as_deref());
    for module in all {
        if let (Some(top), None) = (&module.top, index(module)) {
            findings.push(format!("{name}: module `{top}` has no layer; add it to {}", layers::FILE));
        }
    }
    for import in modules.imports() {
        let (from, to) = (&all[import.from], &all[import.to]);
        if from.top != to.top && index(from).zip(index(to)).is_some_and(|(from, to)| from <= to) {
            findings.push(format!(
                "{}:{}: `{}` imports {}, which is not in a lower layer",
                relative(&from.file),
                import.line,
                from.top.as_deref().unwrap_or("the root"),
                relative(&to.file)
            ));
        }
    }
    // Two names in one `use` are one finding.
    findings.dedup();
    Ok(findings)
}

/// A path as we write it everywhere, on Windows too.
fn slashes(path: &Path) -> String {
    path.display().to_string().replace(std::path::MAIN_SEPARATOR, "/")
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
