//! What codex-proxyd's own log must say: one line for each request's answer, one for each turn's end, and each entry of the
//! request log closed once.
//!
//! Pure, over lines of text. A client that hung up may have done so before anybody read what it asked, so of its request there
//! is one line or none.

use std::collections::HashMap;

use super::tally::Fate;

/// What the log says of one request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Said {
    /// The statuses that it was answered with.
    answered: Vec<u16>,
    /// How often its client is said to have gone before the answer.
    gone: u32,
    /// How often its turn, or turns, are said to have ended.
    ended: u32,
}

/// The log, as far as it has been read.
#[derive(Debug, Default)]
pub(super) struct Log {
    requests: HashMap<String, Said>,
    /// How often each entry was put down, and how often closed.
    entries: HashMap<String, (u32, u32)>,
    /// Lines that never are to come.
    bad: Vec<String>,
}

impl Log {
    /// Reads a line.
    pub(super) fn line(&mut self, line: &str) {
        if line.contains(" ERROR ") || line.contains("panicked") {
            self.bad.push(format!("the log says: {line}"));
        }
        if let Some(entry) = field(line, "entry") {
            let (begun, closed) = self.entries.entry(entry.to_owned()).or_default();
            *begun += u32::from(line.contains(": put down "));
            *closed += u32::from(line.contains(": closed "));
        }
        let Some(id) = line.split_once("request{").and_then(|(_, rest)| field(rest, "id")) else { return };
        let said = self.requests.entry(id.to_owned()).or_default();
        if line.contains(": answered ") {
            said.answered.extend(field(line, "status").and_then(|status| status.parse::<u16>().ok()));
        } else if line.contains(": client went away before the answer ") {
            said.gone += 1;
        } else if [": turn done ", ": turn failed ", ": client went away; turn interrupted "]
            .iter()
            .any(|words| line.contains(words))
        {
            said.ended += 1;
        }
    }

    /// Entries that were put down.
    pub(super) fn entries(&self) -> usize {
        self.entries.len()
    }

    /// What is wrong with it, where this is what the clients saw.
    pub(super) fn wrong(&self, fates: &HashMap<String, Fate>) -> Vec<String> {
        let mut wrong = self.bad.clone();
        for (entry, counts) in &self.entries {
            if *counts != (1, 1) {
                let (begun, closed) = counts;
                wrong.push(format!("entry {entry} was put down {begun} × and closed {closed} ×"));
            }
        }
        let nothing = Said::default();
        for (id, fate) in fates {
            let Said { answered, gone, ended } = self.requests.get(id).unwrap_or(&nothing);
            let told = match fate {
                Fate::Answered(status) => answered == &[*status] && *gone == 0,
                Fate::GivenUp => answered.len() as u32 + gone <= 1,
            };
            if !told {
                wrong.push(format!("{id} was {fate:?}; the log says answered {answered:?}, gone {gone} ×"));
            }
            // An answer of 200 had turns, which have ended: each exchange has one line for that.
            let whole = answered == &[200];
            if *ended > 1 || (whole && *ended != 1) {
                wrong.push(format!("{id}: the log tells of {ended} ends of it, {fate:?}"));
            }
        }
        for id in self.requests.keys().filter(|id| id.starts_with("soak-") && !fates.contains_key(*id)) {
            wrong.push(format!("the log tells of {id}, which nobody has asked"));
        }
        wrong.sort_unstable();
        wrong
    }
}

/// The value of a field of a log line, without its quotes.
fn field<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    let mut rest = line;
    loop {
        let (before, after) = rest.split_once(name)?;
        let begins = before.is_empty() || before.ends_with([' ', '{']);
        match after.strip_prefix('=') {
            Some(value) if begins => {
                return match value.strip_prefix('"') {
                    Some(quoted) => quoted.split('"').next(),
                    None => value.split([' ', '}']).next(),
                };
            }
            _ => rest = after,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANSWERED: &str = r#"T  INFO request{id="soak-1"}: proxy::server::request_id: answered method=POST path="/v1/x" status=200 ms=1"#;
    const DONE: &str =
        r#"T  INFO request{id="soak-1"}: proxy::exchange::record: turn done model="m" deltas=1"#;
    const BEGUN: &str = r#"T DEBUG request{id="soak-1"}: proxy::journal::entry: put down entry="e1""#;
    const CLOSED: &str = r#"T DEBUG proxy::journal::entry: closed entry="e1" what="Done""#;

    fn wrong(lines: &[&str], fate: Fate) -> Vec<String> {
        let mut log = Log::default();
        lines.iter().for_each(|line| log.line(line));
        log.wrong(&HashMap::from([("soak-1".to_owned(), fate)]))
    }

    #[test]
    fn a_request_with_all_its_lines_is_right() {
        assert!(wrong(&[BEGUN, DONE, CLOSED, ANSWERED], Fate::Answered(200)).is_empty());
        assert!(wrong(&[], Fate::GivenUp).is_empty());
    }

    #[test]
    fn what_is_missing_or_said_twice_is_noticed() {
        for lines in [
            &[BEGUN, DONE, ANSWERED][..],
            &[BEGUN, DONE, CLOSED],
            &[BEGUN, CLOSED, ANSWERED],
            &[BEGUN, DONE, CLOSED, CLOSED, ANSWERED],
            &[BEGUN, DONE, DONE, CLOSED, ANSWERED],
            &[BEGUN, DONE, CLOSED, ANSWERED, ANSWERED],
        ] {
            assert_eq!(wrong(lines, Fate::Answered(200)).len(), 1, "{lines:?}");
        }
        assert_eq!(wrong(&[DONE, ANSWERED], Fate::Answered(503)).len(), 1);
        assert_eq!(
            wrong(&["T ERROR proxy: it broke"], Fate::GivenUp),
            ["the log says: T ERROR proxy: it broke"]
        );
    }

    #[test]
    fn a_request_of_nobody_is_noticed() {
        let mut log = Log::default();
        log.line(&ANSWERED.replace("soak-1", "soak-2"));
        assert_eq!(log.wrong(&HashMap::new()).len(), 1);
    }
}
