//! Two terminals that answer approvals at random, twice now and then, or not at all.
//!
//! Each command appends a line to its own file: allowed, there is one line, and otherwise no file. At the end the terminals, the
//! files and the proxy's log must agree.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use fastrand::Rng;
use futures_util::future::try_join;
use interprocess::local_socket::GenericFilePath;
use interprocess::local_socket::tokio::{Stream, prelude::*};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::time::sleep;

use super::faults::sleep_random;

/// The setting for codex-proxyd, in minutes: the least that it takes.
pub(super) const LIMIT_MINUTES: &str = "1";
/// Of more than this many, some are answered.
const MIN_ASKED: usize = 20;
const RECONNECT: Duration = Duration::from_millis(20);

/// What the terminals answered, and what was asked for.
#[derive(Debug, Default)]
pub(super) struct Approvals {
    /// By request: whether a kill of codex may have affected it.
    asked: RefCell<BTreeMap<String, bool>>,
    /// By request: the answers that counted.
    taken: RefCell<HashMap<String, Vec<String>>>,
}

/// Runs two terminals until dropped.
pub(super) async fn attend(approvals: &Approvals, data: &Path, mut rng: Rng) -> Result<()> {
    let socket = data.join("approvals").join("socket");
    let (first, second) = (rng.fork(), rng.fork());
    try_join(terminal(approvals, &socket, first), terminal(approvals, &socket, second)).await.map(drop)
}

/// A terminal that disconnects now and then.
async fn terminal(approvals: &Approvals, socket: &Path, mut rng: Rng) -> Result<()> {
    loop {
        // At the end, codex-proxyd is gone.
        let Ok(stream) = Stream::connect(socket.to_fs_name::<GenericFilePath>()?).await else {
            sleep(RECONNECT).await;
            continue;
        };
        let mut lines = BufReader::new(&stream).lines();
        // What this terminal sent, by the question's id: its request and the answer.
        let mut sent: HashMap<String, (String, String)> = HashMap::new();
        while let Some(line) = lines.next_line().await? {
            let message: Value = serde_json::from_str(&line)?;
            match message["type"].as_str() {
                Some("asked") => {
                    let (id, command) = (text(&message["id"]), text(&message["question"]["command"]));
                    let Some(answer) = random_answer(&mut rng) else { continue };
                    sleep_random(&mut rng, 0..=50).await;
                    sent.insert(id.clone(), (request_of(&command), answer.to_owned()));
                    for _ in 0..rng.u8(1..=2) {
                        let answer = json!({"id": id, "answer": {"answer": answer}});
                        (&stream).write_all(format!("{answer}\n").as_bytes()).await?;
                    }
                }
                Some("answered") if message["problem"].is_null() => {
                    let (request, answer) = sent.get(&text(&message["id"])).cloned().unwrap_or_default();
                    approvals.taken.borrow_mut().entry(request).or_default().push(answer);
                    if rng.u8(..50) == 0 {
                        break;
                    }
                }
                _ => {}
            }
        }
        sleep(RECONNECT).await;
    }
}

/// `None`: the other terminal may answer, or the time is over.
fn random_answer(rng: &mut Rng) -> Option<&'static str> {
    match rng.u8(..100) {
        0..45 => Some("allowOnce"),
        45..70 => Some("deny"),
        70..78 => Some("denyAndStop"),
        _ => None,
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// The request that a command names.
fn request_of(command: &str) -> String {
    let file = command.split(">> ").nth(1).unwrap_or_default();
    file.split(".txt").next().unwrap_or_default().to_owned()
}

impl Approvals {
    /// Records a request that asked. `is_hit` is whether a kill of codex may have affected it.
    pub(super) fn record(&self, request: &str, is_hit: bool) {
        self.asked.borrow_mut().insert(request.to_owned(), is_hit);
    }

    /// How many were asked for.
    pub(super) fn count(&self) -> usize {
        self.asked.borrow().len()
    }

    /// Compares the answers with the files in `work`, and with how the questions ended, by the proxy's log.
    pub(super) fn check(
        &self,
        work: &Path,
        ends: &HashMap<String, Vec<String>>,
        outcomes: &HashMap<String, Option<u16>>,
    ) -> Vec<String> {
        let (asked, taken) = (self.asked.borrow(), self.taken.borrow());
        let check = |(request, is_hit): (&String, &bool)| {
            let taken = taken.get(request).map_or(&[][..], Vec::as_slice);
            let ends = ends.get(request).map_or(&[][..], Vec::as_slice);
            let file = std::fs::read_to_string(work.join(format!("{request}.txt"))).unwrap_or_default();
            let ran = file.lines().count();
            let end = match taken {
                [answer] if answer == "allowOnce" => Some("allowed"),
                [answer] if answer == "deny" => Some("denied"),
                [_] => Some("denied_and_stopped"),
                _ => None,
            };
            let is_allowed = end == Some("allowed");
            // Without a kill and with an answer, it ends once, as the terminal said; and only what is allowed runs, once.
            let is_whole = !is_hit && outcomes.get(request) == Some(&Some(200));
            let fits = taken.len() <= 1
                && ends.len() <= 1
                && ends.iter().all(|logged| (logged == "allowed") == is_allowed)
                && end.is_none_or(|end| ends.iter().all(|logged| logged == end))
                && (ends.len() == 1 || !is_whole)
                && if is_allowed { ran == 1 || (ran == 0 && !is_whole) } else { ran == 0 };
            let outcome = outcomes.get(request);
            (!fits).then(|| format!("{request}: {taken:?} was answered, {ends:?} logged, it ran {ran} times; the client saw {outcome:?}"))
        };
        let strangers = taken.keys().filter(|request| !asked.contains_key(*request));
        let strangers =
            strangers.map(|request| format!("{request:?} was answered without having been asked"));
        let is_idle = asked.len() > MIN_ASKED && taken.is_empty();
        let idle = is_idle.then(|| "the terminals answered nothing".to_owned());
        asked.iter().filter_map(check).chain(strangers).chain(idle).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lost_double_and_false_answers_are_noticed() {
        let work = tempfile::tempdir().unwrap();
        let problems = |taken: &[&str], ends: &[&str], ran: usize| {
            let approvals = Approvals::default();
            approvals.asked.borrow_mut().insert("a".to_owned(), false);
            let owned = |list: &[&str]| list.iter().map(|&one| one.to_owned()).collect::<Vec<_>>();
            approvals.taken.borrow_mut().insert("a".to_owned(), owned(taken));
            std::fs::write(work.path().join("a.txt"), "a\n".repeat(ran)).unwrap();
            let ends = HashMap::from([("a".to_owned(), owned(ends))]);
            approvals.check(work.path(), &ends, &HashMap::from([("a".to_owned(), Some(200))])).len()
        };
        for (taken, ends, ran) in [
            (&["allowOnce"][..], &["allowed"][..], 1),
            (&["deny"], &["denied"], 0),
            (&["denyAndStop"], &["denied_and_stopped"], 0),
            (&[], &["expired"], 0),
        ] {
            assert_eq!(problems(taken, ends, ran), 0, "{taken:?} {ends:?} {ran}");
        }
        for (taken, ends, ran) in [
            (&["allowOnce"][..], &["allowed"][..], 0),
            (&["allowOnce"], &["allowed"], 2),
            (&["allowOnce"], &["denied"], 0),
            (&["deny"], &["denied"], 1),
            (&["deny"], &["allowed"], 1),
            (&["deny", "deny"], &["denied"], 0),
            (&["deny"], &["denied", "denied"], 0),
            (&[], &[], 0),
            (&[], &["allowed"], 1),
        ] {
            assert_eq!(problems(taken, ends, ran), 1, "{taken:?} {ends:?} {ran}");
        }
    }

    #[test]
    fn command_names_its_request() {
        assert_eq!(request_of("/bin/bash -lc 'echo soak-c1-2 >> soak-c1-2.txt'"), "soak-c1-2");
    }
}
