//! The system's shells: quotes values for them, whatever characters a key, a model's name or a request contains.

use std::fmt::Write as _;

/// The operating system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Platform {
    /// Linux.
    Linux,
    /// macOS.
    MacOs,
    /// Windows.
    Windows,
}

impl Platform {
    /// The system this program was built for.
    #[must_use]
    pub const fn current() -> Self {
        if cfg!(windows) {
            Self::Windows
        } else if cfg!(target_os = "macos") {
            Self::MacOs
        } else {
            Self::Linux
        }
    }
}

/// One word for the shells of Linux and macOS, quoted if needed.
pub(crate) fn posix(word: &str) -> String {
    if needs_no_quotes(word) { word.to_owned() } else { posix_string(word) }
}

/// Any text as one quoted word for the shells of Linux and macOS.
pub(crate) fn posix_string(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// One word for PowerShell, which treats typographic quotes like plain ones, so they are doubled too.
pub(crate) fn powershell(word: &str) -> String {
    // PowerShell splits an unquoted option at a dot or a colon.
    let is_cut = word.starts_with('-') && word.contains(['.', ':']);
    if needs_no_quotes(word) && !is_cut { word.to_owned() } else { powershell_string(word) }
}

/// A string for PowerShell, where an unquoted word as a value would be a command.
pub(crate) fn powershell_string(text: &str) -> String {
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

/// One word for PowerShell and the command prompt alike, as far as they agree.
pub(crate) fn windows(word: &str) -> String {
    let same_in_both = |c: char| c.is_alphanumeric() || r" -_./:=@\&()+,~".contains(c);
    let quoted = powershell(word);
    if quoted != word && word.chars().all(same_in_both) && !word.ends_with('\\') {
        format!("\"{word}\"")
    } else {
        quoted
    }
}

/// One word for the command prompt of Windows, and for a program that splits its command line as Microsoft's C library does.
pub(crate) fn cmd(word: &str) -> String {
    if needs_no_quotes(word) {
        return word.to_owned();
    }
    let (mut argument, mut backslashes) = (String::from('"'), 0);
    for character in word.chars() {
        // A backslash means something only before a quote.
        if character == '"' {
            argument.push_str(&"\\".repeat(backslashes + 1));
        }
        backslashes = if character == '\\' { backslashes + 1 } else { 0 };
        argument.push(character);
    }
    argument.push_str(&"\\".repeat(backslashes));
    argument.push('"');
    // The prompt replaces variables between quotes too, and each further quote ends or begins them.
    if word.contains(['%', '"']) { with_carets(&argument) } else { argument }
}

/// Sets a variable in the command prompt of Windows.
pub(crate) fn cmd_set(name: &str, value: &str) -> String {
    if value.contains(['%', '"']) {
        format!("set {name}={}", with_carets(value))
    } else {
        format!("set \"{name}={value}\"")
    }
}

/// With a caret before each character that the prompt takes for its own. One in the name of a variable keeps it from being replaced.
fn with_carets(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        if "()%!^\"<>&|".contains(character) {
            escaped.push('^');
        }
        escaped.push(character);
    }
    escaped
}

/// A string literal for JSON, Python and JavaScript.
pub(crate) fn literal(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// The same JSON as one quoted word for the shells of Linux and macOS, fish and tcsh included.
///
/// In JSON, every character that a shell or a terminal could take for its own has an escape without one: fish ends a string at
/// `\\'`, tcsh expands `!`, and a control character can end a paste.
pub(crate) fn posix_json(json: &str) -> String {
    format!("'{}'", without_special(json, "'!", false))
}

/// The same JSON as one quoted word for PowerShell, to be piped into a program: as an argument, PowerShell 5 would lose its double
/// quotes. It would also pipe `?` for whatever is not ASCII.
pub(crate) fn powershell_json(json: &str) -> String {
    format!("'{}'", without_special(json, "'!", true))
}

/// The same JSON as one quoted word for the command prompt of Windows: only JSON's own quotes are left, of which the prompt takes
/// every other one for the start of its quotes.
pub(crate) fn cmd_json(json: &str) -> String {
    let json = without_special(json, "\"'!%^&|<>()", true);
    format!("\"{}\"", json.replace('"', "\\\""))
}

/// Without these characters, but with JSON's own quotes.
fn without_special(json: &str, special: &str, ascii: bool) -> String {
    let mut escaped = String::with_capacity(json.len());
    let mut characters = json.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => match characters.next() {
                Some(next) if special.contains(next) => escape(next, &mut escaped),
                Some(next) if next != '\\' => escaped.extend(['\\', next]),
                _ => escaped.push_str(r"\u005c"),
            },
            // White space between two tokens: within a string, JSON has no control characters.
            '\n' | '\r' | '\t' => escaped.push(' '),
            '"' => escaped.push('"'),
            _ if special.contains(character)
                || character.is_control()
                || (ascii && !character.is_ascii()) =>
            {
                escape(character, &mut escaped);
            }
            _ => escaped.push(character),
        }
    }
    escaped
}

/// Appends JSON's escape of the character.
fn escape(character: char, escaped: &mut String) {
    for unit in character.encode_utf16(&mut [0; 2]) {
        let _ = write!(escaped, "\\u{unit:04x}");
    }
}

/// Whether no shell needs quotes for the word.
fn needs_no_quotes(word: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=".contains(c);
    !word.is_empty() && word.chars().all(plain)
}

#[cfg(all(test, windows))]
pub(crate) mod prompt_tests;

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
        assert_eq!(windows("--prefix"), "--prefix");
        assert_eq!(windows("@openai/codex"), r#""@openai/codex""#);
        assert_eq!(windows(r"C:\Jürgen & Co\x"), r#""C:\Jürgen & Co\x""#);
        assert_eq!(windows(r"C:\$Recycle 'it'"), r"'C:\$Recycle ''it'''");
        assert_eq!(posix("it's $HOME"), r"'it'\''s $HOME'");
        assert_eq!(powershell("it's ‘so’ $env:X"), "'it''s ‘‘so’’ $env:X'");
        assert_eq!((posix("").as_str(), powershell("").as_str()), ("''", "''"));
        assert_eq!(literal("a\"b\\c\n‘ö’"), r#""a\"b\\c\n‘ö’""#);
    }

    /// JSON that is hard on shells.
    pub(super) fn mean_json() -> Vec<String> {
        let mut texts: Vec<String> = [
            "it's",
            r"ends with a backslash \",
            r"\'; touch /tmp/owned; echo '",
            "‘$(calc)’ `x` $env:PATH %PATH% !! !1 ^& | > \"quoted\"",
            "'; Start-Process calc; '",
            "”; calc; “ ‚ ‛",
            "two\nlines\r\nand a tab\t",
            "\u{1b}[201~ends a paste\u{9b}201~\u{7f}\u{85}",
            "Grüße, 你好 🦀",
            "@file <in --option",
        ]
        .map(str::to_owned)
        .into();
        texts.push((0..0x250).filter_map(char::from_u32).collect());
        let json = |text: &String| serde_json::json!({"content": text, text.as_str(): [1, null]});
        let pretty = |value| format!("{value:#}");
        texts.iter().map(json).map(pretty).collect()
    }

    #[test]
    fn quoted_json_is_the_same_json_and_ends_no_string_paste_or_line() {
        for json in mean_json() {
            let same = |quoted: &str| {
                let inner = quoted.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\'')).unwrap();
                assert!(!inner.contains(['\'', '!']) && !inner.chars().any(char::is_control), "{inner}");
                assert!(!inner.contains(r"\\"), "{inner}");
                let parsed: serde_json::Value = serde_json::from_str(inner).unwrap();
                assert_eq!(parsed, serde_json::from_str::<serde_json::Value>(&json).unwrap());
            };
            same(&posix_json(&json));
            let powershell = powershell_json(&json);
            same(&powershell);
            assert!(powershell.is_ascii(), "no typographic quotes either: {powershell}");
        }
    }

    // Unix only: it runs the shells of Unix.
    #[cfg(unix)]
    #[test]
    fn every_shell_parses_quoted_json_back() {
        for shell in ["sh", "bash", "dash", "zsh", "fish", "tcsh"] {
            for json in mean_json() {
                let script = format!("printf %s {}", posix_json(&json));
                let Ok(output) = std::process::Command::new(shell).args(["-c", &script]).output() else {
                    break;
                };
                let text = String::from_utf8(output.stdout).unwrap();
                let parsed: serde_json::Value =
                    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{shell}: {error}: {text}"));
                assert_eq!(parsed, serde_json::from_str::<serde_json::Value>(&json).unwrap(), "{shell}");
            }
        }
    }

    // Unix only: it runs the shells of Unix.
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
