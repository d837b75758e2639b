//! Parses lists of directives: `words=8 say="two words" tool=get_weather:{"city":"Köln"}`.
//!
//! The sample model finds them in `[[ … ]]` in a prompt, fake-codex in an environment variable. The parser splits keys from
//! values without interpreting them, and preserves JSON values character by character.

use std::fmt;

/// A key with an optional value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Directive {
    /// The part before the `=`.
    pub key: String,
    /// The part after the `=`: decoded if it is a JSON string, otherwise verbatim.
    pub value: Option<String>,
}

/// A syntax error in a list of directives, or an invalid directive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirectiveError(pub(crate) String);

impl fmt::Display for DirectiveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for DirectiveError {}

/// Parses a text as a list of directives.
pub fn parse_list(text: &str) -> Result<Vec<Directive>, DirectiveError> {
    let mut cursor = Cursor { text, at: 0 };
    let mut list = Vec::new();
    while let Some(directive) = cursor.next(false)? {
        list.push(directive);
    }
    Ok(list)
}

/// Parses every `[[ … ]]` in a prompt whose first key `is_known`, as one list.
///
/// Other double brackets, such as a shell test or a wiki link, are text.
pub fn parse_prompt(text: &str, is_known: impl Fn(&str) -> bool) -> Result<Vec<Directive>, DirectiveError> {
    let mut list = Vec::new();
    let mut at = 0;
    while let Some(found) = text[at..].find("[[") {
        at += found + 2;
        let mut cursor = Cursor { text, at };
        if !is_known(cursor.peek_key()) {
            continue;
        }
        while let Some(directive) = cursor.next(true)? {
            list.push(directive);
        }
        at = cursor.at;
    }
    Ok(list)
}

struct Cursor<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Cursor<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn skip_whitespace(&mut self) {
        self.at += self.rest().len() - self.rest().trim_start().len();
    }

    fn peek_key(&mut self) -> &'a str {
        self.skip_whitespace();
        let rest = self.rest();
        let end = rest.find(|c: char| c == '=' || c == ']' || c.is_whitespace()).unwrap_or(rest.len());
        &rest[..end]
    }

    /// The next directive, or `None` at the end of the text or, if `bracketed`, at `]]`.
    fn next(&mut self, bracketed: bool) -> Result<Option<Directive>, DirectiveError> {
        let key = self.peek_key();
        if self.rest().is_empty() {
            return if bracketed { Err(DirectiveError("`[[` without `]]`".to_owned())) } else { Ok(None) };
        }
        if bracketed && self.rest().starts_with("]]") {
            self.at += 2;
            return Ok(None);
        }
        if key.is_empty() {
            return Err(DirectiveError(format!("expected a key at `{}`", start_of(self.rest()))));
        }
        self.at += key.len();
        let value = if self.rest().starts_with('=') {
            self.at += 1;
            Some(self.value(bracketed)?)
        } else {
            None
        };
        Ok(Some(Directive { key: key.to_owned(), value }))
    }

    fn value(&mut self, bracketed: bool) -> Result<String, DirectiveError> {
        let rest = self.rest();
        if rest.starts_with('"') {
            let mut strings = serde_json::Deserializer::from_str(rest).into_iter::<String>();
            return match strings.next() {
                Some(Ok(value)) => {
                    self.at += strings.byte_offset();
                    Ok(value)
                }
                _ => Err(DirectiveError(format!("not a JSON string: `{}`", start_of(rest)))),
            };
        }
        let end = value_end(rest, bracketed)?;
        self.at += end;
        Ok(rest[..end].to_owned())
    }
}

/// The end of an unquoted value, which may contain whitespace and `]]` within JSON braces or brackets.
fn value_end(text: &str, bracketed: bool) -> Result<usize, DirectiveError> {
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    for (at, c) in text.char_indices() {
        if in_string {
            match c {
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                '"' => in_string = false,
                _ => {}
            }
            continue;
        }
        match c {
            '"' if depth > 0 => in_string = true,
            '{' | '[' => depth += 1,
            ']' if depth == 0 && bracketed && text[at..].starts_with("]]") => return Ok(at),
            '}' | ']' => depth = depth.saturating_sub(1),
            c if c.is_whitespace() && depth == 0 => return Ok(at),
            _ => {}
        }
    }
    if depth > 0 || bracketed {
        return Err(DirectiveError(format!("unterminated value: `{}`", start_of(text))));
    }
    Ok(text.len())
}

/// Shortens a text for an error message.
fn start_of(text: &str) -> String {
    text.chars().take(40).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(list: &[Directive]) -> Vec<(&str, Option<&str>)> {
        list.iter().map(|d| (d.key.as_str(), d.value.as_deref())).collect()
    }

    #[test]
    fn keys_values_strings_and_json_are_parsed() {
        let list = parse_list(
            r#"echo words=3 say="two words \"ü\"\n" tool=get_weather:{"city": "Köln }"} x=[[1] ,2]"#,
        );
        assert_eq!(
            pairs(&list.unwrap()),
            [
                ("echo", None),
                ("words", Some("3")),
                ("say", Some("two words \"ü\"\n")),
                ("tool", Some(r#"get_weather:{"city": "Köln }"}"#)),
                ("x", Some("[[1] ,2]")),
            ]
        );
    }

    #[test]
    fn blocks_anywhere_in_a_prompt_are_parsed() {
        let text = "Hi [[words=2]] there [[ tool=f:{\"a\":[[1]]} every=5 ]]!";
        let list = parse_prompt(text, |_| true).unwrap();
        assert_eq!(
            pairs(&list),
            [("words", Some("2")), ("tool", Some("f:{\"a\":[[1]]}")), ("every", Some("5"))]
        );
    }

    #[test]
    fn other_double_brackets_are_text() {
        let known = |key: &str| key == "words";
        assert_eq!(parse_prompt("if [[ -f x ]]; see [[Page", known).unwrap(), []);
        assert_eq!(parse_prompt("[[words", known).unwrap_err().to_string(), "`[[` without `]]`");
    }

    #[test]
    fn unterminated_values_and_blocks_are_errors() {
        assert!(parse_list("say=\"open").is_err());
        assert!(parse_list("tool=f:{\"a\":1").is_err());
        assert!(parse_prompt("[[ words=1", |_| true).is_err());
    }
}
