//! Finds the places of citations in the text that is sent: filters cut the beginning and the end of the model's text, and put
//! reasoning in between.
//!
//! Places count code points.

use std::collections::HashSet;

use codex_client::Citation;

/// The places of the citations of one answer.
#[derive(Clone, Debug, Default)]
pub(crate) struct Places {
    /// Length of the model's text so far.
    read: usize,
    /// Length of the model's text before the current turn.
    before_turn: usize,
    /// How much of the model's text has been sent.
    sent: usize,
    /// What has been put in between: after how much of the sent text, and its length.
    inserted: Vec<(usize, usize)>,
    /// Citations of text that has not been sent yet, placed in the model's text.
    pending: Vec<Citation>,
    /// All citations so far: codex repeats those of an attempt that broke off.
    known: HashSet<Citation>,
}

impl Places {
    /// The model has written a text.
    pub(crate) fn read(&mut self, text: &str) {
        self.read += text.chars().count();
    }

    /// Some of the model's text is sent.
    pub(crate) fn sent(&mut self, text: &str) {
        self.sent += text.chars().count();
    }

    /// Another text is sent in between.
    pub(crate) fn inserted(&mut self, text: &str) {
        let length = text.chars().count();
        match self.inserted.last_mut() {
            Some((at, inserted)) if *at == self.sent => *inserted += length,
            _ => self.inserted.push((self.sent, length)),
        }
    }

    /// The model's next text is from another turn.
    pub(crate) fn next_turn(&mut self) {
        self.before_turn = self.read;
    }

    /// Adds citations, placed in the turn's text.
    pub(crate) fn add(&mut self, citations: Vec<Citation>) {
        for mut citation in citations {
            citation.start += self.before_turn;
            citation.end += self.before_turn;
            if self.known.insert(citation.clone()) {
                self.pending.push(citation);
            }
        }
    }

    /// Takes the citations of text that has been sent, with their places in it. `skipped` is how much of the model's text was
    /// dropped from its beginning. The others wait for the rest of the text.
    pub(crate) fn take_sent(&mut self, skipped: usize) -> Vec<Citation> {
        let Self { sent, inserted, pending, .. } = self;
        let place = |at: usize, is_end: bool| {
            let before = inserted.iter().filter(|(after, _)| *after < at || (*after == at && !is_end));
            at + before.map(|(_, length)| length).sum::<usize>()
        };
        pending
            .extract_if(.., |citation| citation.start >= skipped && citation.end - skipped <= *sent)
            .map(|Citation { start, end, url, title }| {
                let (start, end) = (place(start - skipped, false), place(end - skipped, true));
                Citation { start, end, url, title }
            })
            .collect()
    }
}
