//! Reads the `data:` lines of a stream of server-sent events, from bytes that are cut anywhere.
//!
//! It reads as Open WebUI does, a line at a time, so that what it accepts is what Open WebUI accepts. Deliberately not here:
//! `event:`, `id:` and data of several lines, which the API does not use.

use super::trouble::Trouble;

/// The longest line that is read. A chunk is a few hundred bytes; whoever sends this much in one does not speak the API.
const LINE: usize = 1024 * 1024;

/// Bytes of a stream that have not been read as lines yet.
#[derive(Debug, Default)]
pub(super) struct DataLines {
    bytes: Vec<u8>,
    /// How many of them were taken out as lines already.
    taken: usize,
}

impl DataLines {
    /// Adds what has arrived.
    ///
    /// # Errors
    /// When a line is longer than any of the API's.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Result<(), Trouble> {
        self.bytes.drain(..self.taken);
        self.taken = 0;
        self.bytes.extend_from_slice(bytes);
        if self.bytes.len() > LINE && !self.bytes[..LINE].contains(&b'\n') {
            return Err(Trouble::TooLarge);
        }
        Ok(())
    }

    /// What the next whole `data:` line says, if one is there. Lines that carry nothing, such as comments, are passed over.
    pub(super) fn next(&mut self) -> Option<String> {
        loop {
            let rest = &self.bytes[self.taken..];
            let end = rest.iter().position(|byte| *byte == b'\n')?;
            let line = String::from_utf8_lossy(&rest[..end]);
            let data = line.trim_end_matches('\r').strip_prefix("data:").map(|data| data.trim().to_owned());
            self.taken += end + 1;
            if data.is_some() {
                return data;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(pieces: &[&[u8]]) -> Vec<String> {
        let mut lines = DataLines::default();
        let mut read = Vec::new();
        for piece in pieces {
            lines.push(piece).unwrap();
            while let Some(data) = lines.next() {
                read.push(data);
            }
        }
        read
    }

    #[test]
    fn lines_are_read_wherever_the_bytes_are_cut() {
        let text = ": ping\n\ndata: {\"a\":\"ö\"}\r\n\r\nevent: x\ndata:two\n\ndata: [DONE]\n\n".as_bytes();
        let whole = all(&[text]);
        assert_eq!(whole, ["{\"a\":\"ö\"}", "two", "[DONE]"]);
        for cut in 0..text.len() {
            assert_eq!(all(&[&text[..cut], &text[cut..]]), whole, "{cut}");
        }
    }

    #[test]
    fn half_a_line_is_no_event() {
        assert!(all(&[b"data: {\"a\""]).is_empty());
    }

    #[test]
    fn an_endless_line_is_given_up() {
        let mut lines = DataLines::default();
        let bytes = vec![b'x'; LINE];
        lines.push(&bytes).unwrap();
        assert_eq!(lines.push(b"x"), Err(Trouble::TooLarge));
    }
}
