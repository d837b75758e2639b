//! Turns the lines of `codex exec --json` into events: a small state machine without IO.
//!
//! The text of an answer arrives as one block per message. Observed in 0.44 and 0.60; 0.169 does the same.

use serde::Deserialize;
use serde_json::Value;

use crate::error::{CodexError, TurnFailure};
use crate::event::{TurnEnd, TurnEvent, Usage};
use crate::notification::{ThreadItem, TurnError, failure, incomplete};
use crate::turn::TurnReader;

/// Reads the lines of one process.
#[derive(Debug, Default)]
pub(crate) struct ExecReader {
    /// The session's id, once codex has reported it.
    pub(crate) session: Option<String>,
    /// Whether a line used the protocol before 0.44.
    unknown_protocol: bool,
    /// Reads the items, which are the same as the app-server's.
    pub(crate) turn: TurnReader,
    /// The last error; fatal only if the turn does not complete.
    error: Option<String>,
}

#[derive(Deserialize)]
struct Line {
    #[serde(rename = "type")]
    kind: String,
    thread_id: Option<String>,
    item: Option<ThreadItem>,
    usage: Option<Usage>,
    message: Option<String>,
    #[serde(default)]
    error: Value,
}

impl ExecReader {
    /// Turns one line into events, in order. A line outside the protocol is skipped.
    pub(crate) fn read(&mut self, line: &[u8], send: &mut dyn FnMut(TurnEvent)) {
        let Ok(line) = serde_json::from_slice::<Line>(line) else {
            self.unknown_protocol |= line.starts_with(b"{");
            return;
        };
        match (line.kind.as_str(), line.item) {
            ("thread.started", _) => self.session = line.thread_id,
            ("item.started", Some(item)) => self.turn.item(item, false, send),
            ("item.completed", Some(item)) => self.turn.item(item, true, send),
            ("error", _) => {
                let message = line.message.unwrap_or_default();
                if let Some(incomplete) = incomplete(&message) {
                    let end = TurnEnd { incomplete: Some(incomplete), ..TurnEnd::default() };
                    send(TurnEvent::Ended(Ok(end)));
                // "stream error: …; retrying 1/5 in 197ms…", and later "Reconnecting... 1/5".
                } else if message.contains("retrying ") || message.starts_with("Reconnecting") {
                    self.turn.retry(classify(message), send);
                } else {
                    self.error = Some(message);
                }
            }
            ("turn.completed", _) => {
                send(TurnEvent::Ended(Ok(TurnEnd { usage: line.usage, ..TurnEnd::default() })));
            }
            ("turn.failed", _) => {
                let message = line.error["message"].as_str().map(str::to_owned).or_else(|| self.error.take());
                send(TurnEvent::Ended(Err(CodexError::Turn(classify(message.unwrap_or_default())))));
            }
            _ => {}
        }
    }

    /// The error of a turn whose process exited without ending it. `stderr` is the last line the process wrote there.
    pub(crate) fn early_end_error(&mut self, stderr: Option<String>, version: &str) -> CodexError {
        match (self.error.take(), &self.session, stderr) {
            (Some(message), ..) => CodexError::Turn(classify(message)),
            (None, None, _) if self.unknown_protocol => CodexError::Unsupported {
                version: version.to_owned(),
                missing: "report its turns to another program",
            },
            (None, None, Some(message)) => CodexError::Refused { method: "exec", message },
            _ => CodexError::Disconnected,
        }
    }
}

/// Classifies a failure by its message, which is all that codex reports.
fn classify(message: String) -> TurnFailure {
    let has = |phrase: &str| message.contains(phrase);
    let info = if has("context window") {
        "contextWindowExceeded"
    } else if has("usage limit") {
        "usageLimitExceeded"
    } else if has("at capacity") || has("overloaded") {
        "serverOverloaded"
    } else {
        ""
    };
    let error = TurnError { message, codex_error_info: info.into(), additional_details: None };
    failure(Some(error), None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::FailureKind;
    use crate::event::{Incomplete, ItemEvent};

    fn read(lines: &[&str]) -> (ExecReader, Vec<TurnEvent>) {
        let mut reader = ExecReader::default();
        let mut events = Vec::new();
        for line in lines {
            reader.read(line.as_bytes(), &mut |event| events.push(event));
        }
        (reader, events)
    }

    #[test]
    fn answer_reasoning_and_usage_are_read() {
        let (reader, events) = read(&[
            r#"{"type":"thread.started","thread_id":"t"}"#,
            r#"{"type":"turn.started"}"#,
            "not a line of the protocol",
            r#"{"type":"item.completed","item":{"id":"0","type":"reasoning","text":"a"}}"#,
            r#"{"type":"item.completed","item":{"id":"1","type":"reasoning","text":"b"}}"#,
            r#"{"type":"item.completed","item":{"id":"2","type":"agent_message","text":"one"}}"#,
            r#"{"type":"item.completed","item":{"id":"3","type":"todo_list","items":[]}}"#,
            r#"{"type":"item.completed","item":{"id":"4","type":"agent_message","text":"two"}}"#,
            r#"{"type":"turn.completed","usage":{"input_tokens":9,"cached_input_tokens":4,"output_tokens":3}}"#,
        ]);
        assert_eq!(reader.session.as_deref(), Some("t"));
        let (mut text, mut reasoning) = (String::new(), String::new());
        for event in &events {
            match event {
                TurnEvent::Text(more) => text.push_str(more),
                TurnEvent::Reasoning(more) => reasoning.push_str(more),
                TurnEvent::Ended(Ok(end)) => {
                    assert_eq!(end.usage, Some(Usage { input: 9, cached: 4, output: 3, reasoning: 0 }));
                }
                other => panic!("{other:?}"),
            }
        }
        assert_eq!((text.as_str(), reasoning.as_str()), ("one\n\ntwo", "a\n\nb"));
    }

    #[test]
    fn command_is_reported_when_it_starts_and_when_it_ends() {
        let (_, events) = read(&[
            r#"{"type":"item.started","item":{"id":"0","type":"command_execution","command":"ls","exit_code":null,"status":"in_progress"}}"#,
            r#"{"type":"item.completed","item":{"id":"0","type":"command_execution","command":"ls","exit_code":3,"status":"failed"}}"#,
        ]);
        let codes: Vec<_> = events
            .iter()
            .filter(|event| !matches!(event, TurnEvent::Checkpoint))
            .map(|event| match event {
                TurnEvent::Item(ItemEvent::Command { ended, exit_code, .. }) => (*ended, *exit_code),
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(codes, [(false, None), (true, Some(3))]);
    }

    #[test]
    fn failures_are_classified_by_their_message() {
        for (message, kind) in [
            ("You've hit your usage limit. Upgrade to Pro or try again later.", FailureKind::UsageLimit),
            ("Codex ran out of room in the model's context window. Start anew.", FailureKind::ContextWindow),
            (
                r#"unexpected status 400 Bad Request: {\"error\":{\"message\":\"no\"}}"#,
                FailureKind::BadRequest,
            ),
            ("exceeded retry limit, last status: 429 Too Many Requests", FailureKind::RateLimit),
            ("unexpected status 401 Unauthorized: ", FailureKind::Unauthorized),
            ("Connection failed: error sending request for url (http://x/)", FailureKind::Unreachable),
            ("stream disconnected before completion: too long", FailureKind::Upstream),
        ] {
            let (_, events) =
                read(&[&format!(r#"{{"type":"turn.failed","error":{{"message":"{message}"}}}}"#)]);
            match &events[..] {
                [TurnEvent::Ended(Err(CodexError::Turn(failure)))] => {
                    assert_eq!(failure.kind, kind, "{message}");
                }
                other => panic!("{other:?}"),
            }
        }
    }

    #[test]
    fn retried_answer_replaces_the_one_that_broke_off() {
        let message = |text: &str| {
            format!(
                r#"{{"type":"item.completed","item":{{"id":"{text}","type":"agent_message","text":"{text}"}}}}"#
            )
        };
        let (first, again) = (message("one"), message("two"));
        let (_, events) = read(&[&first, r#"{"type":"error","message":"Reconnecting... 1/5"}"#, &again]);
        match &events[..] {
            [TurnEvent::Text(one), TurnEvent::Retrying(_), TurnEvent::Text(two)] => {
                assert_eq!((one.as_str(), two.as_str()), ("one", "two"));
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn answer_that_upstream_ends_early_has_the_reason() {
        let message = "Reconnecting... 1/5 (stream disconnected before completion: Incomplete response returned, reason: content_filter)";
        let (_, events) = read(&[&format!(r#"{{"type":"error","message":"{message}"}}"#)]);
        match &events[..] {
            [TurnEvent::Ended(Ok(end))] => assert_eq!(end.incomplete, Some(Incomplete::ContentFilter)),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn retry_does_not_end_the_turn_and_an_early_end_has_a_reason() {
        let retry = r#"{"type":"error","message":"Reconnecting... 1/5"}"#;
        let (mut reader, events) = read(&[retry]);
        assert!(matches!(events[..], [TurnEvent::Retrying(_)]));
        let refused = reader.early_end_error(Some("Error loading config.toml".into()), "0");
        assert!(matches!(refused, CodexError::Refused { method: "exec", .. }));
        let (mut reader, _) = read(&[r#"{"type":"error","message":"broken"}"#]);
        assert!(
            matches!(reader.early_end_error(None, "0"), CodexError::Turn(failure) if failure.message == "broken")
        );
    }

    #[test]
    fn lines_of_the_old_protocol_mean_codex_is_too_old() {
        let (mut reader, events) = read(&[r#"{"id":"0","msg":{"type":"task_started"}}"#]);
        assert!(events.is_empty());
        let too_old = reader.early_end_error(None, "0.40.0");
        assert!(matches!(too_old, CodexError::Unsupported { version, .. } if version == "0.40.0"));
    }
}
