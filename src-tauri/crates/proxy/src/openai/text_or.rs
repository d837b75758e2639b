//! A field that is either a string or an array, as several fields of OpenAI's API are.

use serde::{Deserialize, Deserializer, Serialize};
use serde_untagged::UntaggedEnumVisitor;
use utoipa::ToSchema;

/// A string, or an array. A single element of the array is accepted without its brackets.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = StringOrArray)]
#[serde(untagged)]
pub(crate) enum TextOr<T> {
    /// One string.
    Text(String),
    /// The elements, in order.
    Parts(Vec<T>),
}

// Not serde's own `untagged`: an error then names the part that is wrong, and not "no variant matched".
impl<'de, T: Deserialize<'de>> Deserialize<'de> for TextOr<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        UntaggedEnumVisitor::new()
            .expecting("a string or an array")
            .string(|text| Ok(Self::Text(text.to_owned())))
            .seq(|parts| parts.deserialize().map(Self::Parts))
            // Some clients send a single part without its array.
            .map(|part| part.deserialize().map(|part| Self::Parts(vec![part])))
            .deserialize(deserializer)
    }
}
