//! What codex does while it works, in the words of the request log and of the reasoning's lines.

use codex_client::ItemEvent;

/// The longest line, in characters.
const LONGEST_LINE: usize = 200;

/// What the request log says of something that codex did: what in a few words, more about it, and whether it went wrong.
pub(crate) fn told(item: &ItemEvent) -> (&'static str, Option<String>, bool) {
    match item {
        ItemEvent::Command { command, ended: false, .. } => {
            ("Started a command", Some(one_line(command)), false)
        }
        ItemEvent::Command { command, declined: true, .. } => {
            ("A command was declined", Some(one_line(command)), true)
        }
        ItemEvent::Command { command, exit_code, duration_ms, .. } => {
            let outcome = outcome(*exit_code, *duration_ms);
            ("Ran a command", Some(format!("{}: {outcome}", one_line(command))), *exit_code != Some(0))
        }
        ItemEvent::FileChange { paths, done: true } => ("Changed files", Some(paths.join(", ")), false),
        ItemEvent::FileChange { paths, done: false } => {
            ("Files were not changed", Some(paths.join(", ")), true)
        }
        // What was searched for is close to the prompt, which is not kept here.
        ItemEvent::WebSearch { .. } => ("Searched the web", None, false),
        ItemEvent::McpCall { server, tool, failed } => {
            let what = if *failed { "An MCP tool failed" } else { "Called an MCP tool" };
            (what, Some(format!("{server}: {tool}")), *failed)
        }
        ItemEvent::McpMissing { server } => {
            ("An MCP server did not start, so its tools are missing", Some(server.clone()), true)
        }
        ItemEvent::Declined { what } => {
            ("Asked for consent and was declined", Some((*what).to_owned()), true)
        }
    }
}

/// What the reasoning says of it, as a person reads it.
pub(crate) fn line(item: &ItemEvent) -> String {
    let line = match item {
        ItemEvent::Command { command, ended: false, .. } => format!("Running `{}`", one_line(command)),
        ItemEvent::Command { command, declined: true, .. } => {
            format!("Not allowed to run `{}`", one_line(command))
        }
        ItemEvent::Command { command, exit_code, duration_ms, .. } => {
            format!("`{}` ended: {}", one_line(command), outcome(*exit_code, *duration_ms))
        }
        ItemEvent::FileChange { paths, done: true } => format!("Changed {}", paths.join(", ")),
        ItemEvent::FileChange { paths, done: false } => format!("Could not change {}", paths.join(", ")),
        ItemEvent::WebSearch { query } => format!("Searched the web for \"{}\"", one_line(query)),
        ItemEvent::McpCall { server, tool, failed: false } => format!("Called {tool} of {server}"),
        ItemEvent::McpCall { server, tool, failed: true } => {
            format!("Called {tool} of {server}, which failed")
        }
        ItemEvent::McpMissing { server } => format!("The tools of {server} are missing: it did not start"),
        ItemEvent::Declined { what } => format!("Asked for consent to {what}, and was declined"),
    };
    one_line(&line)
}

/// How a command ended.
fn outcome(exit_code: Option<i64>, duration_ms: Option<u64>) -> String {
    let code = exit_code.map_or("no exit code".to_owned(), |code| format!("exit code {code}"));
    match duration_ms {
        Some(ms) => format!("{code}, {}.{} s", ms / 1000, ms % 1000 / 100),
        None => code,
    }
}

/// A text on one line, and not longer than a line should be.
fn one_line(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    let line = words.join(" ");
    match line.char_indices().nth(LONGEST_LINE) {
        Some((at, _)) => format!("{}…", &line[..at]),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command(exit_code: Option<i64>, declined: bool) -> ItemEvent {
        ItemEvent::Command {
            command: "cargo\n test".into(),
            ended: exit_code.is_some() || declined,
            exit_code,
            duration_ms: exit_code.map(|_| 2345),
            declined,
        }
    }

    #[test]
    fn a_command_is_told_with_its_end() {
        assert_eq!(line(&command(None, false)), "Running `cargo test`");
        assert_eq!(line(&command(Some(101), false)), "`cargo test` ended: exit code 101, 2.3 s");
        assert_eq!(line(&command(None, true)), "Not allowed to run `cargo test`");
        let ended = told(&command(Some(101), false));
        assert_eq!(ended.1.as_deref(), Some("cargo test: exit code 101, 2.3 s"));
        assert!(ended.2 && !told(&command(Some(0), false)).2);
    }

    #[test]
    fn a_consent_that_was_declined_is_told_as_such() {
        let declined = ItemEvent::Declined { what: "running a command" };
        assert_eq!(line(&declined), "Asked for consent to running a command, and was declined");
        let (what, detail, _) = told(&declined);
        assert!(what.contains("declined") && detail.as_deref() == Some("running a command"));
    }

    #[test]
    fn a_change_that_was_not_made_is_not_told_as_one() {
        let change = |done| ItemEvent::FileChange { paths: vec!["a.rs".into(), "b.rs".into()], done };
        assert_eq!(line(&change(true)), "Changed a.rs, b.rs");
        assert!(told(&change(false)).2 && line(&change(false)).contains("not"));
    }

    #[test]
    fn a_search_is_told_to_the_client_and_its_words_are_not_kept() {
        let search = ItemEvent::WebSearch { query: "my secret".into() };
        assert!(line(&search).contains("my secret"));
        assert_eq!(told(&search).1, None);
    }

    #[test]
    fn a_line_is_one_line_and_short() {
        let long = ItemEvent::Command {
            command: "x\n".repeat(500),
            ended: false,
            exit_code: None,
            duration_ms: None,
            declined: false,
        };
        assert!(line(&long).chars().count() <= LONGEST_LINE + 1 && !line(&long).contains('\n'));
    }
}
