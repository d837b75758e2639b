//! Log lines that nobody but us can begin: whatever is logged is one line, and a panic's line holds nothing of its message.
//!
//! Most of what is logged that is not ours (a path, an error of codex's) is logged as a debug string, which has no line breaks.
//! Here it is seen to for all, whatever a later line forgets. Deliberately not here: where the log goes, and what is logged.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::io::{self, Write};

use tracing::Metadata;
use tracing_subscriber::fmt::MakeWriter;

/// Makes writers that write each event as one line, without signs that would steer a terminal.
#[derive(Clone, Copy, Debug)]
pub struct OneLine<M>(pub M);

impl<'a, M: MakeWriter<'a>> MakeWriter<'a> for OneLine<M> {
    type Writer = LineWriter<M::Writer>;

    fn make_writer(&'a self) -> Self::Writer {
        LineWriter(self.0.make_writer())
    }

    fn make_writer_for(&'a self, metadata: &Metadata<'_>) -> Self::Writer {
        LineWriter(self.0.make_writer_for(metadata))
    }
}

/// Writes whatever it is given at once as one line.
#[derive(Debug)]
pub struct LineWriter<W>(W);

impl<W: Write> Write for LineWriter<W> {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(event);
        match one_line(&text) {
            Cow::Borrowed(_) => self.0.write_all(event)?,
            Cow::Owned(line) => self.0.write_all(line.as_bytes())?,
        }
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// The text with everything escaped that would begin a line before its end, or that a terminal would take for a command.
fn one_line(text: &str) -> Cow<'_, str> {
    let (line, end) = text.strip_suffix('\n').map_or((text, ""), |line| (line, "\n"));
    if !line.chars().any(steers) {
        return text.into();
    }
    let mut told = String::with_capacity(text.len() + 16);
    for letter in line.chars() {
        if steers(letter) {
            // Writing to a string does not fail.
            let _ = write!(told, "{}", letter.escape_default());
        } else {
            told.push(letter);
        }
    }
    (told + end).into()
}

/// Whether this is no letter but a command: for a new line, for a terminal, or for the direction of what follows.
fn steers(letter: char) -> bool {
    letter.is_control()
        || matches!(letter, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// From now on a panic is a line in the log that says where it was. Its message is left out: it may quote what a client sent.
pub fn tell_of_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let at = panic.location().map(ToString::to_string).unwrap_or_default();
        let thread = std::thread::current();
        tracing::error!(at, thread = thread.name(), "a panic, which is a mistake of ours");
    }));
}

#[cfg(test)]
#[path = "line_tests.rs"]
mod tests;
