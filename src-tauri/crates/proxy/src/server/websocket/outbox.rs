//! What waits to be sent, and its sending.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::{Sink, SinkExt as _};
use tokio::sync::{Notify, mpsc};
use tokio_tungstenite::tungstenite::Message;

/// Bytes that may wait before no more events are read: then the turns' own queues fill, which end a turn at 1 MiB.
const MAX_WAITING: usize = 64 * 1024;

/// Messages to send. Bounded by the sender, who looks at [`is_full`](Self::is_full) before it makes more.
#[derive(Debug)]
pub(super) struct Outbox {
    messages: mpsc::UnboundedSender<Message>,
    waiting: Arc<Waiting>,
}

#[derive(Debug, Default)]
struct Waiting {
    bytes: AtomicUsize,
    /// Wakes the sender when there is room.
    drained: Notify,
}

/// The other end.
#[derive(Debug)]
pub(super) struct Unsent {
    messages: mpsc::UnboundedReceiver<Message>,
    waiting: Arc<Waiting>,
}

pub(super) fn outbox() -> (Outbox, Unsent) {
    let (sender, receiver) = mpsc::unbounded_channel();
    let waiting = Arc::<Waiting>::default();
    (Outbox { messages: sender, waiting: Arc::clone(&waiting) }, Unsent { messages: receiver, waiting })
}

impl Outbox {
    pub(super) fn send(&self, message: Message) {
        self.waiting.bytes.fetch_add(message.len(), Ordering::Relaxed);
        // The writer ends only with the connection.
        let _ = self.messages.send(message);
    }

    pub(super) fn is_full(&self) -> bool {
        self.waiting.bytes.load(Ordering::Relaxed) > MAX_WAITING
    }

    /// Resolves when something has been sent. Cancel-safe.
    pub(super) async fn drained(&self) {
        self.waiting.drained.notified().await;
    }
}

impl Unsent {
    /// Sends the messages until the outbox is dropped, or the connection breaks.
    pub(super) async fn send_to(mut self, mut sink: impl Sink<Message> + Unpin) {
        while let Some(message) = self.messages.recv().await {
            let length = message.len();
            if sink.send(message).await.is_err() {
                return;
            }
            self.waiting.bytes.fetch_sub(length, Ordering::Relaxed);
            self.waiting.drained.notify_one();
        }
    }
}
