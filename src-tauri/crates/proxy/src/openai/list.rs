//! A page of a list.

use serde::Serialize;
use utoipa::ToSchema;

/// A page of a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct List<T: ToSchema> {
    /// Always `list`.
    pub object: &'static str,
    /// The entries, in the order that was asked for.
    pub data: Vec<T>,
    /// ID of the first entry; `null` if there is none.
    pub first_id: Option<String>,
    /// ID of the last entry, to be sent as `after` for the next page; `null` if there is none.
    pub last_id: Option<String>,
    /// Whether there are more.
    pub has_more: bool,
}

impl<T: ToSchema> List<T> {
    /// A list of these entries, with their ids.
    pub(crate) fn new(entries: Vec<(String, T)>, has_more: bool) -> Self {
        let id = |entry: Option<&(String, T)>| entry.map(|(id, _)| id.clone());
        let (first_id, last_id) = (id(entries.first()), id(entries.last()));
        let data = entries.into_iter().map(|(_, entry)| entry).collect();
        Self { object: "list", data, first_id, last_id, has_more }
    }
}

/// Confirmation that a stored object was deleted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Deleted {
    /// ID of the deleted object.
    pub id: String,
    /// Type of the object, with `.deleted`.
    pub object: &'static str,
    /// Always true.
    pub deleted: bool,
}
