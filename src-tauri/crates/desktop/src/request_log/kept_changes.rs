//! What the latest requests changed, and the reviews of it, in memory.

use std::collections::BTreeMap;
use std::sync::Arc;

use proxy::changes::Changes;

use super::types::{ExchangeDetail, Review};

/// Limit of the requests whose changes are in memory. Beyond it, the oldest are dropped.
const MAX_KEPT: usize = 50;

/// Limit of these changes in bytes.
const MAX_KEPT_BYTES: usize = 16 * 1024 * 1024;

/// The changes and reviews in memory, by request.
#[derive(Debug, Default)]
pub(super) struct KeptChanges {
    changes: BTreeMap<String, Entry>,
    reviews: BTreeMap<String, Review>,
    /// Requests whose changes came after their rows were written, to publish.
    late: Vec<String>,
}

#[derive(Debug)]
struct Entry {
    changes: Arc<Changes>,
    unwritten: bool,
}

impl Entry {
    /// Approximate size.
    fn bytes(&self) -> usize {
        let paths = self.changes.files.iter().map(|file| file.path.len() + size_of_val(file));
        self.changes.diff.len() + paths.sum::<usize>()
    }
}

impl KeptChanges {
    pub(super) fn insert(&mut self, id: &str, changes: Changes) {
        self.changes.insert(id.to_owned(), Entry { changes: Arc::new(changes), unwritten: true });
        let mut bytes: usize = self.changes.values().map(Entry::bytes).sum();
        while self.changes.len() > MAX_KEPT || bytes > MAX_KEPT_BYTES && self.changes.len() > 1 {
            bytes -= self.changes.pop_first().map_or(0, |(_, entry)| entry.bytes());
        }
    }

    /// Adds what is in memory to a request's details.
    pub(super) fn complete(&self, detail: &mut ExchangeDetail) {
        if let Some(entry) = self.changes.get(&detail.row.id) {
            detail.changes = Some(Changes::clone(&entry.changes));
        }
        if let Some(review) = self.reviews.get(&detail.row.id) {
            detail.review = Some(review.clone());
        }
    }

    /// The changes to write, of requests that have ended.
    pub(super) fn unwritten(&self, has_ended: impl Fn(&str) -> bool) -> Vec<(String, Arc<Changes>)> {
        let unwritten = self.changes.iter().filter(|(id, entry)| entry.unwritten && has_ended(id));
        unwritten.map(|(id, entry)| (id.clone(), Arc::clone(&entry.changes))).collect()
    }

    pub(super) fn written(&mut self, written: &[(String, Arc<Changes>)]) {
        for (id, changes) in written {
            if let Some(entry) = self.changes.get_mut(id)
                && Arc::ptr_eq(&entry.changes, changes)
            {
                entry.unwritten = false;
            }
        }
    }

    /// Writes everything again, to a new database.
    pub(super) fn rewrite(&mut self) {
        self.changes.values_mut().for_each(|entry| entry.unwritten = true);
    }

    pub(super) fn ids(&self) -> Vec<String> {
        self.changes.keys().chain(self.reviews.keys()).cloned().collect()
    }

    pub(super) fn insert_review(&mut self, id: &str, review: Review) {
        self.reviews.insert(id.to_owned(), review);
        while self.reviews.len() > MAX_KEPT {
            self.reviews.pop_first();
        }
    }

    pub(super) fn review(&self, id: &str) -> Option<Review> {
        self.reviews.get(id).cloned()
    }

    pub(super) fn add_late(&mut self, id: &str) {
        self.late.push(id.to_owned());
    }

    pub(super) fn take_late(&mut self) -> Vec<String> {
        std::mem::take(&mut self.late)
    }

    pub(super) fn retain(&mut self, keep: impl Fn(&str) -> bool) {
        self.changes.retain(|id, _| keep(id));
        self.reviews.retain(|id, _| keep(id));
    }
}
