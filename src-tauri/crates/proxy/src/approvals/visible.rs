//! Text that a person decides on, with nothing hidden in it.
//!
//! Characters that cannot be seen, or that change how others are shown, become escapes such as `\u{202e}`. Every `\u{` in the
//! result begins an escape, so the original can be restored.

use std::fmt::Write as _;

/// `text` with everything written out that cannot be seen. Newlines and tabs stay.
pub(crate) fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut before = None;
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        let stays = match c {
            // Escaped, so that every `\u{` is an escape of ours.
            '\\' => !(rest.peek() == Some(&'u') && rest.clone().nth(1) == Some('{')),
            '\r' => rest.peek() == Some(&'\n'),
            '\n' | '\t' | ' '..='~' => true,
            c => !is_blank(c) && is_printable(c, before),
        };
        if stays {
            shown.push(c);
        } else {
            // Writing to a string cannot fail.
            let _ = write!(shown, "\\u{{{:x}}}", u32::from(c));
        }
        before = Some(c);
    }
    shown
}

/// Reverses [`visible`].
pub(crate) fn original(shown: &str) -> String {
    let mut text = String::with_capacity(shown.len());
    let mut rest = shown;
    while let Some((before, after)) = rest.split_once("\\u{") {
        text.push_str(before);
        let escape = after
            .split_once('}')
            .and_then(|(code, rest)| Some((char::from_u32(u32::from_str_radix(code, 16).ok()?)?, rest)));
        let Some((c, after)) = escape else {
            text.push_str("\\u{");
            rest = after;
            continue;
        };
        text.push(c);
        rest = after;
    }
    text + rest
}

/// Whether a character can be seen for what it is. Combining marks count after a letter, which many languages need.
fn is_printable(c: char, before: Option<char>) -> bool {
    let mut both = String::from(if before.is_some_and(char::is_alphabetic) { "a" } else { "" });
    both.push(c);
    both.escape_debug().last() == Some(c)
}

/// Whether it takes part in no line: std counts these as printable.
fn is_blank(c: char) -> bool {
    matches!(c,
        '\u{34f}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}' | '\u{2800}' | '\u{3164}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{ffa0}' | '\u{fffc}' | '\u{e0100}'..='\u{e01ef}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_cannot_be_seen_is_written_out() {
        for (text, shown) in [
            ("touch 'a b.txt' && ls\n\techo ok", "touch 'a b.txt' && ls\n\techo ok"),
            ("rm \u{202e}txt.exe", "rm \\u{202e}txt.exe"),
            ("a\u{200b}b\u{2066}c\u{2069}\u{feff}", "a\\u{200b}b\\u{2066}c\\u{2069}\\u{feff}"),
            ("ls\rrm -rf .", "ls\\u{d}rm -rf ."),
            ("one\r\ntwo", "one\r\ntwo"),
            ("\u{1b}[2K\u{7}\0", "\\u{1b}[2K\\u{7}\\u{0}"),
            ("a\u{2028}b\u{85}c\u{a0}d\u{3000}e", "a\\u{2028}b\\u{85}c\\u{a0}d\\u{3000}e"),
            ("a\u{3164}b\u{2800}c\u{ad}", "a\\u{3164}b\\u{2800}c\\u{ad}"),
            ("=\u{338} \u{fe0f}", "=\\u{338} \\u{fe0f}"),
            ("é e\u{301} क्षि 日本語 🙂", "é e\u{301} क्षि 日本語 🙂"),
            (r"\u{202e} \n \\u", r"\u{5c}u{202e} \n \\u"),
        ] {
            assert_eq!(visible(text), shown, "{text:?}");
            assert_eq!(original(shown), text, "{shown:?}");
        }
    }

    proptest! {
        #[test]
        fn the_original_can_be_restored_and_nothing_is_hidden(text in "(\\PC|\\pC|\\\\u\\{|[\u{200b}-\u{202e}]|\r){0,40}") {
            let shown = visible(&text);
            prop_assert_eq!(original(&shown), text);
            let hidden = |c: char| (c.is_control() && !"\r\n\t".contains(c)) || ('\u{200b}'..='\u{200f}').contains(&c)
                || ('\u{2028}'..='\u{202e}').contains(&c) || ('\u{2066}'..='\u{2069}').contains(&c);
            prop_assert!(!shown.contains(hidden), "{:?}", shown);
            prop_assert!(!shown.replace("\r\n", "").contains('\r'));
        }
    }
}
