//! Parses a Rust file for the modules it declares and the paths it names, outside of tests.

use std::fs;
use std::mem;
use std::ops::RangeInclusive;
use std::path::Path;

use anyhow::{Context, Result};
use proc_macro2::{TokenStream, TokenTree};
use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{Attribute, Expr, Lit, UseTree, Visibility};

/// A path in the source.
pub(super) struct Reference {
    pub(super) path: Vec<String>,
    pub(super) line: usize,
    /// For a `use`, the name it imports.
    pub(super) name: Option<String>,
    pub(super) re_export: bool,
}

/// A module: a file, or a `mod x { … }` in one.
#[derive(Default)]
pub(super) struct Source {
    pub(super) references: Vec<Reference>,
    pub(super) inline: Vec<(String, Self)>,
    /// Modules in other files, with the value of `#[path]`.
    pub(super) declared: Vec<(String, Option<String>)>,
    /// The number of names that `pub mod` and `pub use` export to other crates.
    pub(super) exported: usize,
    /// The lines of test-only items.
    pub(super) test_lines: Vec<RangeInclusive<usize>>,
}

impl Source {
    pub(super) fn read(file: &Path) -> Result<Self> {
        let text = fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
        let syntax = syn::parse_file(&text).with_context(|| format!("{} does not parse", file.display()))?;
        let mut source = Self::default();
        source.visit_file(&syntax);
        Ok(source)
    }

    fn outside_tests(&mut self, attributes: &[Attribute], node: &impl Spanned) -> bool {
        let test = attributes.iter().any(is_for_tests);
        if test {
            let span = node.span();
            self.test_lines.push(span.start().line..=span.end().line);
        }
        !test
    }

    fn refer(&mut self, path: Vec<String>, line: usize) {
        if path.len() > 1 {
            self.references.push(Reference { path, line, name: None, re_export: false });
        }
    }

    /// Finds every `a::b::c` in tokens, including string literals such as serde's `with = "crate::x"`.
    fn scan(&mut self, tokens: TokenStream) {
        let (mut path, mut line, mut colons) = (Vec::new(), 0, 0);
        for token in tokens {
            match &token {
                TokenTree::Ident(name) if colons == 2 && !path.is_empty() => path.push(name.to_string()),
                TokenTree::Punct(mark) if mark.as_char() == ':' => {
                    colons += 1;
                    continue;
                }
                _ => {
                    self.refer(mem::take(&mut path), line);
                    line = token.span().start().line;
                }
            }
            match token {
                TokenTree::Ident(name) if path.is_empty() => path.push(name.to_string()),
                TokenTree::Group(group) => self.scan(group.stream()),
                TokenTree::Literal(text) => {
                    let text = text.to_string();
                    self.refer(text.trim_matches('"').split("::").map(str::to_owned).collect(), line);
                }
                _ => {}
            }
            colons = 0;
        }
        self.refer(path, line);
    }

    fn import(&mut self, tree: &UseTree, mut path: Vec<String>, re_export: bool) {
        let (last, name) = match tree {
            UseTree::Path(tree) => {
                path.push(tree.ident.to_string());
                return self.import(&tree.tree, path, re_export);
            }
            UseTree::Group(group) => {
                return group.items.iter().for_each(|tree| self.import(tree, path.clone(), re_export));
            }
            UseTree::Glob(_) => (None, None),
            UseTree::Name(tree) => (Some(&tree.ident), Some(&tree.ident)),
            UseTree::Rename(tree) => (Some(&tree.ident), Some(&tree.rename)),
        };
        path.extend(last.map(ToString::to_string).filter(|last| last != "self"));
        let name = name.map(ToString::to_string).map(|name| match path.last() {
            Some(last) if name == "self" => last.clone(),
            _ => name,
        });
        self.references.push(Reference { path, line: tree.span().start().line, name, re_export });
    }
}

/// `#[cfg(test)]` and `#[cfg(all(test, …))]`.
fn is_for_tests(attribute: &Attribute) -> bool {
    let Ok(list) = attribute.meta.require_list() else { return false };
    let condition = list.tokens.to_string().replace(' ', "");
    list.path.is_ident("cfg") && (condition == "test" || condition.starts_with("all(test,"))
}

fn value_of_path(attributes: &[Attribute]) -> Option<String> {
    let attribute = attributes.iter().find(|attribute| attribute.path().is_ident("path"))?;
    let Expr::Lit(value) = &attribute.meta.require_name_value().ok()?.value else { return None };
    if let Lit::Str(text) = &value.lit { Some(text.value()) } else { None }
}

macro_rules! outside_tests {
    ($($visit:ident: $node:ident),*) => { $(
        fn $visit(&mut self, node: &'ast syn::$node) {
            if self.outside_tests(&node.attrs, node) {
                visit::$visit(self, node);
            }
        }
    )* };
}

impl<'ast> Visit<'ast> for Source {
    outside_tests! {
        visit_item_const: ItemConst, visit_item_enum: ItemEnum, visit_item_fn: ItemFn, visit_item_impl: ItemImpl,
        visit_item_macro: ItemMacro, visit_item_static: ItemStatic, visit_item_struct: ItemStruct,
        visit_item_trait: ItemTrait, visit_item_type: ItemType, visit_impl_item_const: ImplItemConst,
        visit_impl_item_fn: ImplItemFn, visit_field: Field, visit_variant: Variant, visit_local: Local,
        visit_stmt_macro: StmtMacro, visit_arm: Arm, visit_field_value: FieldValue
    }

    fn visit_item_mod(&mut self, node: &'ast syn::ItemMod) {
        if !self.outside_tests(&node.attrs, node) {
            return;
        }
        self.exported += usize::from(matches!(node.vis, Visibility::Public(_)));
        let name = node.ident.to_string();
        match &node.content {
            None => self.declared.push((name, value_of_path(&node.attrs))),
            Some((_, items)) => {
                let mut inner = Self::default();
                items.iter().for_each(|item| inner.visit_item(item));
                self.test_lines.append(&mut inner.test_lines);
                self.inline.push((name, inner));
            }
        }
    }

    fn visit_item_use(&mut self, node: &'ast syn::ItemUse) {
        if self.outside_tests(&node.attrs, node) {
            let known = self.references.len();
            self.import(&node.tree, Vec::new(), !matches!(node.vis, Visibility::Inherited));
            if matches!(node.vis, Visibility::Public(_)) {
                self.exported += self.references.len() - known;
            }
        }
    }

    fn visit_path(&mut self, node: &'ast syn::Path) {
        let path = node.segments.iter().map(|segment| segment.ident.to_string()).collect();
        self.refer(path, node.span().start().line);
        visit::visit_path(self, node);
    }

    // `pub(super)` imports nothing.
    fn visit_visibility(&mut self, _: &'ast Visibility) {}

    // The arguments of macros and attributes.
    fn visit_token_stream(&mut self, tokens: &'ast TokenStream) {
        self.scan(tokens.clone());
    }
}
