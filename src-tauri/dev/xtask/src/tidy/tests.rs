use std::fs;

use super::*;

/// The findings for a workspace of one crate with these files.
fn found(crate_name: &str, files: &[(&str, &str)]) -> String {
    let root = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let file = root.path().join("src-tauri/crates").join(crate_name).join("src").join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    }
    findings(root.path()).unwrap().join("\n")
}

/// Whether `a.rs` with this text forms a cycle with a `b` that imports `a`.
fn creates_a_cycle(a: &str) -> bool {
    let root = ("lib.rs", "mod a; mod b; mod c; pub use c::Reached;");
    let c = ("c.rs", "pub(crate) use crate::b::B as Reached;");
    let found = found("new", &[root, ("a.rs", a), ("b.rs", "struct B(super::a::A);"), c]);
    assert!(found.is_empty() || (found.contains("a.rs") && found.contains("b.rs")), "{found}");
    !found.is_empty()
}

#[test]
fn an_import_cycle_is_reported_with_its_lines() {
    let a = "//! A.\n\nuse crate::b::B;\n";
    let found = found("new", &[("lib.rs", "mod a; mod b;"), ("a.rs", a), ("b.rs", "use crate::a::A;")]);
    let source = "src-tauri/crates/new/src";
    assert!(found.contains(&format!("import cycle of 2 files: {source}/a.rs, {source}/b.rs")), "{found}");
    assert!(found.contains(&format!("{source}/a.rs:3 imports\n    {source}/b.rs:1 imports")), "{found}");
}

#[test]
fn every_way_to_write_a_path_is_an_import() {
    for text in [
        "use crate::b::B;",
        "use super::b::{self, B};",
        "use crate::{c::{}, b as other};",
        "use crate::b::*;",
        "fn f() { crate::b::f::<u8>(); }",
        "fn f(b: &super::b::B) {}",
        "fn f() { matches!(1, crate::b::LIMIT) }",
        "fn f() { println!(\"{}\", [g(super::b::B)]); }",
        "macro_rules! m { () => { $crate::b::f() } }",
        "struct A { #[serde(with = \"crate::b\")] field: u8 }",
        "mod inner { use super::super::b::B; }",
    ] {
        assert!(creates_a_cycle(text), "{text}");
    }
}

#[test]
fn only_codex_client_starts_processes() {
    for text in [
        "use std::process::{Command, Stdio};",
        "fn f() { tokio::process::Command::new(\"git\"); }",
        "mod inner { fn f() { let _ = std::process::Command::new(\"git\"); } }",
    ] {
        let reported =
            |name, file| found(name, &[("lib.rs", "mod process;"), (file, text)]).contains("show a console");
        assert!(reported("new", "process.rs") && !reported("codex-client", "process.rs"), "{text}");
        let test = format!("#[cfg(test)] mod t {{ {text} }}");
        assert!(!found("new", &[("lib.rs", test.as_str())]).contains("console"), "{text}");
    }
    for text in ["use std::process::ExitCode;", "fn f() { clap::Command::new(\"x\"); }"] {
        assert_eq!(found("new", &[("lib.rs", text)]), "", "{text}");
    }
}

#[test]
fn re_exports_are_followed_to_the_defining_file() {
    assert!(creates_a_cycle("use crate::Reached;"));
    assert!(creates_a_cycle("use crate::c::Reached;"));
}

#[test]
fn test_only_code_imports_nothing() {
    for text in [
        "#[cfg(test)] mod tests { use crate::b::B; }",
        "#[cfg(all(test, unix))] use crate::b::B;",
        "struct A; impl A { #[cfg(test)] fn f(b: crate::b::B) {} }",
        "fn f() { #[cfg(test)] let b = crate::b::B; }",
        "// crate::b::B\n/// [`crate::b::B`]\nfn f() {}",
        "pub(in crate::b) fn f() {}",
        "use other::b::B;",
    ] {
        assert!(!creates_a_cycle(text), "{text}");
    }
}

#[test]
fn a_child_may_use_a_parent_that_re_exports_it() {
    let parent =
        ("a.rs", "mod inner; pub(crate) use inner::Inner; pub(super) use self::inner::Other; pub struct A;");
    let found = found("new", &[("lib.rs", "mod a;"), parent, ("a/inner.rs", "use super::A;")]);
    assert_eq!(found, "");
}

#[test]
fn only_imports_from_lower_layers_pass() {
    let root = ("lib.rs", "mod error; mod turn; struct Root;");
    let turn = ("turn.rs", "use crate::error::E;");
    assert_eq!(found("codex-client", &[root, turn, ("error.rs", "")]), "");
    let upward = found("codex-client", &[root, ("turn.rs", ""), ("error.rs", "\nuse crate::turn::T;")]);
    assert!(upward.contains("error.rs:2: `error` imports") && upward.contains("turn.rs"), "{upward}");
    let same_layer = ("lib.rs", "mod account; mod item;");
    let sideways =
        found("codex-client", &[same_layer, ("item.rs", ""), ("account.rs", "use crate::item::I;")]);
    assert!(sideways.contains("`account` imports"), "{sideways}");
    let to_root = found("codex-client", &[root, ("turn.rs", ""), ("error.rs", "use crate::Root;")]);
    assert!(to_root.contains("error.rs:1: `error` imports"), "{to_root}");
}

#[test]
fn a_module_without_a_layer_fails_and_names_the_file_to_add_it_to() {
    let found = found("codex-client", &[("lib.rs", "mod unheard_of;"), ("unheard_of.rs", "")]);
    assert!(found.contains("`unheard_of`") && found.contains("tidy/layers.rs"), "{found}");
}

#[test]
fn a_file_over_the_limit_fails() {
    let lines = |number| "//\n".repeat(number);
    assert_eq!(found("new", &[("lib.rs", &lines(MAX_LINES))]), "");
    assert!(found("new", &[("lib.rs", &lines(MAX_LINES + 1))]).contains("lib.rs: 501 lines"));
}

#[test]
fn blank_lines_comments_and_tests_are_not_counted() {
    let root = tempfile::tempdir().unwrap();
    let file = root.path().join("lib.rs");
    let tests = "#[cfg(test)]\nmod tests {\n    fn f() {}\n}\n#[cfg(test)]\nmod more_tests;\n";
    fs::write(&file, format!("//! About.\n\nfn f() {{\n    // Why.\n    g(\"\n\");\n}}\n{tests}")).unwrap();
    assert_eq!(count::lines(&Modules::read(&file).unwrap()).unwrap(), 4);
}

#[test]
fn differing_bindings_are_named() {
    let (written, committed) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let write = |folder: &Path, name, text| fs::write(folder.join(name), text).unwrap();
    for folder in [written.path(), committed.path()] {
        write(folder, "Same.ts", "same");
    }
    assert!(bindings::check_same(written.path(), committed.path()).is_ok());
    write(written.path(), "New.ts", "");
    write(committed.path(), "Old.ts", "");
    write(committed.path(), "Same.ts", "changed");
    let error = bindings::check_same(written.path(), committed.path()).unwrap_err().to_string();
    assert!(error.contains(r#"["New.ts", "Old.ts", "Same.ts"]"#), "{error}");
}
