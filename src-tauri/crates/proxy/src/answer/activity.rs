//! Describes codex's actions for the request log and for the reasoning.

use codex_client::{ItemEvent, WebSearchAction, WebSearchCall};

const MAX_LINE_CHARS: usize = 200;

/// Returns a title, optional detail, and whether the action failed, for the request log.
pub(crate) fn describe(item: &ItemEvent) -> (&'static str, Option<String>, bool) {
    match item {
        ItemEvent::Command { command, ended: false, .. } => {
            ("Started a command", Some(one_line(command)), false)
        }
        ItemEvent::Command { command, declined: true, .. } => {
            ("Command declined", Some(one_line(command)), true)
        }
        ItemEvent::Command { command, exit_code, duration_ms, .. } => {
            let outcome = outcome(*exit_code, *duration_ms);
            ("Ran a command", Some(format!("{}: {outcome}", one_line(command))), *exit_code != Some(0))
        }
        ItemEvent::FileChange { paths, done: true } => ("Changed files", Some(paths.join(", ")), false),
        ItemEvent::FileChange { paths, done: false } => ("File changes failed", Some(paths.join(", ")), true),
        // The query is close to the prompt, which is not stored here.
        ItemEvent::WebSearch(_) => ("Searched the web", None, false),
        ItemEvent::McpCall { server, tool, failed } => {
            let what = if *failed { "MCP tool failed" } else { "Called an MCP tool" };
            (what, Some(format!("{server}: {tool}")), *failed)
        }
        ItemEvent::McpMissing { server } => {
            ("MCP server failed to start; its tools are missing", Some(server.clone()), true)
        }
        ItemEvent::Declined { what } => ("Approval request declined", Some((*what).to_owned()), true),
    }
}

/// Describes the action as a line of reasoning.
pub(crate) fn reasoning_line(item: &ItemEvent) -> String {
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
        ItemEvent::WebSearch(call) => search_line(call),
        ItemEvent::McpCall { server, tool, failed: false } => format!("Called {tool} of {server}"),
        ItemEvent::McpCall { server, tool, failed: true } => {
            format!("Called {tool} of {server}, which failed")
        }
        ItemEvent::McpMissing { server } => {
            format!("MCP server {server} failed to start; its tools are missing")
        }
        ItemEvent::Declined { what } => format!("Approval declined: {what}"),
    };
    one_line(&line)
}

fn search_line(call: &WebSearchCall) -> String {
    match &call.action {
        Some(WebSearchAction::OpenPage { url: Some(url) }) => format!("Opened {}", one_line(url)),
        Some(WebSearchAction::FindInPage { url: Some(url), pattern: Some(pattern) }) => {
            format!("Looked for \"{}\" in {}", one_line(pattern), one_line(url))
        }
        _ => format!("Searched the web for \"{}\"", one_line(&call.query)),
    }
}

fn outcome(exit_code: Option<i64>, duration_ms: Option<u64>) -> String {
    let code = exit_code.map_or("no exit code".to_owned(), |code| format!("exit code {code}"));
    match duration_ms {
        Some(ms) => format!("{code}, {}.{} s", ms / 1000, ms % 1000 / 100),
        None => code,
    }
}

/// Joins a text into one line of at most [`MAX_LINE_CHARS`].
pub(crate) fn one_line(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    let line = words.join(" ");
    match line.char_indices().nth(MAX_LINE_CHARS) {
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
    fn a_command_is_described_with_its_outcome() {
        assert_eq!(reasoning_line(&command(None, false)), "Running `cargo test`");
        assert_eq!(reasoning_line(&command(Some(101), false)), "`cargo test` ended: exit code 101, 2.3 s");
        assert_eq!(reasoning_line(&command(None, true)), "Not allowed to run `cargo test`");
        let ended = describe(&command(Some(101), false));
        assert_eq!(ended.1.as_deref(), Some("cargo test: exit code 101, 2.3 s"));
        assert!(ended.2 && !describe(&command(Some(0), false)).2);
    }

    #[test]
    fn a_declined_approval_is_described_as_declined() {
        let declined = ItemEvent::Declined { what: "running a command" };
        assert_eq!(reasoning_line(&declined), "Approval declined: running a command");
        let (what, detail, _) = describe(&declined);
        assert!(what.contains("declined") && detail.as_deref() == Some("running a command"));
    }

    #[test]
    fn a_failed_change_is_not_described_as_made() {
        let change = |done| ItemEvent::FileChange { paths: vec!["a.rs".into(), "b.rs".into()], done };
        assert_eq!(reasoning_line(&change(true)), "Changed a.rs, b.rs");
        assert!(describe(&change(false)).2 && reasoning_line(&change(false)).contains("not"));
    }

    #[test]
    fn a_search_query_is_sent_to_the_client_but_not_logged() {
        let search = |action| {
            ItemEvent::WebSearch(WebSearchCall {
                query: "my secret".into(),
                action,
                ..WebSearchCall::default()
            })
        };
        assert!(reasoning_line(&search(None)).contains("my secret"));
        assert_eq!(describe(&search(None)).1, None);
        let url = || Some("https://a.org".to_owned());
        let opened = search(Some(WebSearchAction::OpenPage { url: url() }));
        assert_eq!(reasoning_line(&opened), "Opened https://a.org");
        let found = WebSearchAction::FindInPage { url: url(), pattern: Some("p".into()) };
        assert_eq!(reasoning_line(&search(Some(found))), "Looked for \"p\" in https://a.org");
    }

    #[test]
    fn a_description_is_one_short_line() {
        let long = ItemEvent::Command {
            command: "x\n".repeat(500),
            ended: false,
            exit_code: None,
            duration_ms: None,
            declined: false,
        };
        assert!(
            reasoning_line(&long).chars().count() <= MAX_LINE_CHARS + 1
                && !reasoning_line(&long).contains('\n')
        );
    }
}
