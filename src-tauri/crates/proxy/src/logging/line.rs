//! Ensures that every event is a single log line that clients cannot forge, and that panic messages are not logged.
//!
//! Foreign text (paths, errors of codex) is mostly logged with `Debug`, which escapes line breaks. This catches
//! whatever is not.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::io::{self, Write};

use tracing::Metadata;
use tracing_subscriber::fmt::MakeWriter;

/// Wraps a writer so that each event is one line without terminal control characters.
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

/// Writes each buffer as one line.
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

/// Escapes characters that would break the line or control a terminal.
fn one_line(text: &str) -> Cow<'_, str> {
    let (line, end) = text.strip_suffix('\n').map_or((text, ""), |line| (line, "\n"));
    if !line.chars().any(is_control) {
        return text.into();
    }
    let mut escaped = String::with_capacity(text.len() + 16);
    for character in line.chars() {
        if is_control(character) {
            // Writing to a string cannot fail.
            let _ = write!(escaped, "{}", character.escape_default());
        } else {
            escaped.push(character);
        }
    }
    (escaped + end).into()
}

/// Whether a character breaks lines, controls terminals or changes text direction.
fn is_control(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Installs a panic hook that logs the location, but not the message, which may quote a client.
pub fn log_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let at = panic.location().map(ToString::to_string).unwrap_or_default();
        let thread = std::thread::current();
        tracing::error!(at, thread = thread.name(), "panicked; this is a bug");
    }));
}

#[cfg(test)]
#[path = "line_tests.rs"]
mod tests;
