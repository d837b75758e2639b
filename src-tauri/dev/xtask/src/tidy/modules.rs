//! The module tree of a crate, and its imports between files.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::source::{Reference, Source};

/// Guards against `use` declarations that refer to each other.
const MAX_HOPS: usize = 32;

/// The modules of a crate, the root first.
pub(super) struct Modules {
    all: Vec<Module>,
}

pub(super) struct Module {
    pub(super) file: PathBuf,
    /// The top-level module that contains this one, or is it; none for the root.
    pub(super) top: Option<String>,
    parent: usize,
    children: BTreeMap<String, usize>,
    pub(super) source: Source,
}

/// Module `from` imports module `to` on `line`; both are indices.
pub(super) struct Import {
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) line: usize,
}

impl Modules {
    /// Reads all modules of the crate with this root file, without test-only ones.
    pub(super) fn read(root: &Path) -> Result<Self> {
        let mut modules = Self { all: Vec::new() };
        let folder = root.parent().context("the crate root has no folder")?;
        modules.add(Source::read(root)?, root, folder, 0, None)?;
        Ok(modules)
    }

    /// Adds a module and its descendants; `folder` contains the files of its children.
    fn add(
        &mut self,
        mut source: Source,
        file: &Path,
        folder: &Path,
        parent: usize,
        top: Option<&str>,
    ) -> Result<usize> {
        let index = self.all.len();
        let declared = std::mem::take(&mut source.declared);
        let inline = std::mem::take(&mut source.inline);
        let (children, top_name) = (BTreeMap::new(), top.map(str::to_owned));
        self.all.push(Module { file: file.to_owned(), top: top_name, parent, children, source });
        for (name, path) in declared {
            let candidates = match path {
                Some(path) => vec![file.with_file_name(path)],
                None => vec![folder.join(format!("{name}.rs")), folder.join(&name).join("mod.rs")],
            };
            let path = candidates.into_iter().find(|path| path.is_file());
            let path = path.with_context(|| format!("{}: no file for `mod {name}`", file.display()))?;
            let source = Source::read(&path)?;
            let child = self.add(source, &path, &folder.join(&name), index, top.or(Some(&name)))?;
            self.all[index].children.insert(name, child);
        }
        for (name, source) in inline {
            let child = self.add(source, file, &folder.join(&name), index, top.or(Some(&name)))?;
            self.all[index].children.insert(name, child);
        }
        Ok(index)
    }

    pub(super) fn all(&self) -> &[Module] {
        &self.all
    }

    /// All imports of other files. A re-export from a descendant is not an import.
    pub(super) fn imports(&self) -> Vec<Import> {
        let mut imports = Vec::new();
        for (from, module) in self.all.iter().enumerate() {
            for Reference { path, line, re_export, .. } in &module.source.references {
                let Some(to) = self.resolve(from, path, 0) else { continue };
                let from_below = *re_export && self.is_below(to, from);
                if !from_below && self.all[to].file != module.file {
                    imports.push(Import { from, to, line: *line });
                }
            }
        }
        imports
    }

    /// The module that a path refers to, following re-exports; none if it is in another crate.
    fn resolve(&self, from: usize, path: &[String], hops: usize) -> Option<usize> {
        let (first, rest) = path.split_first()?;
        match first.as_str() {
            "crate" => Some(self.descend(0, rest, hops)),
            "self" => Some(self.descend(from, rest, hops)),
            "super" => Some(self.descend(self.all[from].parent, rest, hops)),
            // Only a followed `use` may start with the name of a child; the parents are known.
            _ if hops > 0 && self.all[from].children.contains_key(first) => {
                Some(self.descend(from, path, hops))
            }
            _ => None,
        }
    }

    fn descend(&self, at: usize, path: &[String], hops: usize) -> usize {
        let Some((first, rest)) = path.split_first() else { return at };
        let module = &self.all[at];
        if first == "super" {
            return self.descend(module.parent, rest, hops);
        }
        if let Some(child) = module.children.get(first) {
            return self.descend(*child, rest, hops);
        }
        let import = module.source.references.iter().find(|import| import.name.as_ref() == Some(first));
        let Some(import) = import.filter(|_| hops < MAX_HOPS) else { return at };
        let through = [&import.path, rest].concat();
        self.resolve(at, &through, hops + 1).unwrap_or(at)
    }

    fn is_below(&self, module: usize, above: usize) -> bool {
        module != 0 && (self.all[module].parent == above || self.is_below(self.all[module].parent, above))
    }
}
