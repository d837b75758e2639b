//! Checks codex-proxyd's log: one line per answered request and per finished turn, and every entry of the request log closed
//! exactly once.
//!
//! A client may disconnect before the proxy reads its request, so such a request has one line or none.

use std::collections::HashMap;

use super::client::Outcome;

/// The start of each relevant log message, and the event it stands for.
const ENTRY_EVENTS: [(&str, &str); 2] = [(": opened ", "opened"), (": closed ", "closed")];
const REQUEST_EVENTS: [(&str, &str); 5] = [
    (": answered ", "answered"),
    (": client disconnected before the response ", "gone"),
    (": turn done ", ENDED),
    (": turn failed ", ENDED),
    (": client disconnected; turn interrupted ", ENDED),
];
const ENDED: &str = "ended";

/// The events read from the log.
#[derive(Default)]
pub(super) struct Log {
    /// By request id; an answer with its status.
    requests: HashMap<String, Vec<String>>,
    pub(super) entries: HashMap<String, Vec<&'static str>>,
    /// How the questions of a request ended.
    pub(super) questions: HashMap<String, Vec<String>>,
    /// Errors and panics.
    bad_lines: Vec<String>,
}

impl Log {
    pub(super) fn read(&mut self, line: &str) {
        if line.contains(" ERROR ") || line.contains("panicked") {
            self.bad_lines.push(format!("logged: {line}"));
        }
        if let Some(entry) = between(line, " entry=\"", '"') {
            let events = ENTRY_EVENTS.into_iter().filter(|(words, _)| line.contains(words));
            self.entries.entry(entry.to_owned()).or_default().extend(events.map(|(_, event)| event));
        }
        if let (Some(id), true) = (between(line, "request{id=\"", '"'), line.contains(": codex asked ")) {
            let end = between(line, " outcome=\"", '"').unwrap_or_default();
            self.questions.entry(id.to_owned()).or_default().push(end.to_owned());
        }
        if let Some(id) = between(line, "request{id=\"", '"') {
            let events = REQUEST_EVENTS.into_iter().filter(|(words, _)| line.contains(words));
            let status = between(line, " status=", ' ').unwrap_or_default();
            let events = events.map(|(_, event)| format!("{event} {status}").trim_end().to_owned());
            self.requests.entry(id.to_owned()).or_default().extend(events);
        }
    }

    /// Compares the log with what the clients saw, and describes each problem.
    pub(super) fn check(&self, outcomes: &HashMap<String, Outcome>) -> Vec<String> {
        let mut problems = self.bad_lines.clone();
        let entries = self.entries.iter().filter(|(_, events)| **events != ["opened", "closed"]);
        problems.extend(entries.map(|(entry, events)| format!("entry {entry} was {events:?}")));
        for (id, outcome) in outcomes {
            let events = self.requests.get(id).map_or(&[][..], Vec::as_slice);
            let (ended, answers): (Vec<&String>, Vec<_>) = events.iter().partition(|event| *event == ENDED);
            let fits = match outcome {
                Some(status) => answers == [&format!("answered {status}")],
                None => answers.len() <= 1,
            };
            // A 200 ran turns, for which the exchange logs one line at the end.
            if !fits || ended.len() > 1 || (answers == ["answered 200"] && ended.is_empty()) {
                problems.push(format!("{id}: the client saw {outcome:?}, the log has {events:?}"));
            }
        }
        let unknown =
            self.requests.keys().filter(|id| id.starts_with("soak-") && !outcomes.contains_key(*id));
        problems.extend(unknown.map(|id| format!("the log has {id}, which no client sent")));
        problems.sort_unstable();
        problems
    }
}

/// The part of a line between two delimiters.
fn between<'a>(line: &'a str, before: &str, end: char) -> Option<&'a str> {
    line.split_once(before)?.1.split(end).next()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANSWER: &str = r#"T  INFO request{id="soak-1"}: proxy::server::middleware::request_id: answered method=POST path="/v1/x" status=200 ms=1"#;
    const DONE: &str =
        r#"T  INFO request{id="soak-1"}: proxy::exchange::record: turn done model="m" deltas=1"#;
    const OPENED: &str = r#"T DEBUG request{id="soak-1"}: proxy::exchange::log: opened entry="e1""#;
    const CLOSED: &str = r#"T DEBUG proxy::exchange::log: closed entry="e1" what="Done""#;

    fn problems(lines: &[&str], outcome: Outcome) -> Vec<String> {
        let mut log = Log::default();
        lines.iter().for_each(|line| log.read(line));
        log.check(&HashMap::from([("soak-1".to_owned(), outcome)]))
    }

    #[test]
    fn a_request_with_all_its_lines_passes() {
        assert!(problems(&[OPENED, DONE, CLOSED, ANSWER], Some(200)).is_empty());
        assert!(problems(&[], None).is_empty());
    }

    #[test]
    fn missing_and_duplicate_lines_are_noticed() {
        for lines in [
            &[OPENED, DONE, ANSWER][..],
            &[OPENED, DONE, CLOSED],
            &[OPENED, CLOSED, ANSWER],
            &[OPENED, DONE, CLOSED, CLOSED, ANSWER],
            &[OPENED, DONE, DONE, CLOSED, ANSWER],
            &[OPENED, DONE, CLOSED, ANSWER, ANSWER],
        ] {
            assert_eq!(problems(lines, Some(200)).len(), 1, "{lines:?}");
        }
        assert_eq!(problems(&[DONE, ANSWER], Some(503)).len(), 1);
        assert_eq!(problems(&["T ERROR proxy: it broke"], None), ["logged: T ERROR proxy: it broke"]);
    }

    #[test]
    fn a_request_that_no_client_sent_is_noticed() {
        let mut log = Log::default();
        log.read(&ANSWER.replace("soak-1", "soak-2"));
        assert_eq!(log.check(&HashMap::new()).len(), 1);
    }
}
