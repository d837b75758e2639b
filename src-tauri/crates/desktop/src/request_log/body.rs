//! What is large of a request: its steps, and its texts where those are kept. Here is how much of each.

use super::types::Step;

/// Steps that are kept of a request. Further ones are counted, and the number is one of the last steps.
const STEPS: usize = 200;

/// The longest words for a step that are kept, in characters.
const STEP_WHAT: usize = 60;

/// The longest detail of a step that is kept, in characters.
const STEP_DETAIL: usize = 300;

/// Bytes of a request's text that are kept. The rest is cut off, and the text says so.
pub(super) const REQUEST_TEXT: usize = 256 * 1024;

/// Bytes of an answer's text that are kept. The rest is cut off, and the text says so.
pub(super) const ANSWER_TEXT: usize = 256 * 1024;

/// What a text ends with that was cut off.
pub(super) const CUT_OFF: &str = "\n[The rest was not kept.]";

/// What is large of a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Body {
    pub(super) steps: Vec<Step>,
    pub(super) request: Option<String>,
    /// `None` where texts are not kept.
    pub(super) answer: Option<String>,
    left_out: usize,
}

impl Body {
    /// A body as it was read from disk.
    pub(super) fn stored(steps: Vec<Step>, request: Option<String>, answer: Option<String>) -> Self {
        Self { steps, request, answer, left_out: 0 }
    }

    /// One step more, if there is room.
    pub(super) fn step(&mut self, at_ms: u64, what: &str, detail: Option<&str>, bad: bool) {
        if self.steps.len() < STEPS {
            self.push(at_ms, what, detail, bad);
        } else {
            self.left_out += 1;
        }
    }

    /// The last step, for which there is always room.
    pub(super) fn last_step(&mut self, at_ms: u64, what: &str, error: Option<&str>) {
        if self.left_out > 0 {
            self.push(at_ms, &format!("{} more steps, not kept", self.left_out), None, false);
        }
        self.push(at_ms, what, error, error.is_some());
    }

    fn push(&mut self, at_ms: u64, what: &str, detail: Option<&str>, bad: bool) {
        let detail = detail.map(|detail| cut(detail, STEP_DETAIL));
        self.steps.push(Step { at_ms, what: cut(what, STEP_WHAT), detail, bad });
    }

    /// What it takes in memory, about.
    pub(super) fn bytes(&self) -> usize {
        let of = |text: &Option<String>| text.as_ref().map_or(0, String::len);
        let steps = self.steps.iter().map(|step| size_of::<Step>() + step.what.len() + of(&step.detail));
        steps.sum::<usize>() + of(&self.request) + of(&self.answer)
    }
}

/// The first `most` characters of a text, without control characters other than line breaks: much of what is cut is a client's.
pub(super) fn cut(text: &str, most: usize) -> String {
    let shown = |c: char| if c.is_control() && c != '\n' { ' ' } else { c };
    let mut kept: String = text.chars().take(most).map(shown).collect();
    if text.chars().nth(most).is_some() {
        kept.push('…');
    }
    kept
}

/// A text within `most` bytes, which says so when it was longer.
pub(super) fn cut_text(text: String, most: usize) -> String {
    if text.len() <= most {
        return text;
    }
    let mut kept = String::new();
    push_text(&mut kept, &text, most);
    kept
}

/// Adds a piece to a text of at most `most` bytes, which says so when something did not fit.
pub(super) fn push_text(text: &mut String, piece: &str, most: usize) {
    let room = most.saturating_sub(text.len());
    if piece.len() <= room {
        text.push_str(piece);
    } else if text.len() <= most {
        let end = (0..=room).rev().find(|&end| piece.is_char_boundary(end)).unwrap_or(0);
        text.push_str(&piece[..end]);
        text.push_str(CUT_OFF);
    }
}
