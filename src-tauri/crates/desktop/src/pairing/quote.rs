//! Quotes values for shells and programs, whatever characters a key or a model's name contains.

use crate::text::quote_posix;

/// One word for the shells of Linux and macOS, quoted if needed.
pub(super) fn posix(word: &str) -> String {
    if needs_no_quotes(word) { word.to_owned() } else { quote_posix(word) }
}

/// One word for PowerShell, which treats typographic quotes like plain ones, so they are doubled too.
pub(super) fn powershell(word: &str) -> String {
    // PowerShell splits an unquoted option at a dot or a colon.
    let is_cut = word.starts_with('-') && word.contains(['.', ':']);
    if needs_no_quotes(word) && !is_cut { word.to_owned() } else { powershell_string(word) }
}

/// A string for PowerShell, where an unquoted word as a value would be a command.
pub(super) fn powershell_string(text: &str) -> String {
    let mut quoted = String::from("'");
    for character in text.chars() {
        if matches!(character, '\'' | '\u{2018}'..='\u{201b}') {
            quoted.push(character);
        }
        quoted.push(character);
    }
    quoted.push('\'');
    quoted
}

/// A string literal for JSON, Python and JavaScript.
pub(super) fn literal(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// Whether no shell needs quotes for the word.
fn needs_no_quotes(word: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=".contains(c);
    !word.is_empty() && word.chars().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_only_if_needed() {
        for plain in ["http://127.0.0.1:8000/v1", "sk-cp-0a1b", "--name"] {
            assert_eq!((posix(plain).as_str(), powershell(plain).as_str()), (plain, plain));
        }
        assert_eq!(posix("--add-host=a.b:c"), "--add-host=a.b:c");
        assert_eq!(powershell("--add-host=a.b:c"), "'--add-host=a.b:c'");
        assert_eq!(posix("it's $HOME"), r"'it'\''s $HOME'");
        assert_eq!(powershell("it's ‘so’ $env:X"), "'it''s ‘‘so’’ $env:X'");
        assert_eq!((posix("").as_str(), powershell("").as_str()), ("''", "''"));
        assert_eq!(literal("a\"b\\c\n‘ö’"), r#""a\"b\\c\n‘ö’""#);
    }

    #[cfg(unix)]
    #[test]
    fn a_shell_parses_quoted_words_back() {
        for word in ["it's", "$(id)`id`", "a b\t\"c\"\\", "sk-…abcd", "*?[x]~!", "new\nline"] {
            let script = format!("printf %s {}", posix(word));
            let output = std::process::Command::new("sh").args(["-c", &script]).output().unwrap();
            assert_eq!(String::from_utf8(output.stdout).unwrap(), word);
        }
    }
}
