//! Which tool calls of a conversation lack their output. Takes time in proportion to the number of calls.

use std::collections::BTreeSet;

use indexmap::IndexSet;

use super::shorten;

/// How many missing outputs an error lists.
const MAX_LISTED: usize = 4;

/// The calls of a conversation.
#[derive(Debug, Default)]
pub(super) struct OpenCalls {
    calls: IndexSet<String>,
    /// The places of those without output.
    open: BTreeSet<usize>,
}

impl OpenCalls {
    pub(super) fn insert(&mut self, id: String) {
        let (place, _) = self.calls.insert_full(id);
        self.open.insert(place);
    }

    /// Whether there is such a call, which then has its output.
    pub(super) fn answer(&mut self, id: &str) -> bool {
        let place = self.calls.get_index_of(id);
        place.inspect(|place| _ = self.open.remove(place)).is_some()
    }

    /// The first call without output.
    pub(super) fn first_open(&self) -> Option<&str> {
        self.open().next()
    }

    /// The first calls without output, as many as an error lists; `None` if all have theirs.
    pub(super) fn missing(&self) -> Option<String> {
        let missing: Vec<_> = self.open().take(MAX_LISTED).map(shorten).collect();
        Some(missing.join(", ")).filter(|_| !missing.is_empty())
    }

    fn open(&self) -> impl Iterator<Item = &str> {
        self.open.iter().filter_map(|place| self.calls.get_index(*place)).map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By searching all calls for each output, this would take minutes.
    #[test]
    fn outputs_without_ids_take_time_in_proportion_to_the_calls() {
        let mut calls = OpenCalls::default();
        (0..200_000).for_each(|id| calls.insert(id.to_string()));
        while let Some(first) = calls.first_open().map(str::to_owned) {
            assert!(calls.answer(&first));
        }
    }

    #[test]
    fn calls_are_open_until_their_output_in_any_order_and_again_when_repeated() {
        let mut calls = OpenCalls::default();
        ["a", "b", "c"].iter().for_each(|id| calls.insert((*id).to_owned()));
        assert!(calls.answer("b") && calls.answer("a") && !calls.answer("x"));
        assert_eq!((calls.first_open(), calls.missing().as_deref()), (Some("c"), Some("c")));
        calls.insert("a".to_owned());
        assert_eq!((calls.first_open(), calls.missing().as_deref()), (Some("a"), Some("a, c")));
        assert!(calls.answer("a") && calls.answer("c") && calls.answer("c"));
        assert_eq!((calls.first_open(), calls.missing()), (None, None));
    }
}
