//! Limits of turns and connections.

use std::time::Duration;

use crate::settings::Settings;

/// Limits of turns and connections.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Concurrent turns.
    pub max_turns: usize,
    /// Queued requests. When the queue is full, a request is rejected with a 429: the new one, or a queued one it
    /// evicts.
    pub max_queued: usize,
    /// Maximum time in the queue.
    pub queue_timeout: Duration,
    /// Maximum duration of a turn.
    pub turn_timeout: Duration,
    /// Maximum silence of codex during a turn.
    pub idle_timeout: Duration,
    /// Maximum time a question waits for the owner's answer.
    pub ask_timeout: Duration,
    /// Maximum time codex may try to reach upstream again, from its first notice until an item arrives.
    pub retry_timeout: Duration,
    /// Silence after which a stream gets a comment, so that intermediaries keep it open.
    pub ping_interval: Duration,
    /// Concurrent connections, each about 10 KB plus up to 1 MiB of unread answer. At the limit, the oldest is closed.
    pub max_connections: usize,
    /// Maximum time to send a request's head, and to idle between requests.
    pub header_timeout: Duration,
    /// Maximum silence while a client sends its request's body.
    pub body_idle_timeout: Duration,
    /// Maximum time to fetch an image by address.
    pub image_timeout: Duration,
    /// Maximum time a client may read nothing while data waits to be sent.
    pub write_timeout: Duration,
    /// Maximum age of a WebSocket. Its running responses still end.
    pub websocket_age: Duration,
    /// Maximum time without any message of a WebSocket's client, which answers pings.
    pub websocket_silence: Duration,
    /// Time open streams get to finish after shutdown begins.
    pub drain_timeout: Duration,
}

impl Limits {
    /// These limits, overridden by the user's settings.
    #[must_use]
    pub fn with(self, set: &Settings) -> Self {
        let seconds = |seconds: u32| Duration::from_secs(seconds.into());
        Self {
            max_turns: set.max_turns.get() as usize,
            max_queued: set.max_waiting.get() as usize,
            queue_timeout: seconds(set.max_wait_seconds.get()),
            turn_timeout: seconds(set.turn_limit_minutes.get()) * 60,
            idle_timeout: seconds(set.silence_limit_minutes.get()) * 60,
            ask_timeout: seconds(set.ask_limit_minutes.get()) * 60,
            ..self
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_turns: 0,
            max_queued: 0,
            queue_timeout: Duration::ZERO,
            turn_timeout: Duration::ZERO,
            idle_timeout: Duration::ZERO,
            ask_timeout: Duration::ZERO,
            retry_timeout: Duration::from_secs(30),
            ping_interval: Duration::from_secs(10),
            max_connections: 1024,
            header_timeout: Duration::from_secs(30),
            body_idle_timeout: Duration::from_secs(10),
            image_timeout: Duration::from_secs(10),
            write_timeout: Duration::from_secs(120),
            websocket_age: Duration::from_hours(1),
            websocket_silence: Duration::from_mins(5),
            drain_timeout: Duration::from_secs(5),
        }
        .with(&Settings::default())
    }
}
