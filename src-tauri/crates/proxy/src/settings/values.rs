//! How values are parsed, whatever layer they come from: the fields' types validate them, and one function merges layers.

use std::fmt::Display;
use std::net::IpAddr;

use serde::de::{DeserializeOwned, Error, IntoDeserializer};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

use super::RENAMED;

/// An invalid value of one setting.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "bindings", derive(ts_rs::TS), ts(export))]
pub struct FieldError {
    /// The field's name in the settings.
    pub field: String,
    /// What is wrong and what is allowed, as sentences.
    pub message: String,
}

impl FieldError {
    /// An error in `field`.
    pub fn new(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { field: field.into(), message: message.into() }
    }
}

/// Merges `layer` into `settings`, and reports the values that are invalid; those leave the setting as it was. Unknown fields
/// are ignored, former names count. Texts are trimmed, and a blank one unsets the field.
pub fn merge<T: Clone + Serialize + DeserializeOwned>(
    settings: &T,
    layer: &Map<String, Value>,
) -> (T, Vec<FieldError>) {
    let (mut merged, mut fields, mut wrong) = (settings.clone(), fields(settings), Vec::new());
    for (name, value) in layer {
        let value = match value.as_str().map(str::trim) {
            Some("") => Value::Null,
            Some(text) => text.into(),
            None => value.clone(),
        };
        let mut tried = fields.clone();
        tried.insert(current_name(name).to_owned(), value);
        match T::deserialize(&tried) {
            Ok(next) => (merged, fields) = (next, tried),
            Err(error) => wrong.push(FieldError::new(name, expected(&error))),
        }
    }
    (merged, wrong)
}

/// The name that a field has now.
#[must_use]
pub fn current_name(field: &str) -> &str {
    RENAMED.iter().find(|renamed| renamed.field == field).map_or(field, |renamed| renamed.now)
}

/// The fields of settings as JSON. Serialization cannot fail: all texts are UTF-8, paths too.
pub fn fields(settings: &impl Serialize) -> Map<String, Value> {
    match serde_json::to_value(settings) {
        Ok(Value::Object(fields)) => fields,
        _ => Map::new(),
    }
}

/// Parses one of a few words, in any case.
///
/// # Errors
/// The words to choose from, as a sentence.
pub fn choice<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    let word = text.to_ascii_lowercase();
    T::deserialize(word.as_str().into_deserializer())
        .map_err(|error: serde::de::value::Error| expected(&error))
}

/// What is allowed, from serde's error about a value.
fn expected(error: &impl Display) -> String {
    let error = error.to_string();
    let Some((_, words)) = error.split_once("expected ") else { return error };
    let words = words.trim_start_matches("one of ").replace('`', "");
    match words.rsplit_once(", ") {
        Some((most, last)) => format!("Choose {most} or {last}."),
        None => format!("Choose {words}."),
    }
}

/// A value as text; anything but a string as JSON.
pub(super) fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let value = Value::deserialize(deserializer)?;
    Ok(value.as_str().map_or_else(|| value.to_string(), str::to_owned))
}

pub(super) fn word<'de, D: Deserializer<'de>, T: DeserializeOwned>(deserializer: D) -> Result<T, D::Error> {
    choice(&text(deserializer)?).map_err(D::Error::custom)
}

pub(super) fn switch<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    match text(deserializer)?.to_ascii_lowercase().as_str() {
        "on" | "true" | "1" => Ok(true),
        "off" | "false" | "0" => Ok(false),
        _ => Err(D::Error::custom("Choose on or off.")),
    }
}

pub(super) fn host<'de, D: Deserializer<'de>>(deserializer: D) -> Result<IpAddr, D::Error> {
    let ip = text(deserializer)?.replace("localhost", "127.0.0.1");
    let ip = ip.trim_start_matches('[').trim_end_matches(']').parse();
    ip.map_err(|_| D::Error::custom("Use an IP address, such as 127.0.0.1."))
}

/// A list as JSON, or as text with commas or line breaks between the items.
pub(super) fn list<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let text = match Value::deserialize(deserializer)? {
        Value::Array(values) => values.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(","),
        Value::Null => String::new(),
        value => value
            .as_str()
            .map(|text| text.replace('\n', ","))
            .ok_or_else(|| D::Error::custom("Use a list of texts."))?,
    };
    Ok(items(&text).map(str::to_owned).collect())
}

/// The items of a list with commas between them.
pub(super) fn items(list: &str) -> impl Iterator<Item = &str> {
    list.split(',').map(str::trim).filter(|item| !item.is_empty())
}
