//! What codex-proxyd's own log must say: one line for each request's answer, one for each turn's end, and each entry of the
//! request log closed once.
//!
//! Pure, over lines of text. A client that hung up may have done so before the proxy read its request, so of that there is one
//! line or none.

use std::collections::HashMap;

use super::tally::Outcome;

/// How the lines of the log begin that are counted.
const ENTRY_BEGUN: &str = ": put down ";
const ENTRY_CLOSED: &str = ": closed ";
const ANSWERED: &str = ": answered ";
const GONE: &str = ": client went away before the answer ";
const TURN_ENDED: [&str; 3] = [": turn done ", ": turn failed ", ": client went away; turn interrupted "];

/// What the log says of one request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Request {
    /// The statuses that it was answered with.
    answered: Vec<u16>,
    /// How often its client went away before the answer.
    gone: u32,
    /// How often its turn, or turns, ended.
    ended: u32,
}

/// The log, as far as it has been read.
#[derive(Debug, Default)]
pub(super) struct Log {
    requests: HashMap<String, Request>,
    /// How often each entry was begun, and how often closed.
    pub(super) entries: HashMap<String, (u32, u32)>,
    /// Lines that must never come.
    bad: Vec<String>,
}

impl Log {
    /// Reads a line.
    pub(super) fn read(&mut self, line: &str) {
        if line.contains(" ERROR ") || line.contains("panicked") {
            self.bad.push(format!("the log says: {line}"));
        }
        if let Some(entry) = between(line, " entry=\"", '"') {
            let (begun, closed) = self.entries.entry(entry.to_owned()).or_default();
            *begun += u32::from(line.contains(ENTRY_BEGUN));
            *closed += u32::from(line.contains(ENTRY_CLOSED));
        }
        let Some(id) = between(line, "request{id=\"", '"') else { return };
        let request = self.requests.entry(id.to_owned()).or_default();
        if line.contains(ANSWERED) {
            request
                .answered
                .extend(between(line, " status=", ' ').and_then(|status| status.parse::<u16>().ok()));
        }
        request.gone += u32::from(line.contains(GONE));
        request.ended += u32::from(TURN_ENDED.iter().any(|words| line.contains(words)));
    }

    /// What is wrong with it, where this is what the clients saw.
    pub(super) fn check(&self, outcomes: &HashMap<String, Outcome>) -> Vec<String> {
        let mut wrong = self.bad.clone();
        for (entry, (begun, closed)) in &self.entries {
            if (*begun, *closed) != (1, 1) {
                wrong.push(format!("entry {entry} was put down {begun} × and closed {closed} ×"));
            }
        }
        let nothing = Request::default();
        for (id, outcome) in outcomes {
            let Request { answered, gone, ended } = self.requests.get(id).unwrap_or(&nothing);
            let fits = match outcome {
                Some(status) => answered == &[*status] && *gone == 0,
                None => answered.len() as u32 + gone <= 1,
            };
            if !fits {
                wrong
                    .push(format!("{id} was {outcome:?}; the log says answered {answered:?}, gone {gone} ×"));
            }
            // An answer of 200 had turns, which have ended: each exchange has one line for that.
            if *ended > 1 || (answered == &[200] && *ended != 1) {
                wrong.push(format!("{id}: the log has {ended} ends of it, {outcome:?}"));
            }
        }
        for id in self.requests.keys().filter(|id| id.starts_with("soak-") && !outcomes.contains_key(*id)) {
            wrong.push(format!("the log has {id}, which no client has sent"));
        }
        wrong.sort_unstable();
        wrong
    }
}

/// The part of a line between two others.
fn between<'a>(line: &'a str, before: &str, end: char) -> Option<&'a str> {
    line.split_once(before)?.1.split(end).next()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANSWER: &str = r#"T  INFO request{id="soak-1"}: proxy::server::request_id: answered method=POST path="/v1/x" status=200 ms=1"#;
    const DONE: &str =
        r#"T  INFO request{id="soak-1"}: proxy::exchange::record: turn done model="m" deltas=1"#;
    const BEGUN: &str = r#"T DEBUG request{id="soak-1"}: proxy::journal::entry: put down entry="e1""#;
    const CLOSED: &str = r#"T DEBUG proxy::journal::entry: closed entry="e1" what="Done""#;

    fn wrong(lines: &[&str], outcome: Outcome) -> Vec<String> {
        let mut log = Log::default();
        lines.iter().for_each(|line| log.read(line));
        log.check(&HashMap::from([("soak-1".to_owned(), outcome)]))
    }

    #[test]
    fn a_request_with_all_its_lines_is_right() {
        assert!(wrong(&[BEGUN, DONE, CLOSED, ANSWER], Some(200)).is_empty());
        assert!(wrong(&[], None).is_empty());
    }

    #[test]
    fn what_is_missing_or_said_twice_is_noticed() {
        for lines in [
            &[BEGUN, DONE, ANSWER][..],
            &[BEGUN, DONE, CLOSED],
            &[BEGUN, CLOSED, ANSWER],
            &[BEGUN, DONE, CLOSED, CLOSED, ANSWER],
            &[BEGUN, DONE, DONE, CLOSED, ANSWER],
            &[BEGUN, DONE, CLOSED, ANSWER, ANSWER],
        ] {
            assert_eq!(wrong(lines, Some(200)).len(), 1, "{lines:?}");
        }
        assert_eq!(wrong(&[DONE, ANSWER], Some(503)).len(), 1);
        assert_eq!(wrong(&["T ERROR proxy: it broke"], None), ["the log says: T ERROR proxy: it broke"]);
    }

    #[test]
    fn a_request_that_no_client_has_sent_is_noticed() {
        let mut log = Log::default();
        log.read(&ANSWER.replace("soak-1", "soak-2"));
        assert_eq!(log.check(&HashMap::new()).len(), 1);
    }
}
