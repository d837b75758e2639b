//! Compacted conversations: a summary in an item that only this proxy reads.
//!
//! OpenAI encrypts what such an item contains. Ours is encoded, not encrypted: anyone who has it can read it.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;

/// The beginning of our own content.
const PREFIX: &str = "codex-proxy-summary-1.";

/// What the model reads before a summary.
const INTRODUCTION: &str = "[Summary of the earlier conversation, which is not repeated here]\n\n";

/// The last message of a conversation that is to be compacted.
pub(crate) const PROMPT: &str = "Summarize the whole conversation above, so that another model can continue it from your summary alone. \
Keep what the user asked for and every requirement, decision, name, number, file and result that may matter, what is done, and what is left to do. \
Write only the summary, without calling tools.";

/// The content of an item with this summary.
pub(crate) fn encode(summary: &str) -> String {
    format!("{PREFIX}{}", BASE64_URL_SAFE_NO_PAD.encode(summary))
}

/// What the model reads in place of the item; `None` if it is not ours.
pub(super) fn decode(content: &str) -> Option<String> {
    let summary = BASE64_URL_SAFE_NO_PAD.decode(content.strip_prefix(PREFIX)?).ok()?;
    Some(format!("{INTRODUCTION}{}", String::from_utf8(summary).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_summary_is_read_back_and_other_content_is_not() {
        let read = decode(&encode("Köln, 3 files")).unwrap();
        assert!(read.starts_with(INTRODUCTION) && read.ends_with("\n\nKöln, 3 files"), "{read}");
        for foreign in ["", "gAAAA", "codex-proxy-summary-1.!", "codex-proxy-summary-1._w"] {
            assert_eq!(decode(foreign), None, "{foreign}");
        }
    }
}
