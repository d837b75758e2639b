//! Requests in memory: those that run, and those that have ended and wait to be written.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::types::{ExchangeDetail, ExchangeRow, Step};
use crate::text::{joined, truncated};

/// Ended requests that wait to be written. When there are more, the oldest is dropped, and the notice gives their number.
/// Running requests are always kept; admission bounds them.
pub(super) const MAX_UNWRITTEN: usize = 4_000;

/// Bytes of steps and texts of these. When there are more, the oldest requests lose theirs and only their rows stay.
const MAX_UNWRITTEN_BYTES: usize = 16 * 1024 * 1024;

/// Steps kept of a request. Further ones are counted, and one of the last steps gives their number.
const MAX_STEPS: usize = 200;

/// Characters kept of what a step says.
const MAX_STEP_WHAT: usize = 60;

/// Characters kept of a step's detail.
const MAX_STEP_DETAIL: usize = 300;

/// Bytes of a step with both, about.
const STEP_BYTES: usize = size_of::<Step>() + MAX_STEP_WHAT + MAX_STEP_DETAIL;

/// Bytes kept of a request's text, and of an answer's. The rest is cut off, and the text says so.
pub(super) const MAX_TEXT: usize = 256 * 1024;

/// The end of a text that was cut off.
pub(super) const CUT_OFF: &str = "\n[The rest was not kept.]";

/// A request in memory.
#[derive(Debug)]
pub(super) struct Record {
    /// Shared with whoever writes it, once it has ended.
    detail: Arc<ExchangeDetail>,
    dropped_steps: usize,
    unwritten: bool,
    /// Subscribers have not heard of the last change.
    pub(super) unnotified: bool,
}

impl Record {
    pub(super) fn new(detail: ExchangeDetail) -> Self {
        Self { detail: Arc::new(detail), dropped_steps: 0, unwritten: true, unnotified: false }
    }

    pub(super) fn row(&self) -> &ExchangeRow {
        &self.detail.row
    }

    /// Changes something of which subscribers are to hear.
    pub(super) fn edit(&mut self) -> &mut ExchangeDetail {
        (self.unwritten, self.unnotified) = (true, true);
        Arc::make_mut(&mut self.detail)
    }

    pub(super) fn add_answer(&mut self, piece: &str) {
        if let Some(answer) = &mut Arc::make_mut(&mut self.detail).answer_text
            && answer.len() <= MAX_TEXT
        {
            *answer = limited(std::mem::take(answer) + piece);
        }
    }

    /// Adds a step, if there is room. There always is for the last one, once the row says that the request has ended.
    pub(super) fn step(&mut self, at_ms: u64, what: &str, detail: Option<&str>, bad: bool) {
        if self.row().runs() && self.detail.steps.len() >= MAX_STEPS {
            self.dropped_steps += 1;
            return;
        }
        let dropped = self.dropped_steps;
        let steps = &mut self.edit().steps;
        if dropped > 0 {
            let what = format!("{dropped} more steps, not kept");
            steps.push(Step { at_ms, what, detail: None, bad: false });
        }
        let detail = detail.map(|detail| truncated(detail, MAX_STEP_DETAIL));
        steps.push(Step { at_ms, what: truncated(what, MAX_STEP_WHAT), detail, bad });
    }

    /// The size of its steps and texts in memory, about.
    fn bytes(&self) -> usize {
        let ExchangeDetail { steps, request_text, answer_text, .. } = &*self.detail;
        let texts = [request_text, answer_text].into_iter().flatten().map(String::len);
        steps.len() * STEP_BYTES + texts.sum::<usize>()
    }

    fn without_body(&self) -> Arc<ExchangeDetail> {
        Arc::new(ExchangeDetail { row: self.row().clone(), ..ExchangeDetail::default() })
    }
}

/// The requests in memory by their ids, and what else the lock on them guards.
#[derive(Debug, Default)]
pub(super) struct LiveRequests {
    records: BTreeMap<String, Record>,
    /// For how many days requests are kept.
    pub(super) keep_days: u32,
    /// Whether with their texts.
    pub(super) keep_texts: bool,
    /// Requests dropped because they could not be written in time.
    dropped: u64,
    /// What was wrong with the database when it was opened.
    opening: Option<String>,
    /// What was wrong when it was last written to.
    pub(super) writing: Option<String>,
}

impl LiveRequests {
    pub(super) fn new(keep_days: u32, keep_texts: bool, opening: Option<String>) -> Self {
        Self { keep_days, keep_texts, opening, ..Self::default() }
    }

    /// For how many days requests are kept, and whether with their texts. Those in memory lose theirs at once.
    pub(super) fn keep(&mut self, days: u32, texts: bool) {
        (self.keep_days, self.keep_texts) = (days, texts);
        if !texts {
            for record in self.records.values_mut() {
                let detail = Arc::make_mut(&mut record.detail);
                (detail.request_text, detail.answer_text) = (None, None);
            }
        }
    }

    pub(super) fn insert(&mut self, record: Record) {
        self.records.insert(record.row().id.clone(), record);
    }

    pub(super) fn find(&self, id: &str) -> Option<ExchangeDetail> {
        self.records.get(id).map(|record| ExchangeDetail::clone(&record.detail))
    }

    /// A request that has not ended.
    pub(super) fn running(&mut self, id: &str) -> Option<&mut Record> {
        self.records.get_mut(id).filter(|record| record.row().runs())
    }

    /// What is wrong with the log, in a sentence for the window.
    pub(super) fn notice(&self) -> Option<String> {
        let dropped = (self.dropped > 0).then(|| {
            let dropped = self.dropped;
            format!(
                "{dropped} requests are missing from the request log, which could not be written in time."
            )
        });
        joined([self.writing.clone(), dropped, self.opening.clone()], " ")
    }

    pub(super) fn count_running(&self) -> u64 {
        self.records.values().filter(|record| record.row().runs()).count() as u64
    }

    /// The requests of which subscribers have not heard all.
    pub(super) fn unnotified(&mut self) -> impl Iterator<Item = &mut Record> {
        self.records.values_mut().filter(|record| record.unnotified)
    }

    /// What has to be written: all of a request once it has ended, before that its row.
    pub(super) fn unwritten(&self) -> Vec<Arc<ExchangeDetail>> {
        let to_write = |record: &Record| match record.row().runs() {
            true => record.without_body(),
            false => Arc::clone(&record.detail),
        };
        self.records.values().filter(|record| record.unwritten).map(to_write).collect()
    }

    /// The database has these, so those that have ended need not be here.
    pub(super) fn written(&mut self, batch: &[Arc<ExchangeDetail>]) {
        self.writing = None;
        for ExchangeDetail { row, .. } in batch.iter().map(AsRef::as_ref) {
            // One that has changed since is written again.
            if let Some(record) = self.records.get_mut(&row.id)
                && record.row() == row
            {
                record.unwritten = false;
                if !row.runs() {
                    self.records.remove(&row.id);
                }
            }
        }
    }

    /// The database is new and holds nothing.
    pub(super) fn rewrite(&mut self, notice: Option<String>) {
        self.opening = notice;
        self.records.values_mut().for_each(|record| record.unwritten = true);
    }

    /// Brings the ended requests back within their bounds, after one has ended.
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

/// A text of at most [`MAX_TEXT`] bytes, which says so when something did not fit.
pub(super) fn limited(mut text: String) -> String {
    if text.len() > MAX_TEXT {
        text.truncate(text.floor_char_boundary(MAX_TEXT));
        text.push_str(CUT_OFF);
        text.shrink_to_fit();
    }
    text
}
