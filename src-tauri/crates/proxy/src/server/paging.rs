//! The query of a list, and its pages.

use std::collections::BTreeMap;
use std::convert::Infallible;

use axum::extract::{FromRequestParts, Query as UrlQuery};
use axum::http::request::Parts;
use bytes::Bytes;
use serde_json::Value;

use crate::error::ApiError;
use crate::openai::list::List;
use crate::store::Item;

/// Entries of a page unless the client asks for another number.
const DEFAULT_LIMIT: usize = 20;

/// Maximum entries of a page.
const MAX_LIMIT: usize = 100;

/// The query of a list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Paging {
    parameters: BTreeMap<String, String>,
}

impl<S: Sync> FromRequestParts<S> for Paging {
    type Rejection = Infallible;

    async fn from_request_parts(head: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let query = UrlQuery::<BTreeMap<String, String>>::try_from_uri(&head.uri);
        Ok(Self { parameters: query.map(|UrlQuery(query)| query).unwrap_or_default() })
    }
}

impl Paging {
    /// A parameter; an empty one is missing.
    pub(crate) fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// The entry after which the page begins.
    pub(crate) fn after(&self) -> Option<&str> {
        self.parameter("after")
    }

    /// The labels in `metadata[NAME]=VALUE`.
    pub(crate) fn metadata(&self) -> BTreeMap<String, String> {
        let label = |(name, value): (&String, &String)| {
            let name = name.strip_prefix("metadata[")?.strip_suffix(']')?;
            Some((name.to_owned(), value.clone()))
        };
        self.parameters.iter().filter_map(label).collect()
    }

    /// The number of entries.
    pub(crate) fn limit(&self) -> Result<usize, ApiError> {
        let Some(limit) = self.parameter("limit") else { return Ok(DEFAULT_LIMIT) };
        let limit = limit.parse().ok().filter(|limit| (1..=MAX_LIMIT).contains(limit));
        limit.ok_or_else(|| {
            ApiError::invalid("limit", format!("limit must be a number from 1 to {MAX_LIMIT}."))
        })
    }

    /// Whether the latest entry comes first.
    pub(crate) fn is_descending(&self, default: bool) -> Result<bool, ApiError> {
        match self.parameter("order") {
            None => Ok(default),
            Some("desc") => Ok(true),
            Some("asc") => Ok(false),
            Some(_) => Err(ApiError::invalid("order", "order must be asc or desc.")),
        }
    }

    /// The page of these items, which are oldest first.
    pub(crate) fn page<'a>(
        &self,
        items: impl DoubleEndedIterator<Item = &'a Item>,
        descending: bool,
    ) -> Result<List<Value>, ApiError> {
        let limit = self.limit()?;
        let mut items: Box<dyn Iterator<Item = &Item>> =
            if self.is_descending(descending)? { Box::new(items.rev()) } else { Box::new(items) };
        if let Some(after) = self.after()
            && !items.any(|item| item.id == after)
        {
            return Err(ApiError::no_such_entry(after));
        }
        let mut page: Vec<&Item> = items.take(limit + 1).collect();
        let has_more = page.len() > limit;
        page.truncate(limit);
        Ok(List::new(page.into_iter().map(|item| (item.id.clone(), parse(&item.json))).collect(), has_more))
    }
}

/// The JSON that we stored.
pub(crate) fn parse(json: &Bytes) -> Value {
    serde_json::from_slice(json).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paging(query: &str) -> Paging {
        let uri = format!("/?{query}").parse().unwrap();
        let UrlQuery(parameters) = UrlQuery::try_from_uri(&uri).unwrap();
        Paging { parameters }
    }

    fn ids(query: &str, count: usize) -> Result<(Vec<Value>, bool), ApiError> {
        let item = |id: usize| Item { id: id.to_string(), json: format!("{id}").into() };
        let items: Vec<Item> = (0..count).map(item).collect();
        paging(query).page(items.iter(), true).map(|list| {
            let ends = [list.data.first(), list.data.last()];
            assert_eq!(ends.map(|end| end.map(Value::to_string)), [list.first_id, list.last_id]);
            (list.data, list.has_more)
        })
    }

    #[test]
    fn pages_follow_each_other_in_both_directions() {
        let numbers =
            |numbers: &[u32], more| Ok((numbers.iter().map(|&number| number.into()).collect(), more));
        assert_eq!(ids("limit=2&order=asc", 5), numbers(&[0, 1], true));
        assert_eq!(ids("limit=2&order=asc&after=1", 5), numbers(&[2, 3], true));
        assert_eq!(ids("limit=2&order=asc&after=3", 5), numbers(&[4], false));
        assert_eq!(ids("limit=2", 5), numbers(&[4, 3], true));
        assert_eq!(ids("limit=2&after=1&order=desc", 5), numbers(&[0], false));
        assert_eq!(ids("after=4&order=asc", 5), numbers(&[], false));
        assert_eq!(ids("limit=100", 100).unwrap().0.len(), 100);
        assert_eq!(ids("", 30).unwrap().0.len(), DEFAULT_LIMIT);
        assert_eq!(ids("", 0), numbers(&[], false));
    }

    #[test]
    fn wrong_parameters_are_named() {
        for (query, param) in [
            ("limit=0", "limit"),
            ("limit=101", "limit"),
            ("limit=x", "limit"),
            ("order=up", "order"),
            ("after=9", "after"),
        ] {
            let error = ids(query, 5).unwrap_err();
            assert_eq!(error.body().error.param.as_deref(), Some(param), "{query}");
        }
    }

    #[test]
    fn labels_are_read_from_brackets() {
        let labels = paging("metadata[a]=1&metadata%5Bb+c%5D=2&metadata=3&model=").metadata();
        assert_eq!(labels, [("a", "1"), ("b c", "2")].map(|(a, b)| (a.into(), b.into())).into());
        assert_eq!(paging("model=").parameter("model"), None);
    }
}
