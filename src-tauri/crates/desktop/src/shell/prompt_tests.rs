//! Runs command lines in the real cmd.exe.

use std::io::{Seek as _, Write as _};
use std::os::windows::process::CommandExt as _;
use std::process::{Command, Stdio};

use super::*;

/// Where the started test program writes its arguments.
const RECORD_TO: &str = "RECORD_ARGUMENTS_TO";

/// The test whose program the command lines run.
const RECORDER: &str = "shell::prompt_tests::records_its_arguments_where_a_test_below_starts_it";

#[test]
fn records_its_arguments_where_a_test_below_starts_it() {
    if let Some(file) = std::env::var_os(RECORD_TO) {
        let args: Vec<String> = std::env::args().skip_while(|arg| arg != "--").skip(1).collect();
        std::fs::write(file, serde_json::to_string(&args).unwrap()).unwrap();
    }
}

/// The start of a command line that records its further arguments.
pub(crate) fn recorder() -> String {
    format!("\"{}\" --exact {RECORDER} --", std::env::current_exe().unwrap().display())
}

/// What the recorder in these lines gets when they are pasted into a prompt.
pub(crate) fn pasted(lines: &str) -> Vec<String> {
    run(|prompt| paste(prompt, lines))
}

/// From a file, since Wine's prompt reads one line of a pipe and loses the rest.
fn paste(prompt: &mut Command, lines: &str) {
    let mut file = tempfile::tempfile().unwrap();
    write!(file, "{}\r\nexit\r\n", lines.replace('\n', "\r\n")).unwrap();
    file.rewind().unwrap();
    assert!(prompt.args(["/d", "/q"]).stdin(file).status().unwrap().success());
}

/// What it gets from one line, in which other characters than those of ASCII arrive too.
fn entered(line: &str) -> Vec<String> {
    run(|prompt| {
        assert!(prompt.raw_arg(format!("/d /s /c \"{line}\"")).status().unwrap().success());
    })
}

fn run(start: impl FnOnce(&mut Command)) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("arguments.json");
    start(prompt().env(RECORD_TO, &file));
    serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap()
}

fn prompt() -> Command {
    let mut prompt = Command::new("cmd.exe");
    prompt.env("KNOWN", "a variable's value").stdout(Stdio::null());
    prompt
}

#[test]
fn the_command_prompt_passes_quoted_words_on() {
    let words = [
        "plain",
        "two words",
        "",
        "100% of %KNOWN% and %PATH%",
        r#"it's "so" & <there> | (x) ^ !y! %KNOWN%"#,
        r"C:\Program Files\",
        r#"a\"b \\"#,
        "Authorization: Bearer sk-cp-0123456789abcd",
        "Grüße, 你好",
        "--option=a.b:c",
    ];
    for word in words {
        assert_eq!(entered(&format!("{} {}", recorder(), cmd(word))), [word], "{}", cmd(word));
    }
}

#[test]
fn the_command_prompt_passes_quoted_json_on() {
    for json in tests::mean_json() {
        for args in [pasted, entered].map(|by| by(&format!("{} -d {}", recorder(), cmd_json(&json)))) {
            assert_eq!((args.len(), args[0].as_str()), (2, "-d"), "{json}");
            let parsed: serde_json::Value = serde_json::from_str(&args[1]).unwrap();
            assert_eq!(parsed, serde_json::from_str::<serde_json::Value>(&json).unwrap());
        }
    }
}

#[test]
fn the_command_prompt_sets_variables_to_any_value() {
    let folder = tempfile::tempdir().unwrap();
    for value in ["sk-cp-0123", "two words ", "50% & %KNOWN%", r#"a "b" <c> ^"#] {
        let lines = format!("{}\nset NEW_ONE> values.txt", cmd_set("NEW_ONE", value));
        paste(prompt().current_dir(folder.path()), &lines);
        let values = std::fs::read_to_string(folder.path().join("values.txt")).unwrap();
        assert_eq!(values, format!("NEW_ONE={value}\r\n"));
    }
}
