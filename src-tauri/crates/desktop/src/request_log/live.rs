//! Requests in memory: running ones, and ended ones not yet written.

use std::collections::BTreeMap;
use std::sync::Arc;

use proxy::changes::Changes;

use super::kept_changes::KeptChanges;
use super::types::{ExchangeDetail, ExchangeRow, Step};
use crate::text::{join_some, truncate};

/// Limit of ended requests not yet written. Beyond it the oldest is dropped and counted in the notice. Running requests always
/// stay; admission bounds them.
pub(super) const MAX_UNWRITTEN: usize = 4_000;

/// Limit of their steps, texts and pictures. Beyond it the oldest requests keep only their rows.
const MAX_UNWRITTEN_BYTES: usize = 16 * 1024 * 1024;

/// Limit of a request's steps. Further ones are only counted.
const MAX_STEPS: usize = 200;

/// Limit of a step's title.
const MAX_STEP_WHAT: usize = 60;

/// Limit of a step's detail.
const MAX_STEP_DETAIL: usize = 300;

/// Approximate size of a step.
const STEP_BYTES: usize = size_of::<Step>() + MAX_STEP_WHAT + MAX_STEP_DETAIL;

/// Limit of a request's text and of an answer's, in bytes. A truncated text ends with [`CUT_OFF`].
pub(super) const MAX_TEXT: usize = 256 * 1024;

/// Limit of a request's pictures in base64, in bytes together. Further ones are not kept.
pub(super) const MAX_PICTURES: usize = 12 * 1024 * 1024;

/// Limit of the reasons in memory that may quote a request. Beyond it, the oldest are dropped.
const MAX_REASONS: usize = 1_000;

/// The end of a truncated text. Stored texts contain it, so it must not change.
pub(super) const CUT_OFF: &str = "\n[The rest was not kept.]";

/// What to write.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub(super) requests: Vec<Arc<ExchangeDetail>>,
    /// What ended requests changed.
    pub(super) changes: Vec<(String, Arc<Changes>)>,
    /// Whether texts are stored.
    pub(super) texts: bool,
}

/// A request in memory.
#[derive(Debug)]
pub(super) struct Record {
    /// Shared with the writer once it has ended.
    detail: Arc<ExchangeDetail>,
    dropped_steps: usize,
    unwritten: bool,
    /// Subscribers were not notified of the last change.
    pub(super) unnotified: bool,
}

impl Record {
    pub(super) fn new(detail: ExchangeDetail) -> Self {
        Self { detail: Arc::new(detail), dropped_steps: 0, unwritten: true, unnotified: false }
    }

    pub(super) fn row(&self) -> &ExchangeRow {
        &self.detail.row
    }

    /// Changes the request, to be written and published.
    pub(super) fn edit(&mut self) -> &mut ExchangeDetail {
        (self.unwritten, self.unnotified) = (true, true);
        Arc::make_mut(&mut self.detail)
    }

    /// Changes the estimate of its tokens, which is published and not written: the end brings the number.
    pub(super) fn progress(&mut self, tokens: u64) {
        self.unnotified = true;
        Arc::make_mut(&mut self.detail).row.output = Some(tokens);
    }

    pub(super) fn add_answer(&mut self, piece: &str) {
        if let Some(answer) = &mut Arc::make_mut(&mut self.detail).answer_text
            && answer.len() <= MAX_TEXT
        {
            *answer = limited(std::mem::take(answer) + piece);
        }
    }

    /// Adds a picture within [`MAX_PICTURES`], if texts are kept.
    pub(super) fn add_picture(&mut self, base64: &str) {
        let detail = Arc::make_mut(&mut self.detail);
        let kept: usize = detail.pictures.iter().map(String::len).sum();
        if detail.answer_text.is_some() && kept + base64.len() <= MAX_PICTURES {
            detail.pictures.push(base64.to_owned());
        }
    }

    /// Adds a step within [`MAX_STEPS`]; once the row has ended, always.
    pub(super) fn step(&mut self, at_ms: u64, what: &str, detail: Option<&str>, bad: bool) {
        if self.row().runs() && self.detail.steps.len() >= MAX_STEPS {
            self.dropped_steps += 1;
            return;
        }
        let dropped = self.dropped_steps;
        let steps = &mut self.edit().steps;
        if dropped > 0 {
            let what = format!("{dropped} more steps");
            steps.push(Step { at_ms, what, detail: None, bad: false });
        }
        let detail = detail.map(|detail| truncate(detail, MAX_STEP_DETAIL));
        steps.push(Step { at_ms, what: truncate(what, MAX_STEP_WHAT), detail, bad });
    }

    /// Approximate size of its steps and texts.
    fn bytes(&self) -> usize {
        let ExchangeDetail { steps, request_text, answer_text, pictures, .. } = &*self.detail;
        let texts = [request_text, answer_text].into_iter().flatten().chain(pictures).map(String::len);
        steps.len() * STEP_BYTES + texts.sum::<usize>()
    }

    /// Whether nothing but its estimate has changed since `row`.
    fn is_like(&self, row: &ExchangeRow) -> bool {
        let now = self.row();
        now == row || now.runs() && ExchangeRow { output: row.output, ..now.clone() } == *row
    }

    fn without_body(&self) -> Arc<ExchangeDetail> {
        Arc::new(ExchangeDetail {
            row: self.row().clone(),
            summary: self.detail.summary.clone(),
            ..ExchangeDetail::default()
        })
    }
}

/// The requests in memory by id, and the state behind the same lock.
#[derive(Debug, Default)]
pub(super) struct LiveRequests {
    records: BTreeMap<String, Record>,
    /// What requests changed, and the reviews of it.
    pub(super) changes: KeptChanges,
    /// Why requests failed, where the reason may quote the request. Only in memory.
    reasons: BTreeMap<String, String>,
    /// Requests that ended by this time, in Unix milliseconds, are hidden and soon removed.
    pub(super) cleared_ms: Option<u64>,
    /// How many days requests are stored.
    pub(super) keep_days: u32,
    /// Whether texts are stored.
    pub(super) keep_texts: bool,
    /// The number of requests dropped because they could not be written in time.
    dropped: u64,
    /// The error from opening the database.
    open_error: Option<String>,
    /// The error from the last write.
    pub(super) write_error: Option<String>,
}

impl LiveRequests {
    pub(super) fn new(keep_days: u32, keep_texts: bool, open_error: Option<String>) -> Self {
        Self { keep_days, keep_texts, open_error, ..Self::default() }
    }

    /// Sets how many days requests are stored, and whether with texts, which are otherwise removed from memory immediately.
    pub(super) fn set_retention(&mut self, days: u32, texts: bool) {
        (self.keep_days, self.keep_texts) = (days, texts);
        if !texts {
            for record in self.records.values_mut() {
                let detail = Arc::make_mut(&mut record.detail);
                (detail.request_text, detail.answer_text) = (None, None);
                detail.pictures.clear();
            }
        }
    }

    /// Keeps the reason of a failure in memory.
    pub(super) fn keep_reason(&mut self, id: &str, reason: String) {
        self.reasons.insert(id.to_owned(), reason);
        if self.reasons.len() > MAX_REASONS {
            self.reasons.pop_first();
        }
    }

    /// Shows the reason of a failure, if it is in memory.
    pub(super) fn show_reason(&self, row: &mut ExchangeRow) {
        if let Some(reason) = self.reasons.get(&row.id) {
            row.error = Some(reason.clone());
        }
    }

    pub(super) fn insert(&mut self, record: Record) {
        self.records.insert(record.row().id.clone(), record);
    }

    pub(super) fn find(&self, id: &str) -> Option<ExchangeDetail> {
        self.records.get(id).map(|record| ExchangeDetail::clone(&record.detail))
    }

    /// A request in memory, which may have ended.
    pub(super) fn record(&mut self, id: &str) -> Option<&mut Record> {
        self.records.get_mut(id)
    }

    /// An unfinished request.
    pub(super) fn running(&mut self, id: &str) -> Option<&mut Record> {
        self.records.get_mut(id).filter(|record| record.row().runs())
    }

    /// What is wrong with the log, in a sentence for the window.
    pub(super) fn notice(&self) -> Option<String> {
        let dropped = (self.dropped > 0).then(|| {
            let dropped = self.dropped;
            format!(
                "{dropped} requests are missing from the request log, because they couldn't be written in time."
            )
        });
        join_some([self.write_error.clone(), dropped, self.open_error.clone()], " ")
    }

    /// The ids of the requests in memory.
    pub(super) fn ids(&self) -> Vec<String> {
        self.records.keys().cloned().collect()
    }

    pub(super) fn count_running(&self) -> u64 {
        self.records.values().filter(|record| record.row().runs()).count() as u64
    }

    /// The requests with unpublished changes.
    pub(super) fn unnotified(&mut self) -> impl Iterator<Item = &mut Record> {
        self.records.values_mut().filter(|record| record.unnotified)
    }

    /// What to write: only the row of a running request, everything of an ended one.
    pub(super) fn unwritten(&self) -> Batch {
        let to_write = |record: &Record| match record.row().runs() {
            true => record.without_body(),
            false => Arc::clone(&record.detail),
        };
        let requests = self.records.values().filter(|record| record.unwritten).map(to_write).collect();
        // The last write of a row replaces it, and with it what belongs to it.
        let has_ended = |id: &str| self.records.get(id).is_none_or(|record| !record.row().runs());
        Batch { requests, changes: self.changes.unwritten(has_ended), texts: self.keep_texts }
    }

    /// Removes ended requests once the database has them.
    pub(super) fn written(&mut self, batch: &Batch) {
        self.write_error = None;
        self.changes.written(&batch.changes);
        for ExchangeDetail { row, .. } in batch.requests.iter().map(AsRef::as_ref) {
            // A request that changed meanwhile is written again.
            if let Some(record) = self.records.get_mut(&row.id)
                && record.is_like(row)
            {
                record.unwritten = false;
                if !row.runs() {
                    self.records.remove(&row.id);
                }
            }
        }
    }

    /// Writes everything again, to a new database.
    pub(super) fn rewrite(&mut self, notice: Option<String>) {
        self.open_error = notice;
        self.records.values_mut().for_each(|record| record.unwritten = true);
        self.changes.rewrite();
    }

    /// Enforces the limits of ended requests, after one has ended.
    pub(super) fn trim(&mut self) {
        let (mut count, mut bytes, mut oldest) = (0, 0, None);
        for (id, record) in self.records.iter_mut().rev().filter(|(_, record)| !record.row().runs()) {
            let size = record.bytes();
            (count, bytes) = (count + 1, bytes + size);
            if size > 0 && bytes > MAX_UNWRITTEN_BYTES {
                record.detail = record.without_body();
            }
            oldest = Some(id);
        }
        if count > MAX_UNWRITTEN
            && let Some(oldest) = oldest.cloned()
        {
            self.records.remove(&oldest);
            self.dropped += 1;
        }
    }
}

/// Truncates a text to [`MAX_TEXT`] bytes.
pub(super) fn limited(mut text: String) -> String {
    if text.len() > MAX_TEXT {
        text.truncate(text.floor_char_boundary(MAX_TEXT));
        text.push_str(CUT_OFF);
        text.shrink_to_fit();
    }
    text
}
