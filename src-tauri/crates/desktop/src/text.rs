//! Truncates and joins text.

/// The first `max` characters, with an ellipsis if there were more. Control characters except line breaks become spaces, because
/// most of this text comes from a client or a server.
pub(crate) fn truncate(text: &str, max: usize) -> String {
    let printable = |c: char| if c.is_control() && c != '\n' { ' ' } else { c };
    let mut truncated: String = text.chars().take(max).map(printable).collect();
    if text.chars().nth(max).is_some() {
        truncated.push('…');
    }
    truncated
}

/// Joins the texts that are `Some`; `None` if there are none.
pub(crate) fn join_some(texts: impl IntoIterator<Item = Option<String>>, separator: &str) -> Option<String> {
    let texts: Vec<String> = texts.into_iter().flatten().collect();
    (!texts.is_empty()).then(|| texts.join(separator))
}
