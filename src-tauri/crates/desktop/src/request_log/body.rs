//! The large part of a request: its steps, and its texts where those are kept, with the bounds of each.

use super::types::Step;
use crate::text::truncated;

/// Steps kept of a request. Further ones are counted, and one of the last steps gives their number.
const MAX_STEPS: usize = 200;

/// Characters kept of what a step says.
const MAX_STEP_WHAT: usize = 60;

/// Characters kept of a step's detail.
const MAX_STEP_DETAIL: usize = 300;

/// Bytes kept of a request's text, and of an answer's. The rest is cut off, and the text says so.
pub(super) const MAX_TEXT: usize = 256 * 1024;

/// The end of a text that was cut off.
pub(super) const CUT_OFF: &str = "\n[The rest was not kept.]";

/// The large part of a request.
#[derive(Clone, Debug, Default)]
pub(super) struct Body {
    pub(super) steps: Vec<Step>,
    pub(super) request: Option<String>,
    /// `None` where texts are not kept.
    pub(super) answer: Option<String>,
    dropped_steps: usize,
}

impl Body {
    /// Adds a step, if there is room.
    pub(super) fn step(&mut self, at_ms: u64, what: &str, detail: Option<&str>, bad: bool) {
        if self.steps.len() < MAX_STEPS {
            self.push(at_ms, what, detail, bad);
        } else {
            self.dropped_steps += 1;
        }
    }

    /// Adds the last step, for which there is always room.
    pub(super) fn last_step(&mut self, at_ms: u64, what: &str, error: Option<&str>) {
        if self.dropped_steps > 0 {
            self.push(at_ms, &format!("{} more steps, not kept", self.dropped_steps), None, false);
        }
        self.push(at_ms, what, error, error.is_some());
    }

    fn push(&mut self, at_ms: u64, what: &str, detail: Option<&str>, bad: bool) {
        let detail = detail.map(|detail| truncated(detail, MAX_STEP_DETAIL));
        self.steps.push(Step { at_ms, what: truncated(what, MAX_STEP_WHAT), detail, bad });
    }

    /// Its size in memory, about.
    pub(super) fn bytes(&self) -> usize {
        let of = |text: &Option<String>| text.as_ref().map_or(0, String::len);
        let steps = self.steps.iter().map(|step| size_of::<Step>() + step.what.len() + of(&step.detail));
        steps.sum::<usize>() + of(&self.request) + of(&self.answer)
    }
}

/// Adds a piece to a text of at most [`MAX_TEXT`] bytes, which says so when something did not fit.
pub(super) fn push_limited(text: &mut String, piece: &str) {
    if text.len() > MAX_TEXT {
        return;
    }
    let room = MAX_TEXT - text.len();
    text.push_str(&piece[..piece.floor_char_boundary(room)]);
    if piece.len() > room {
        text.push_str(CUT_OFF);
    }
}
