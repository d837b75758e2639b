//! Texts of the crates that both programs use name no flag, variable or command of the daemon: the app has none of them.

use std::path::Path;

use sample_model::under_test;

/// Command lines of codex and Open WebUI, and the declaration of our own.
const OTHER_PROGRAMS: [&str; 3] = ["exec_args.rs", "open_webui.rs", "settings.rs"];

/// The texts of the daemon that the app does not have.
fn daemon_only() -> Vec<String> {
    let table = proxy::settings::reference();
    let cells = table.lines().skip(2).flat_map(|line| line.split(" | ").take(2));
    let names = cells.map(|cell| cell.trim_matches(['|', ' ', '`']).to_owned());
    // The data folder is a flag of the app as well; HOST, PORT and their like are words too.
    let names = names.filter(|name| *name != "--data-dir" && (name.starts_with("--") || name.contains('_')));
    names.filter(|name| name != "DATA_DIR").chain(["codex-proxyd".to_owned()]).collect()
}

fn sources(folder: &Path, found: &mut Vec<std::path::PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        // Tests quote whatever they like, and settings are where the names are declared.
        if path.is_dir() && name != "settings" && !name.contains("test") {
            sources(&path, found);
        } else if name.ends_with(".rs") && !OTHER_PROGRAMS.contains(&name.as_str()) && !name.contains("test")
        {
            found.push(path);
        }
    }
}

#[test]
fn shared_messages_name_no_flag_or_variable_of_the_daemon() {
    let crates = under_test::absolute(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut files = Vec::new();
    for name in ["codex-client", "proxy", "desktop"] {
        sources(&crates.join(name).join("src"), &mut files);
    }
    assert!(files.len() > 50);
    let mut wrong = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
        let lines =
            text.lines().filter(|line| !line.trim_start().starts_with("//") && !line.contains("program: \""));
        for literal in lines.flat_map(|line| line.split('"').skip(1).step_by(2)) {
            // A literal that is the name itself is read, not shown.
            let is_named = |name: &String| literal.contains(name.as_str()) && literal != name;
            if daemon_only().iter().any(is_named) {
                wrong.push(format!("{}: {literal}", file.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
