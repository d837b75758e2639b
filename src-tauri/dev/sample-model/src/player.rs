//! Plays an answer event by event at its scripted pace, for any transport.
//!
//! Deadlines are absolute: the nth word is due n paces after the first, so delays do not add up.

use std::sync::Arc;
use std::time::Duration;

use futures_util::Stream;
use futures_util::stream;
use serde::Serialize;
use serde_json::Value;
use tokio::time::Instant;

use crate::event_log::Event;
use crate::state::{ModelState, PlannedAnswer};
use crate::wire::Step;

/// What the transport does next.
#[derive(Debug, PartialEq)]
pub(crate) enum Frame {
    /// Send this event.
    Event { kind: String, json: String },
    /// Abort the connection.
    Cut,
}

/// An answer being sent. If dropped before its end, it logs that the client is gone.
#[derive(Debug)]
pub(crate) struct Player {
    state: Arc<ModelState>,
    id: u64,
    message: String,
    message_index: usize,
    steps: std::vec::IntoIter<Step>,
    silence: Duration,
    every: Duration,
    next_word_at: Option<Instant>,
    sequence: u64,
    words_sent: u64,
    is_finished: bool,
}

#[derive(Serialize)]
struct Delta<'a> {
    r#type: &'static str,
    sequence_number: u64,
    item_id: &'a str,
    output_index: usize,
    content_index: usize,
    delta: &'a str,
    logprobs: [(); 0],
}

const DELTA: &str = "response.output_text.delta";

impl Player {
    pub(crate) fn new(state: Arc<ModelState>, answer: PlannedAnswer) -> Self {
        let PlannedAnswer { id, ids, layout, silence, every } = answer;
        Self {
            state,
            id,
            message: ids.message,
            message_index: layout.message_index,
            steps: layout.steps.into_iter(),
            silence,
            every,
            next_word_at: None,
            sequence: 0,
            words_sent: 0,
            is_finished: false,
        }
    }

    /// The answer as a stream, which ends after the last event or a cut.
    pub(crate) fn play(self) -> impl Stream<Item = Frame> + Send {
        stream::unfold(self, |mut player| async move { player.next().await.map(|frame| (frame, player)) })
    }

    async fn next(&mut self) -> Option<Frame> {
        while let Some(step) = self.steps.next() {
            let frame = match step {
                Step::Silence => {
                    tokio::time::sleep(self.silence).await;
                    continue;
                }
                Step::Hold => {
                    self.hold().await;
                    continue;
                }
                Step::Word(word) => self.word(&word).await,
                Step::Event(event) => {
                    self.yield_to_connection().await;
                    self.event(event)
                }
                Step::Cut => {
                    self.yield_to_connection().await;
                    Frame::Cut
                }
            };
            // Finished now, since the client may disconnect after the last event without polling again.
            if self.steps.as_slice().is_empty() {
                self.finish();
            }
            return Some(frame);
        }
        None
    }

    async fn word(&mut self, word: &str) -> Frame {
        match self.next_word_at {
            Some(due) if due > Instant::now() => tokio::time::sleep_until(due).await,
            _ => self.yield_to_connection().await,
        }
        self.next_word_at = Some(self.next_word_at.unwrap_or_else(Instant::now) + self.every);
        self.words_sent += 1;
        self.state.events.push(Event::Delta { id: self.id, n: self.words_sent });
        let delta = Delta {
            r#type: DELTA,
            sequence_number: self.next_number(),
            item_id: &self.message,
            output_index: self.message_index,
            content_index: 0,
            delta: word,
            logprobs: [],
        };
        // Serializing strings and numbers cannot fail.
        Frame::Event { kind: DELTA.to_owned(), json: serde_json::to_string(&delta).unwrap_or_default() }
    }

    fn event(&mut self, mut event: Value) -> Frame {
        event["sequence_number"] = self.next_number().into();
        let kind = event["type"].as_str().unwrap_or_default().to_owned();
        Frame::Event { kind, json: event.to_string() }
    }

    async fn hold(&mut self) {
        let released = self.state.holds.register(self.id);
        self.state.events.push(Event::Held { id: self.id, n: self.words_sent });
        // Fails if the sample model is dropped, which also ends this stream.
        let _ = released.await;
        self.next_word_at = None;
    }

    /// Lets the connection flush between events, so that each is a separate write.
    async fn yield_to_connection(&self) {
        if self.sequence > 0 {
            tokio::task::yield_now().await;
        }
    }

    fn next_number(&mut self) -> u64 {
        let number = self.sequence;
        self.sequence += 1;
        number
    }

    fn finish(&mut self) {
        self.is_finished = true;
        self.state.events.push(Event::Finished { id: self.id });
    }
}

impl Drop for Player {
    fn drop(&mut self) {
        if !self.is_finished {
            self.state.holds.remove(self.id);
            self.state.events.push(Event::ClientGone { id: self.id });
        }
    }
}
