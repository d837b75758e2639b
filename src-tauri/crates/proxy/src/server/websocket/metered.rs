//! Counts a large message while it arrives, as a body is counted: all together have a limit.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::body_budget::Room;

/// Bytes of a message that are not counted: most messages need no room.
const UNCOUNTED: usize = 64 * 1024;

/// The room of the message that arrives.
#[derive(Debug)]
struct Meter {
    room: Option<Room>,
    read: usize,
    /// Whether there was no room for it.
    full: bool,
}

/// The meter of a connection. Clones share it.
#[derive(Clone, Debug)]
pub(super) struct MessageMeter(Arc<Mutex<Meter>>);

impl MessageMeter {
    pub(super) fn new() -> Self {
        Self(Arc::new(Mutex::new(Meter { room: None, read: 0, full: false })))
    }

    /// Counts the next message in `room`. Returns the room of the one that has arrived.
    pub(super) fn next(&self, room: Room) -> Option<Room> {
        let mut meter = self.0.lock();
        meter.read = 0;
        meter.room.replace(room)
    }

    /// Whether a message found no room.
    pub(super) fn is_full(&self) -> bool {
        self.0.lock().full
    }

    fn count(&self, bytes: usize) -> io::Result<()> {
        let mut meter = self.0.lock();
        let counted = meter.read.saturating_sub(UNCOUNTED);
        meter.read += bytes;
        let more = meter.read.saturating_sub(UNCOUNTED) - counted;
        let has_room = more == 0 || meter.room.as_mut().is_some_and(|room| room.try_grow(more));
        meter.full |= !has_room;
        if has_room { Ok(()) } else { Err(io::ErrorKind::OutOfMemory.into()) }
    }
}

/// A connection whose reads are counted.
#[derive(Debug)]
pub(super) struct Metered<S> {
    pub(super) inner: S,
    pub(super) meter: MessageMeter,
}

impl<S: AsyncRead + Unpin> AsyncRead for Metered<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let read = Pin::new(&mut self.inner).poll_read(cx, buf);
        if let Poll::Ready(Ok(())) = read {
            return Poll::Ready(self.meter.count(buf.filled().len() - before));
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Metered<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::body_budget::BodyBudget;

    #[test]
    fn a_large_message_takes_room_until_it_is_handled_and_ends_the_connection_where_there_is_none() {
        let budget = BodyBudget::new(20);
        let meter = MessageMeter::new();
        assert!(meter.next(budget.room("a")).is_none());
        meter.count(UNCOUNTED).unwrap();
        meter.count(10).unwrap();
        assert!(meter.count(1).is_err(), "a key has at most half");
        assert!(meter.is_full());
        let other = MessageMeter::new();
        other.next(budget.room("b"));
        other.count(UNCOUNTED + 10).unwrap();
        let arrived = other.next(budget.room("b"));
        other.count(UNCOUNTED).unwrap();
        assert!(other.count(1).is_err(), "the message before is not handled yet");
        drop(arrived);
        assert!(other.count(1).is_ok());
    }
}
