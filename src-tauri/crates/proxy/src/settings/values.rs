//! How values are read, in whichever layer they stand: the types of the fields judge them, and one merge puts layers together.

use std::fmt::Display;
use std::net::IpAddr;

use serde::de::{DeserializeOwned, Error, IntoDeserializer};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

/// What is wrong with one field of the settings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "bindings", derive(ts_rs::TS), ts(export))]
pub struct FieldError {
    /// The field's name in the settings.
    pub field: String,
    /// What is wrong and what would be right.
    pub message: String,
}

impl FieldError {
    /// Of the field `field`, with a sentence.
    pub fn new(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { field: field.into(), message: message.into() }
    }
}

/// `settings` with the values of `layer`, and what is wrong with those that could not be taken. Fields that `settings` does
/// not have are passed over. Texts are trimmed, and a blank one is nothing.
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
        tried.insert(name.clone(), value);
        match T::deserialize(&tried) {
            Ok(next) => (merged, fields) = (next, tried),
            Err(error) => wrong.push(FieldError::new(name, wanted(&error))),
        }
    }
    (merged, wrong)
}

/// The fields of settings, as they are written down. All can be: their texts are UTF-8, paths too.
pub fn fields(settings: &impl Serialize) -> Map<String, Value> {
    match serde_json::to_value(settings) {
        Ok(Value::Object(fields)) => fields,
        _ => Map::new(),
    }
}

/// One of a few words, as they are written in the settings file.
///
/// # Errors
/// The words to choose from.
pub fn choice<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    let word = text.to_ascii_lowercase();
    T::deserialize(word.as_str().into_deserializer()).map_err(|error: serde::de::value::Error| wanted(&error))
}

/// What would be right, of an error that serde made of a value.
fn wanted(error: &impl Display) -> String {
    let error = error.to_string();
    let Some((_, words)) = error.split_once("expected ") else { return error };
    let words = words.trim_start_matches("one of ").replace('`', "");
    match words.rsplit_once(", ") {
        Some((most, last)) => format!("Choose {most} or {last}."),
        None => format!("Choose {words}."),
    }
}

/// A value as it is typed; anything but a text is written as in JSON.
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
    ip.map_err(|_| D::Error::custom("Name an IP address to listen on, such as 127.0.0.1."))
}

/// The items of a list with commas between them.
pub(super) fn items(list: &str) -> impl Iterator<Item = &str> {
    list.split(',').map(str::trim).filter(|item| !item.is_empty())
}
