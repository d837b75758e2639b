//! codex's own words about a failure, shortened for logs and error texts.

/// Characters that are kept. codex may quote pages of a server's output.
const MAX_CHARS: usize = 300;

/// One line of codex's `message`, without a final period, in which files have only their names and a position in one is
/// "config.toml, line 3". Values of settings are left out, since they may be keys.
#[must_use]
pub fn brief(message: &str) -> String {
    let mut words: Vec<String> = Vec::new();
    let mut in_path = false;
    for word in without_values(message).split_whitespace() {
        if !is_absolute(word) {
            in_path &= word.contains(['/', '\\']);
            if !in_path {
                words.push(word.to_owned());
                continue;
            }
            // The folder before had a space in its name.
            words.pop();
        }
        words.push(with_line(&without_folders(word)));
        in_path = !word.ends_with([':', ')', ',', '`', '"', '\'']);
    }
    let text: String = words.join(" ").chars().take(MAX_CHARS).collect();
    text.trim_end_matches(['.', ':', ' ']).to_owned()
}

/// serde quotes values as `string "sk-…"`.
fn without_values(message: &str) -> String {
    let mut parts = message.split("string \"");
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let rest = part.split_once('"').map_or("", |(_, rest)| rest);
        text.push_str("string \"…\"");
        text.push_str(rest);
    }
    text
}

/// What may stand before a path.
const OPENING: [char; 5] = ['(', '[', '"', '\'', '`'];

fn is_absolute(word: &str) -> bool {
    let mut chars = word.trim_start_matches(OPENING).chars();
    match (chars.next(), chars.next(), chars.next()) {
        (Some('/'), Some(_), _) | (Some('\\'), Some('\\'), _) => true,
        (Some(drive), Some(':'), Some('\\' | '/')) => drive.is_ascii_alphabetic(),
        _ => false,
    }
}

/// The last part of a path.
fn without_folders(word: &str) -> String {
    let path = word.trim_start_matches(OPENING);
    let opening = &word[..word.len() - path.len()];
    let name = path.rsplit(['/', '\\']).find(|part| !part.is_empty()).unwrap_or(path);
    format!("{opening}{name}")
}

/// `config.toml:3:14:` as `config.toml, line 3:`.
fn with_line(word: &str) -> String {
    let mut parts = word.trim_end_matches(':').rsplitn(3, ':');
    let (column, line, file) = (parts.next(), parts.next(), parts.next());
    let is_number = |text: Option<&str>| text.is_some_and(|text| text.parse::<u32>().is_ok());
    match (file, line) {
        (Some(file), Some(number)) if is_number(line) && is_number(column) && file.contains('.') => {
            format!("{file}, line {number}:")
        }
        _ => word.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codexs_words_are_kept_without_folders_values_and_line_breaks() {
        for (message, expected) in [
            (
                "/home/me/.codex/config.toml:3:14: unknown variant `yolo`, expected one of `read-only`",
                "config.toml, line 3: unknown variant `yolo`, expected one of `read-only`",
            ),
            (
                "failed to load: /Users/me/Library/Application Support/x/config.toml:8:1: invalid transport",
                "failed to load: config.toml, line 8: invalid transport",
            ),
            (
                "C:\\Users\\me\\config.toml:3:22: invalid type: string \"sk-secret\", expected i64",
                "config.toml, line 3: invalid type: string \"…\", expected i64",
            ),
            ("not allowed (set by /etc/codex/requirements.toml).", "not allowed (set by requirements.toml)"),
            (
                "ignoring a setting.\n  user (/h/config.toml): `foo` is ignored.",
                "ignoring a setting. user (config.toml): `foo` is ignored",
            ),
            ("x: No such file or directory (os error 2)", "x: No such file or directory (os error 2)"),
            ("read and/or write http://127.0.0.1:1/v1", "read and/or write http://127.0.0.1:1/v1"),
        ] {
            assert_eq!(brief(message), expected);
        }
        assert_eq!(brief(&"x".repeat(1000)).len(), MAX_CHARS);
    }
}
