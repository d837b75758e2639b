//! Labels that clients give to what is stored.

use std::collections::BTreeMap;

use serde_json::Value;

use super::shorten;
use crate::error::ApiError;

/// Maximum number of labels.
const MAX_LABELS: usize = 16;

/// Maximum length of a label's name, in characters.
const MAX_NAME_CHARS: usize = 64;

/// Maximum length of a label's value, in characters.
const MAX_VALUE_CHARS: usize = 512;

/// Parses labels within OpenAI's bounds.
///
/// # Errors
/// [`ApiError`] naming the problem.
pub(crate) fn parse(metadata: Option<&Value>) -> Result<BTreeMap<String, String>, ApiError> {
    let labels = match metadata {
        None | Some(Value::Null) => return Ok(BTreeMap::new()),
        Some(Value::Object(labels)) => labels,
        Some(_) => return Err(ApiError::invalid("metadata", "metadata must be an object of strings.")),
    };
    if labels.len() > MAX_LABELS {
        let message = format!("metadata may have {MAX_LABELS} labels, not {}.", labels.len());
        return Err(ApiError::invalid("metadata", message));
    }
    let label = |(name, value): (&String, &Value)| {
        let param = || format!("metadata.{}", shorten(name));
        if name.chars().count() > MAX_NAME_CHARS {
            let message = format!("The name of a label may have {MAX_NAME_CHARS} characters.");
            return Err(ApiError::invalid(param(), message));
        }
        match value.as_str() {
            Some(value) if value.chars().count() > MAX_VALUE_CHARS => {
                let message = format!("The value of a label may have {MAX_VALUE_CHARS} characters.");
                Err(ApiError::invalid(param(), message))
            }
            Some(value) => Ok((name.clone(), value.to_owned())),
            None => Err(ApiError::invalid(param(), "The value of a label must be a string.")),
        }
    };
    labels.iter().map(label).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::translate::refused;

    #[test]
    fn labels_are_strings_within_openais_bounds() {
        let many = |count: usize| Value::Object((0..count).map(|n| (n.to_string(), json!(""))).collect());
        assert_eq!(parse(None), Ok(BTreeMap::new()));
        assert_eq!(parse(Some(&Value::Null)), Ok(BTreeMap::new()));
        assert_eq!(parse(Some(&many(MAX_LABELS))).unwrap().len(), MAX_LABELS);
        let longest = json!({"é".repeat(MAX_NAME_CHARS): "é".repeat(MAX_VALUE_CHARS)});
        assert_eq!(parse(Some(&longest)).unwrap().len(), 1);
        for (wrong, param) in [
            (json!("a"), "metadata"),
            (json!({"a": 1}), "metadata.a"),
            (json!({"a": "x".repeat(MAX_VALUE_CHARS + 1)}), "metadata.a"),
            (json!({"x".repeat(MAX_NAME_CHARS + 1): ""}), &format!("metadata.{}", "x".repeat(40))),
            (many(MAX_LABELS + 1), "metadata"),
        ] {
            assert_eq!(refused(parse(Some(&wrong))), (true, param.to_owned()), "{wrong}");
        }
    }
}
