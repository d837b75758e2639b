//! The terminal's end: prints each question, and reads its answer.

use std::collections::VecDeque;
use std::io::{BufRead as _, Write as _};
use std::time::Instant;

use futures_util::{SinkExt as _, StreamExt as _};
use proxy::approvals::{Approval, ApprovalAnswer};
use proxy::unix_now;
use tokio::sync::mpsc;
use tokio_util::codec::LinesCodecError;

use super::description::description;
use super::place::Place;
use super::prompt::{Next, Prompt};
use super::wire::{Connection, Problem, ToDaemon, ToTerminal, connection};

/// Lines typed ahead. When full, reading pauses.
const TYPED_LINES: usize = 16;

/// Shows and answers questions until the daemon or the input ends.
///
/// # Errors
/// When no daemon runs, or it has ended.
pub(super) async fn attend(place: &Place) -> Result<(), String> {
    let stream = place.connect().await.map_err(|error| {
        format!(
            "no codex-proxyd to answer for was found ({error}). Start it first; if it has another data folder, name it with --data-dir. Until then, what codex asks is denied"
        )
    })?;
    let mut terminal =
        Terminal { daemon: connection(stream), waiting: VecDeque::new(), prompt: None, answered: None };
    // First of all, the daemon says whether this terminal may answer.
    let first = terminal.daemon.next().await;
    terminal.hear(first)?;
    let mut typed = typed_lines();
    loop {
        tokio::select! {
            // The end of the daemon says more than that of the input.
            biased;
            message = terminal.daemon.next() => terminal.hear(message)?,
            line = typed.recv() => match line {
                Some(line) => terminal.line(&line).await?,
                // The end of the input; the daemon denies what waits.
                None => return Ok(()),
            },
        }
    }
}

/// The lines that are typed. A separate thread reads them, so that the program can end meanwhile.
fn typed_lines() -> mpsc::Receiver<String> {
    let (sender, lines) = mpsc::channel(TYPED_LINES);
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines() {
            let Ok(line) = line else { break };
            if sender.blocking_send(line).is_err() {
                break;
            }
        }
    });
    lines
}

struct Terminal {
    daemon: Connection,
    /// Questions after the one that is shown.
    waiting: VecDeque<Approval>,
    /// The one that is shown.
    prompt: Option<Prompt>,
    /// The answer that was sent for it.
    answered: Option<ApprovalAnswer>,
}

impl Terminal {
    fn hear(&mut self, message: Option<Result<String, LinesCodecError>>) -> Result<(), String> {
        let message = message.and_then(Result::ok).and_then(|line| serde_json::from_str(&line).ok());
        match message.ok_or("codex-proxyd has ended. What waited is denied")? {
            ToTerminal::Hello { asks } => {
                say("Waiting for questions. Ctrl+C ends this; then they are denied.\n");
                if !asks {
                    say("Codex asks only for keys that allow it: codex-proxyd runs without --ask on.\n");
                }
            }
            ToTerminal::Refused { why } => return Err(why),
            ToTerminal::Asked(approval) => {
                self.waiting.push_back(*approval);
                self.show_next();
            }
            ToTerminal::Closed { id } => {
                self.waiting.retain(|approval| approval.id != id);
                // The word for an answer of ours comes separately.
                let shown = self.prompt.take_if(|prompt| prompt.approval.id == id && self.answered.is_none());
                if let Some(prompt) = shown {
                    let is_over = prompt.approval.expires_at / 1000 <= unix_now();
                    say(if is_over {
                        "\nDenied: the time is over.\n"
                    } else {
                        "\nAnswered elsewhere, or Codex does not ask any more.\n"
                    });
                    self.show_next();
                }
            }
            ToTerminal::Answered { id, problem } => {
                let answer = self.answered.take();
                let is_shown = self.prompt.as_ref().is_some_and(|prompt| prompt.approval.id == id);
                match (problem, answer) {
                    (Some(Problem { what, still_waits: true }), _) if is_shown => {
                        // From the start, so that it is read again.
                        say(&format!("Not taken: {what}.\n"));
                        let again = self.prompt.take().map(|prompt| prompt.approval);
                        self.waiting.extend(again);
                        self.waiting.rotate_right(1);
                    }
                    (Some(Problem { what, .. }), _) => {
                        self.prompt.take_if(|_| is_shown);
                        say(&format!("Not taken: {what}.\n"));
                    }
                    (None, answer) => {
                        self.prompt.take_if(|_| is_shown);
                        say(word(answer.as_ref()));
                    }
                }
                self.show_next();
            }
        }
        Ok(())
    }

    /// Shows the next question, unless one is shown.
    fn show_next(&mut self) {
        if self.prompt.is_some() {
            return;
        }
        if let Some(approval) = self.waiting.pop_front() {
            let prompt = Prompt::new(approval, Instant::now());
            say(&description(&prompt.approval, self.waiting.len(), unix_now()));
            say(&prompt.text());
            self.prompt = Some(prompt);
        }
    }

    async fn line(&mut self, line: &str) -> Result<(), String> {
        // Without a question, or with an answer on its way, a line means nothing.
        let Some(prompt) = self.prompt.as_mut().filter(|_| self.answered.is_none()) else { return Ok(()) };
        match prompt.line(line, Instant::now()) {
            Next::Say(text) => {
                if !text.is_empty() {
                    say(&format!("{text}\n"));
                }
                say(&prompt.text());
            }
            Next::Answer(answer) => {
                let message = ToDaemon { id: prompt.approval.id.clone(), answer: answer.clone() };
                self.answered = Some(answer);
                let line = serde_json::to_string(&message).map_err(|error| error.to_string())?;
                self.daemon.send(line).await.map_err(|error| format!("codex-proxyd has ended ({error})"))?;
            }
        }
        Ok(())
    }
}

/// What an answer did.
fn word(answer: Option<&ApprovalAnswer>) -> &'static str {
    match answer {
        Some(ApprovalAnswer::AllowOnce) => "Allowed once.\n",
        Some(ApprovalAnswer::AllowFromNowOn) => {
            "Allowed from now on. `codex-proxyd approvals --rules` lists it.\n"
        }
        Some(ApprovalAnswer::Values { .. }) => "Answered.\n",
        Some(ApprovalAnswer::DenyAndStop) => "Denied, and the answer ends.\n",
        Some(ApprovalAnswer::Deny) | None => "Denied.\n",
    }
}

/// Prints at once. A closed output is no reason to end: the input decides.
fn say(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}
