//! Texts for the window: those from outside made short enough, sentences put together, words for a shell.

/// The first `max` characters of a text, with an ellipsis when there were more, and without control characters other than line
/// breaks: most of what is truncated comes from a client or a server.
pub(crate) fn truncated(text: &str, max: usize) -> String {
    let shown = |c: char| if c.is_control() && c != '\n' { ' ' } else { c };
    let mut kept: String = text.chars().take(max).map(shown).collect();
    if text.chars().nth(max).is_some() {
        kept.push('…');
    }
    kept
}

/// The texts that there are, with `between` in between; `None` if there are none.
pub(crate) fn joined(texts: impl IntoIterator<Item = Option<String>>, between: &str) -> Option<String> {
    let texts: Vec<String> = texts.into_iter().flatten().collect();
    (!texts.is_empty()).then(|| texts.join(between))
}

/// A text as one word of a POSIX shell, quoted whatever it is.
pub(crate) fn posix_string(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}
