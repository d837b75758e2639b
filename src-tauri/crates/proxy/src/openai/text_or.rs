//! A field that is either one string or an array of parts, as OpenAI's API has several.

use serde::{Deserialize, Deserializer, Serialize};
use serde_untagged::UntaggedEnumVisitor;
use utoipa::ToSchema;

/// A string, or parts.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(untagged)]
pub(crate) enum TextOr<T> {
    /// One string.
    Text(String),
    /// Parts, in order.
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
