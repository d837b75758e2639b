//! Values as they are written in a shell and in a program, so that what is copied means what was shown, whatever characters
//! a key or a model's name has.

use crate::text::posix_string;

/// One word for the shells of Linux and macOS. Plain words stay as they are.
pub(super) fn posix(word: &str) -> String {
    if is_plain(word) { word.to_owned() } else { posix_string(word) }
}

/// One word for PowerShell. It takes typographic quotes for plain ones, so these are doubled as well.
pub(super) fn powershell(word: &str) -> String {
    // PowerShell cuts a bare option in two at a dot or a colon.
    let is_cut = word.starts_with('-') && word.contains(['.', ':']);
    if is_plain(word) && !is_cut { word.to_owned() } else { powershell_string(word) }
}

/// A string for PowerShell, which takes a bare word for a command where a value is meant.
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

/// A string of JSON, Python and JavaScript alike.
pub(super) fn literal(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// Whether every shell reads the word as it stands.
fn is_plain(word: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=".contains(c);
    !word.is_empty() && word.chars().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_where_they_need_it() {
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
    fn a_shell_reads_back_what_was_quoted() {
        for word in ["it's", "$(id)`id`", "a b\t\"c\"\\", "sk-…abcd", "*?[x]~!", "new\nline"] {
            let script = format!("printf %s {}", posix(word));
            let output = std::process::Command::new("sh").args(["-c", &script]).output().unwrap();
            assert_eq!(String::from_utf8(output.stdout).unwrap(), word);
        }
    }
}
