//! Values in forms that clients send besides OpenAI's own.

use serde::de::{Deserialize, Deserializer, Error};
use serde_json::Value;

/// `null` like an absent field.
pub(crate) fn or_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}

/// A whole number, also written as a float.
pub(crate) fn whole<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: TryFrom<u64>,
{
    let value = Value::deserialize(deserializer)?;
    if value.is_null() {
        return Ok(None);
    }
    let number = whole_number(&value).and_then(|number| T::try_from(number).ok());
    number.map(Some).ok_or_else(|| D::Error::custom("expected a whole number"))
}

/// A maximum number of tokens. Other services take -1 for no limit.
pub(crate) fn max_tokens<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    let value = Value::deserialize(deserializer)?;
    if value.as_f64() == Some(-1.0) { Ok(None) } else { whole(value).map_err(D::Error::custom) }
}

/// The arguments of a call: a string of JSON, or the object itself.
pub(crate) fn arguments<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    match Value::deserialize(deserializer)? {
        Value::String(text) => Ok(text),
        Value::Null => Ok(String::new()),
        object @ Value::Object(_) => Ok(object.to_string()),
        _ => Err(D::Error::custom("expected a string of JSON")),
    }
}

/// A number that is whole and not negative.
fn whole_number(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| {
        let float = value.as_f64().filter(|float| *float >= 0.0 && float.fract() == 0.0)?;
        float.to_string().parse().ok()
    })
}
