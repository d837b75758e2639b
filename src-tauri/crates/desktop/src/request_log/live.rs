//! Requests in memory: those that run, and those that have ended and wait to be written.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::body::Body;
use super::types::{ExchangeDetail, ExchangeRow, ExchangeState};

/// Ended requests that wait to be written. When there are more, the oldest is dropped, and the notice gives their number.
/// Running requests are always kept; admission bounds them.
pub(super) const MAX_UNWRITTEN: usize = 4_000;

/// Bytes of steps and texts of these. When there are more, the oldest requests lose theirs and only their rows stay.
const MAX_UNWRITTEN_BYTES: usize = 16 * 1024 * 1024;

/// When subscribers hear of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Notify {
    /// At once: the request has another state.
    Now,
    /// Together with the other changes of the next moment.
    Batched,
}

#[derive(Clone, Debug)]
pub(super) struct Record {
    pub(super) row: Arc<ExchangeRow>,
    pub(super) body: Arc<Body>,
    unwritten: bool,
    unnotified: bool,
    /// The body's size, once the request has ended.
    bytes: usize,
}

impl Record {
    pub(super) fn detail(&self) -> ExchangeDetail {
        let Body { steps, request, answer, .. } = Body::clone(&self.body);
        let row = ExchangeRow::clone(&self.row);
        ExchangeDetail { row, steps, request_text: request, answer_text: answer }
    }
}

/// A row to be written; with its body once the request has ended.
pub(super) type Unwritten = (Arc<ExchangeRow>, Option<Arc<Body>>);

#[derive(Debug, Default)]
pub(super) struct LiveRequests {
    records: BTreeMap<String, Record>,
    dropped: u64,
}

impl LiveRequests {
    pub(super) fn insert(&mut self, row: ExchangeRow, body: Body) -> Arc<ExchangeRow> {
        let row = Arc::new(row);
        let record = Record {
            row: Arc::clone(&row),
            body: Arc::new(body),
            unwritten: true,
            unnotified: false,
            bytes: 0,
        };
        self.records.insert(row.id.clone(), record);
        row
    }

    pub(super) fn find(&self, id: &str) -> Option<Record> {
        self.records.get(id).cloned()
    }

    pub(super) fn running(&self) -> u64 {
        self.records.values().filter(|record| runs(&record.row)).count() as u64
    }

    /// Requests dropped because they could not be written in time.
    pub(super) fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Changes a request that runs, and gives its row if `edit` says that it changed anything.
    pub(super) fn edit(
        &mut self,
        id: &str,
        notify: Notify,
        edit: impl FnOnce(&mut ExchangeRow, &mut Body) -> bool,
    ) -> Option<Arc<ExchangeRow>> {
        let record = self.records.get_mut(id).filter(|record| runs(&record.row))?;
        if !edit(Arc::make_mut(&mut record.row), Arc::make_mut(&mut record.body)) {
            return None;
        }
        record.unwritten = true;
        record.unnotified = notify == Notify::Batched;
        let row = Arc::clone(&record.row);
        if !runs(&row) {
            record.bytes = record.body.bytes();
            self.trim();
        }
        Some(row)
    }

    /// The rows of which subscribers have not heard yet.
    pub(super) fn take_unnotified(&mut self) -> Vec<Arc<ExchangeRow>> {
        let unnotified = self
            .records
            .values_mut()
            .filter_map(|record| std::mem::take(&mut record.unnotified).then(|| Arc::clone(&record.row)));
        unnotified.collect()
    }

    /// Everything that has to be written.
    pub(super) fn unwritten(&self) -> Vec<Unwritten> {
        let unwritten = self.records.values().filter(|record| record.unwritten);
        let body = |record: &Record| (!runs(&record.row)).then(|| Arc::clone(&record.body));
        unwritten.map(|record| (Arc::clone(&record.row), body(record))).collect()
    }

    /// The database has these, so those that have ended need not be here.
    pub(super) fn written(&mut self, batch: &[Unwritten]) {
        for (row, _) in batch {
            match self.records.get_mut(&row.id) {
                // One that has changed since is written again.
                Some(record) if Arc::ptr_eq(&record.row, row) => {
                    record.unwritten = false;
                    if !runs(row) {
                        self.records.remove(&row.id);
                    }
                }
                _ => {}
            }
        }
    }

    /// The database is new and holds nothing.
    pub(super) fn rewrite(&mut self) {
        self.records.values_mut().for_each(|record| record.unwritten = true);
    }

    pub(super) fn forget_texts(&mut self) {
        for record in self.records.values_mut() {
            let body = Arc::make_mut(&mut record.body);
            (body.request, body.answer) = (None, None);
            record.bytes = record.bytes.min(body.bytes());
        }
    }

    /// Brings the ended requests back within their bounds.
    fn trim(&mut self) {
        if self.records.len() > MAX_UNWRITTEN {
            let mut excess = self.ended().count().saturating_sub(MAX_UNWRITTEN);
            self.dropped += excess as u64;
            self.records.retain(|_, record| {
                let drop = excess > 0 && !runs(&record.row);
                excess -= usize::from(drop);
                !drop
            });
        }
        let mut bytes: usize = self.ended().map(|record| record.bytes).sum();
        for record in self.records.values_mut().filter(|record| record.bytes > 0) {
            if bytes <= MAX_UNWRITTEN_BYTES {
                break;
            }
            bytes -= std::mem::take(&mut record.bytes);
            record.body = Arc::default();
        }
    }

    fn ended(&self) -> impl Iterator<Item = &Record> {
        self.records.values().filter(|record| !runs(&record.row))
    }
}

/// Whether a request has not ended.
pub(super) fn runs(row: &ExchangeRow) -> bool {
    matches!(row.state, ExchangeState::Waiting | ExchangeState::Streaming)
}
