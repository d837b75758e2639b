//! Reviews of what answers changed, by codex.

use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

use codex_client::{ItemEvent, TurnEnd, TurnEvent, Usage};
use parking_lot::Mutex;
use proxy::ApiError;
use proxy::changes::{Changes, UndoState};
use tokio_util::sync::CancellationToken;

use super::{App, unix_now_ms};
use crate::request_log::{Finding, Review, ReviewState};
use crate::text::truncate;
use crate::view::ViewError;

/// How long a review may take.
const REVIEW_TIMEOUT: Duration = Duration::from_secs(15 * 60);

/// Limit of the diff that is sent, in bytes. codex reads the rest in the files.
const MAX_SENT_DIFF: usize = 256 * 1024;

/// Limit of what is shown of the step that codex is at, in characters.
const MAX_STEP: usize = 200;

/// The running reviews by request.
pub(super) type Reviews = Mutex<HashMap<String, CancellationToken>>;

/// How a review ended.
enum Outcome {
    Reviewed(String, Option<Usage>),
    Failed(String),
    Cancelled,
}

impl App {
    /// Has codex review what a request changed. Returns at once; the request's details show the progress.
    ///
    /// # Errors
    /// If there is nothing to review, a review runs already, or the proxy is stopped.
    pub async fn review_changes(&self, id: &str) -> Result<(), ViewError> {
        let changes = self.exchange_detail(id).await?.changes;
        let changes = changes.filter(|changes| !changes.files.is_empty());
        let Some(changes) = changes else {
            return Err(ViewError::new("The changes of this answer are no longer there."));
        };
        if changes.undo == UndoState::Undone {
            return Err(ViewError::new("These changes have been undone. Redo them to have them reviewed."));
        }
        if self.running().is_none() {
            return Err(ViewError::new("Start the proxy to have changes reviewed."));
        }
        let cancel = CancellationToken::new();
        {
            let mut reviews = self.0.reviews.lock();
            if reviews.contains_key(id) {
                return Err(ViewError::new("These changes are being reviewed already."));
            }
            reviews.insert(id.to_owned(), cancel.clone());
        }
        let (app, id) = (self.clone(), id.to_owned());
        self.0.tasks.spawn(async move {
            app.run_review(&id, &changes, &cancel).await;
            app.0.reviews.lock().remove(&id);
        });
        Ok(())
    }

    /// Stops a running review.
    pub fn cancel_review(&self, id: &str) {
        if let Some(review) = self.0.reviews.lock().get(id) {
            review.cancel();
        }
    }

    async fn run_review(&self, id: &str, changes: &Changes, cancel: &CancellationToken) {
        let mut review = Review {
            state: ReviewState::Running,
            began: unix_now_ms(),
            ended: None,
            step: None,
            summary: String::new(),
            findings: Vec::new(),
            tokens: None,
        };
        self.0.request_log.set_review(id, review.clone()).await;
        self.0.request_log.add_step(id, "Review started", None, false).await;
        let outcome = tokio::select! {
            biased;
            () = self.0.stop.cancelled() => Outcome::Failed("Codex Proxy quit during the review.".to_owned()),
            () = cancel.cancelled() => Outcome::Cancelled,
            outcome = self.follow_review(id, changes, &review) => outcome,
            () = tokio::time::sleep(REVIEW_TIMEOUT) => {
                let minutes = REVIEW_TIMEOUT.as_secs() / 60;
                Outcome::Failed(format!("The review took longer than {minutes} minutes and was stopped."))
            }
        };
        review.ended = Some(unix_now_ms());
        match outcome {
            Outcome::Reviewed(text, usage) => {
                review.state = ReviewState::Done;
                (review.summary, review.findings) = parse(&text, Path::new(&changes.folder));
                review.tokens = usage.map(|usage| usage.input.saturating_add(usage.output));
            }
            Outcome::Failed(why) => (review.state, review.summary) = (ReviewState::Failed, why),
            Outcome::Cancelled => review.state = ReviewState::Cancelled,
        }
        let (what, bad) = match (review.state, review.findings.len()) {
            (ReviewState::Failed, _) => ("Review failed".to_owned(), true),
            (ReviewState::Cancelled, _) => ("Review stopped by you".to_owned(), false),
            (_, 0) => ("Review found nothing".to_owned(), false),
            (_, 1) => ("Review found 1 problem".to_owned(), false),
            (_, count) => (format!("Review found {count} problems"), false),
        };
        self.0.request_log.set_review(id, review).await;
        self.0.request_log.add_step(id, &what, None, bad).await;
    }

    /// Runs the review to its end, and publishes what codex does meanwhile.
    async fn follow_review(&self, id: &str, changes: &Changes, review: &Review) -> Outcome {
        let Some(running) = self.running() else {
            return Outcome::Failed("The proxy was stopped.".to_owned());
        };
        let started = running.proxy.review(Path::new(&changes.folder), instructions(changes)).await;
        let mut turn = match started {
            Ok(turn) => turn,
            Err(error) => return Outcome::Failed(error.message().to_owned()),
        };
        let mut result = None;
        while let Some(event) = turn.next().await {
            match event {
                TurnEvent::Item(ItemEvent::Command { command, ended: false, .. }) => {
                    let step = Some(truncate(&command, MAX_STEP));
                    self.0.request_log.set_review(id, Review { step, ..review.clone() }).await;
                }
                TurnEvent::Reviewed(text) => result = Some(text),
                TurnEvent::Ended(Ok(TurnEnd { usage, interrupted: false, .. })) => {
                    return result.map_or_else(
                        || Outcome::Failed("Codex ended the review without a result.".to_owned()),
                        |text| Outcome::Reviewed(text, usage),
                    );
                }
                TurnEvent::Ended(Ok(_)) => break,
                TurnEvent::Ended(Err(error)) => {
                    return Outcome::Failed(ApiError::from(error).message().to_owned());
                }
                _ => {}
            }
        }
        Outcome::Failed("Codex interrupted the review.".to_owned())
    }
}

/// What codex is asked to review.
fn instructions(changes: &Changes) -> String {
    let diff = &changes.diff[..changes.diff.floor_char_boundary(MAX_SENT_DIFF)];
    let rest = if diff.len() < changes.diff.len() || changes.diff_cut {
        "\n\nThe rest of the diff is left out. Read the files for it."
    } else {
        ""
    };
    format!(
        "Review the changes that an assistant has just made in the working folder. The files have them already; nothing needs \
         to be changed. This is the diff:\n\n{diff}{rest}"
    )
}

/// The verdict and the findings in codex's text of a review: paragraphs, a heading, and then for each finding a line
/// `- TITLE — PATH:FIRST-LAST` with indented lines below it. A text of another form is all verdict.
fn parse(text: &str, folder: &Path) -> (String, Vec<Finding>) {
    let (mut summary, mut findings): (Vec<&str>, Vec<Finding>) = (Vec::new(), Vec::new());
    for line in text.lines() {
        if let Some(finding) = finding(line, folder) {
            findings.push(finding);
        } else if let Some(last) = findings.last_mut() {
            last.text.push_str(line.strip_prefix("  ").unwrap_or(line));
            last.text.push('\n');
        } else if !matches!(line, "Review comment:" | "Full review comments:") {
            summary.push(line);
        }
    }
    for finding in &mut findings {
        finding.text = finding.text.trim().to_owned();
    }
    (summary.join("\n").trim().to_owned(), findings)
}

fn finding(line: &str, folder: &Path) -> Option<Finding> {
    let (title, place) = line.strip_prefix("- ")?.rsplit_once(" — ")?;
    let (path, lines) = place.rsplit_once(':')?;
    if lines.is_empty() || !lines.chars().all(|c| c.is_ascii_digit() || c == '-') {
        return None;
    }
    let title = ["[x] ", "[ ] "].iter().find_map(|mark| title.strip_prefix(mark)).unwrap_or(title);
    let path = Path::new(path).strip_prefix(folder).unwrap_or(Path::new(path)).display();
    let lines = match lines.split_once('-') {
        Some((first, last)) if first == last => first,
        _ => lines,
    };
    Some(Finding { title: title.to_owned(), text: String::new(), place: format!("{path}:{lines}") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_findings_of_a_review_are_told_apart_from_its_verdict() {
        let text = "Two bugs.\n\nFull review comments:\n\n- [P1] Off by one — really — /w/src/a.rs:3-4\n  It reads\n  \n  past the \
                    end.\n\n- [P3] Typo — /elsewhere/b.rs:7-7\n  Once.";
        let finding = |title: &str, text: &str, place: &str| Finding {
            title: title.into(),
            text: text.into(),
            place: place.into(),
        };
        let expected = vec![
            finding("[P1] Off by one — really", "It reads\n\npast the end.", "src/a.rs:3-4"),
            finding("[P3] Typo", "Once.", "/elsewhere/b.rs:7"),
        ];
        assert_eq!(parse(text, Path::new("/w")), ("Two bugs.".to_owned(), expected));
    }

    #[test]
    fn a_review_of_another_form_is_shown_as_it_is() {
        let text = "Looks good — see README:\n- nice — really";
        assert_eq!(parse(text, Path::new("/work")), (text.to_owned(), Vec::new()));
    }

    #[test]
    fn a_large_diff_is_sent_in_part_and_codex_is_told() {
        let changes = |diff: String| Changes {
            folder: "/work".to_owned(),
            files: Vec::new(),
            count: 1,
            diff,
            diff_cut: false,
            undo: UndoState::Possible,
        };
        assert!(instructions(&changes("+é".to_owned())).ends_with("+é"));
        let sent = instructions(&changes("é".repeat(MAX_SENT_DIFF)));
        assert!(sent.len() < MAX_SENT_DIFF + 1000 && sent.contains("left out"));
    }
}
