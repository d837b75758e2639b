//! The newest requests, in memory, and which of them are still to be written and to be told.
//!
//! Requests that run are always here. Of those that have ended, the newest stay, and those that are not on disk yet. What is
//! large, the steps and texts, goes as soon as the disk has it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::body::Body;
use super::types::{ExchangeRow, ExchangeState};

/// Requests that are kept in memory. When there are more, the oldest that has ended and is on disk goes.
pub(super) const RING: usize = 2_000;

/// Requests that are kept in memory while the disk does not take them. When there are more, the oldest that has ended is lost, and
/// the window's notice counts it. Requests that run are kept in any case; admission bounds them.
pub(super) const HELD: usize = 2 * RING;

/// Bytes of steps and texts of ended requests that are kept in memory, because the disk does not have them. When there are more,
/// the oldest ones go, and of those requests only the row stays.
const BODIES: usize = 16 * 1024 * 1024;

/// When a change is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum News {
    /// At once, and written: where the request stands has changed.
    AtOnce,
    /// With whatever else changes in the next moment.
    Soon,
}

#[derive(Debug)]
struct Record {
    row: Arc<ExchangeRow>,
    /// `None` once the disk has it, or when it had to go.
    body: Option<Arc<Body>>,
}

impl Record {
    fn runs(&self) -> bool {
        runs(&self.row)
    }
}

/// A request as it is to be written; the body only with its end.
pub(super) type Unwritten = (Arc<ExchangeRow>, Option<Arc<Body>>);

/// The rows in memory, as they were at one moment, oldest first.
#[derive(Clone, Debug)]
pub(super) struct Snapshot {
    pub(super) rows: Vec<Arc<ExchangeRow>>,
    /// No row that is on disk only has a newer id than this one. `None` when there is no such row.
    pub(super) horizon: Option<String>,
}

impl Snapshot {
    /// Whether the request with this id was in memory.
    pub(super) fn has(&self, id: &str) -> bool {
        self.rows.binary_search_by(|row| row.id.as_str().cmp(id)).is_ok()
    }
}

/// The newest requests.
#[derive(Debug, Default)]
pub(super) struct Ring {
    records: BTreeMap<Arc<str>, Record>,
    running: usize,
    /// How many requests are kept, those that run and those that wait for the disk aside.
    most: usize,
    on_disk: bool,
    horizon: Option<String>,
    /// What the disk does not have yet; each request once, so it is bounded as the ring is.
    unwritten: BTreeSet<Arc<str>>,
    /// What is being written.
    writing: BTreeSet<Arc<str>>,
    /// What has ended and need not be here: the disk has it, or there is none.
    settled: BTreeSet<Arc<str>>,
    /// What the window has not been told yet; running requests only.
    untold: BTreeSet<Arc<str>>,
    body_bytes: usize,
    lost: u64,
}

impl Ring {
    /// An empty ring before a disk whose newest request is `newest`.
    pub(super) fn before_disk(newest: Option<String>) -> Self {
        Self { on_disk: true, horizon: newest, ..Self::without_disk(RING) }
    }

    /// An empty ring for so many requests, with no disk behind it.
    pub(super) fn without_disk(most: usize) -> Self {
        Self { most, ..Self::default() }
    }

    /// A new request. Its id is changed if there is such a one already, so that two requests never share a record.
    pub(super) fn insert(&mut self, row: ExchangeRow, body: Body) -> Arc<ExchangeRow> {
        let row = Arc::new(row);
        let id: Arc<str> = row.id.as_str().into();
        self.records.insert(Arc::clone(&id), Record { row: Arc::clone(&row), body: Some(Arc::new(body)) });
        self.running += 1;
        self.mark_unwritten(id);
        self.trim();
        row
    }

    pub(super) fn running(&self) -> u64 {
        self.running as u64
    }

    /// A request to change, if it still runs.
    pub(super) fn running_mut(&mut self, id: &str) -> Option<(&mut ExchangeRow, &mut Body)> {
        let record = self.records.get_mut(id).filter(|record| record.runs())?;
        let body = record.body.get_or_insert_default();
        Some((Arc::make_mut(&mut record.row), Arc::make_mut(body)))
    }

    /// What a change means for writing and telling. Gives the row that is to be told at once.
    pub(super) fn changed(&mut self, id: &str, news: News) -> Option<Arc<ExchangeRow>> {
        if news == News::Soon {
            self.untold.insert(id.into());
            return None;
        }
        self.untold.remove(id);
        self.mark_unwritten(id.into());
        self.records.get(id).map(|record| Arc::clone(&record.row))
    }

    /// A request that ran has ended.
    pub(super) fn ended(&mut self, id: &str) -> Option<Arc<ExchangeRow>> {
        self.running = self.running.saturating_sub(1);
        if let Some(body) = self.records.get(id).and_then(|record| record.body.as_ref()) {
            self.body_bytes += body.bytes();
        }
        if !self.on_disk {
            self.settled.insert(id.into());
        }
        let row = self.changed(id, News::AtOnce);
        self.trim();
        row
    }

    /// A request and, while it is in memory, its body.
    pub(super) fn find(&self, id: &str) -> Option<(Arc<ExchangeRow>, Option<Arc<Body>>)> {
        self.records.get(id).map(|record| (Arc::clone(&record.row), record.body.clone()))
    }

    pub(super) fn snapshot(&self) -> Snapshot {
        let rows = self.records.values().map(|record| Arc::clone(&record.row)).collect();
        Snapshot { rows, horizon: self.horizon.clone() }
    }

    /// Up to `most` requests that are to be written; [`written`](Self::written) or [`put_back`](Self::put_back) comes next.
    pub(super) fn take_unwritten(&mut self, most: usize) -> Vec<Unwritten> {
        let mut taken = Vec::new();
        while taken.len() < most
            && let Some(id) = self.unwritten.pop_first()
        {
            if let Some(record) = self.records.get(&id) {
                let body = if record.runs() { None } else { record.body.clone() };
                taken.push((Arc::clone(&record.row), body));
                self.writing.insert(id);
            }
        }
        taken
    }

    /// The disk has these.
    pub(super) fn written(&mut self, batch: &[Unwritten]) {
        for (row, body) in batch {
            if body.is_some() {
                self.drop_body(&row.id);
            }
            if let Some(id) = self.writing.take(row.id.as_str())
                && !runs(row)
            {
                self.settled.insert(id);
            }
        }
        self.trim();
    }

    /// The disk did not take these.
    pub(super) fn put_back(&mut self) {
        for id in std::mem::take(&mut self.writing) {
            if self.records.contains_key(&id) {
                self.mark_unwritten(id);
            }
        }
        self.trim();
    }

    /// Requests that were lost because the disk did not take them.
    pub(super) fn lost(&self) -> u64 {
        self.lost
    }

    /// What is to be told now.
    pub(super) fn take_untold(&mut self) -> Vec<Arc<ExchangeRow>> {
        let untold = std::mem::take(&mut self.untold);
        untold.iter().filter_map(|id| self.records.get(id)).map(|record| Arc::clone(&record.row)).collect()
    }

    /// Takes out the ended requests that arrived before `before_ms`. Those on disk are the caller's business.
    pub(super) fn remove_ended(&mut self, before_ms: u64) {
        let old = |record: &Record| !record.runs() && record.row.at < before_ms;
        let ids: Vec<_> =
            self.records.iter().filter(|(_, record)| old(record)).map(|(id, _)| Arc::clone(id)).collect();
        for id in ids {
            self.remove(&id);
        }
    }

    /// The disk is empty now; what is in memory has to be written to it anew.
    pub(super) fn disk_is_empty(&mut self) {
        self.horizon = None;
        self.writing.clear();
        if self.on_disk {
            self.settled.clear();
            self.unwritten.extend(self.records.keys().cloned());
        }
    }

    /// There is no disk any more.
    pub(super) fn disk_is_gone(&mut self) {
        (self.on_disk, self.horizon) = (false, None);
        self.unwritten.clear();
        self.writing.clear();
        let ended = self.records.iter().filter(|(_, record)| !record.runs());
        self.settled = ended.map(|(id, _)| Arc::clone(id)).collect();
        self.trim();
    }

    /// Texts are no longer kept.
    pub(super) fn forget_texts(&mut self) {
        for record in self.records.values_mut() {
            let Some(body) = &mut record.body else { continue };
            let before = body.bytes();
            let body = Arc::make_mut(body);
            (body.request, body.answer) = (None, None);
            if !runs(&record.row) {
                self.body_bytes = self.body_bytes.saturating_sub(before - body.bytes());
            }
        }
    }

    fn mark_unwritten(&mut self, id: Arc<str>) {
        if self.on_disk {
            self.unwritten.insert(id);
        }
    }

    /// Brings everything back within its bounds.
    fn trim(&mut self) {
        while self.records.len() > self.most {
            if let Some(id) = self.settled.pop_first() {
                if self.on_disk && self.horizon.as_deref() < Some(&*id) {
                    self.horizon = Some(id.as_ref().into());
                }
                self.remove(&id);
                continue;
            }
            if self.records.len() <= HELD {
                break;
            }
            let oldest = self.records.iter().find(|(_, record)| !record.runs()).map(|(id, _)| Arc::clone(id));
            let Some(id) = oldest else { break };
            self.remove(&id);
            self.lost += 1;
        }
        while self.body_bytes > BODIES {
            let ended = |record: &Record| !record.runs() && record.body.is_some();
            let oldest = self.records.iter().find(|(_, record)| ended(record)).map(|(id, _)| Arc::clone(id));
            let Some(id) = oldest else { break };
            self.drop_body(&id);
        }
    }

    fn remove(&mut self, id: &str) {
        self.drop_body(id);
        self.records.remove(id);
        self.unwritten.remove(id);
        self.writing.remove(id);
        self.settled.remove(id);
    }

    fn drop_body(&mut self, id: &str) {
        if let Some(body) = self.records.get_mut(id).and_then(|record| record.body.take()) {
            self.body_bytes = self.body_bytes.saturating_sub(body.bytes());
        }
    }
}

/// Whether a request has not ended.
pub(super) fn runs(row: &ExchangeRow) -> bool {
    matches!(row.state, ExchangeState::Waiting | ExchangeState::Streaming)
}
