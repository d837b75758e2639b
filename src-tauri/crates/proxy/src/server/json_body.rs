//! Parses the bytes of a body as a JSON object.

use serde_json::{Map, Value};

use crate::error::ApiError;

/// Maximum JSON values in a body. The smallest take a hundred times their text in memory, so this is about 300 MB. A
/// conversation of 100,000 messages has fewer.
pub(super) const MAX_JSON_VALUES: usize = 1_000_000;

/// Length of an escape such as `\ud83d`.
const UNICODE_ESCAPE: usize = 6;

/// Parses a body. A byte-order mark is skipped, and half a surrogate pair becomes U+FFFD: JavaScript writes one where it
/// cuts a text inside an emoji.
///
/// # Errors
/// When it is not a JSON object, or has too many values.
pub(super) fn parse(mut body: Vec<u8>) -> Result<Map<String, Value>, ApiError> {
    replace_lone_surrogates(&mut body);
    let json = body.strip_prefix("\u{feff}".as_bytes()).unwrap_or(&body);
    if has_too_many_values(json) {
        let message = format!("The body has more than {MAX_JSON_VALUES} values. Send fewer.");
        return Err(ApiError::unreadable(message).loggable());
    }
    match serde_json::from_slice(json) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err(ApiError::unreadable("The body must be a JSON object.")),
        Err(error) => {
            // Of a syntax error, serde_json names only the place.
            Err(ApiError::unreadable(format!("The body is not valid JSON: {error}.")).loggable())
        }
    }
}

/// Whether a body has more than [`MAX_JSON_VALUES`] values, counted by separators outside strings.
fn has_too_many_values(body: &[u8]) -> bool {
    if body.len() <= MAX_JSON_VALUES {
        return false;
    }
    let (mut values, mut in_string, mut escaped) = (1_usize, false, false);
    for byte in body {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b',' | b'[' | b'{' if !in_string => values += 1,
            _ => {}
        }
    }
    values > MAX_JSON_VALUES
}

/// Replaces each `\uD800` to `\uDFFF` that is not half of a pair by `\ufffd`, which is as long.
fn replace_lone_surrogates(body: &mut [u8]) {
    let mut at = 0;
    while let Some(next) = body.get(at..).and_then(|rest| rest.iter().position(|byte| *byte == b'\\')) {
        at += next;
        at += match (code_unit(body, at), code_unit(body, at + UNICODE_ESCAPE)) {
            (Some(0xD800..=0xDBFF), Some(0xDC00..=0xDFFF)) => 2 * UNICODE_ESCAPE,
            (Some(0xD800..=0xDFFF), _) => {
                body[at..at + UNICODE_ESCAPE].copy_from_slice(b"\\ufffd");
                UNICODE_ESCAPE
            }
            // The character after a backslash is part of its escape.
            _ => 2,
        };
    }
}

/// The code unit of the escape at this position.
fn code_unit(body: &[u8], at: usize) -> Option<u16> {
    let digits = body.get(at..at + UNICODE_ESCAPE)?.strip_prefix(b"\\u")?;
    let digits = std::str::from_utf8(digits).ok().filter(|digits| !digits.starts_with('+'))?;
    u16::from_str_radix(digits, 16).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    /// Parses `{"a":"TEXT"}`.
    fn parsed(text: &str) -> Result<Value, ApiError> {
        parse(format!("{{\"a\":\"{text}\"}}").into_bytes()).map(|mut object| object["a"].take())
    }

    #[test]
    fn half_a_surrogate_pair_becomes_the_replacement_character() {
        for (text, expected) in [
            ("\\ud800", "\u{fffd}"),
            ("\\uDFFF", "\u{fffd}"),
            ("a\\ud83d", "a\u{fffd}"),
            ("\\ud83d\\ude00", "😀"),
            ("\\ud83d\\ud83d\\ude00", "\u{fffd}😀"),
            ("\\ude00\\ud83d", "\u{fffd}\u{fffd}"),
            ("\\ud83dx", "\u{fffd}x"),
            ("\\ud83d\\n", "\u{fffd}\n"),
            ("\\\\ud83d", "\\ud83d"),
            ("\\\\\\ud83d", "\\\u{fffd}"),
            ("\\u00e9", "é"),
        ] {
            assert_eq!(parsed(text), Ok(json!(expected)), "{text}");
        }
        for text in ["\\u+d80", "\\ud8", "\\", "\\ud80é"] {
            assert!(parsed(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_byte_order_mark_is_skipped() {
        assert_eq!(parse("\u{feff}{\"a\":1}".into()).unwrap()["a"], 1);
        assert!(parse("\u{feff}".into()).is_err());
        assert!(parse("{}\u{feff}".into()).is_err());
    }

    proptest! {
        #[test]
        fn any_text_that_is_valid_json_keeps_its_meaning(text in any::<String>(), bytes in any::<Vec<u8>>()) {
            let body = json!({ "a": text });
            prop_assert_eq!(Value::Object(parse(body.to_string().into()).unwrap()), body);
            let _any_result = parse(bytes);
        }
    }
}
