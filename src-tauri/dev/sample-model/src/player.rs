//! Plays an answer: one event after the other, each at its moment, whatever the transport.
//!
//! The moments are absolute: the nth word is due n paces after the first, so a late wake-up does not add up.
//! Deliberately not here: bytes. The transports put the events into their frames.

use std::sync::Arc;
use std::time::Duration;

use futures_util::Stream;
use futures_util::stream;
use serde::Serialize;
use serde_json::Value;
use tokio::time::Instant;

use crate::event_log::Event;
use crate::state::{Performance, Stage};
use crate::wire::Step;

/// What a transport is to do next.
#[derive(Debug, PartialEq)]
pub(crate) enum Played {
    /// Send this event: its type, and itself as JSON.
    Event { kind: String, json: String },
    /// Cut the connection without a farewell.
    Cut,
}

/// An answer under way. Dropped before its end, it reports that the client is gone.
#[derive(Debug)]
pub(crate) struct Player {
    stage: Arc<Stage>,
    id: u64,
    message: String,
    message_index: usize,
    steps: std::vec::IntoIter<Step>,
    silence: Duration,
    every: Duration,
    due: Option<Instant>,
    sequence: u64,
    said: u64,
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
    pub(crate) fn new(stage: Arc<Stage>, performance: Performance) -> Self {
        let Performance { id, names, layout, silence, every } = performance;
        Self {
            stage,
            id,
            message: names.message,
            message_index: layout.message_index,
            steps: layout.steps.into_iter(),
            silence,
            every,
            due: None,
            sequence: 0,
            said: 0,
            is_finished: false,
        }
    }

    /// The answer as a stream, which ends with the last event or with a cut.
    pub(crate) fn play(self) -> impl Stream<Item = Played> + Send {
        stream::unfold(self, |mut player| async move { player.next().await.map(|played| (played, player)) })
    }

    async fn next(&mut self) -> Option<Played> {
        while let Some(step) = self.steps.next() {
            let played = match step {
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
                    self.let_flush().await;
                    self.event(event)
                }
                Step::Cut => {
                    self.let_flush().await;
                    Played::Cut
                }
            };
            // The client may close as soon as it has the last event, and need not ask for one more.
            if self.steps.as_slice().is_empty() {
                self.finish();
            }
            return Some(played);
        }
        None
    }

    async fn word(&mut self, word: &str) -> Played {
        match self.due {
            Some(due) if due > Instant::now() => tokio::time::sleep_until(due).await,
            _ => self.let_flush().await,
        }
        self.due = Some(self.due.unwrap_or_else(Instant::now) + self.every);
        self.said += 1;
        self.stage.events.push(Event::Delta { id: self.id, n: self.said });
        let delta = Delta {
            r#type: DELTA,
            sequence_number: self.next_number(),
            item_id: &self.message,
            output_index: self.message_index,
            content_index: 0,
            delta: word,
            logprobs: [],
        };
        // Strings and numbers always serialise.
        Played::Event { kind: DELTA.to_owned(), json: serde_json::to_string(&delta).unwrap_or_default() }
    }

    fn event(&mut self, mut event: Value) -> Played {
        event["sequence_number"] = self.next_number().into();
        let kind = event["type"].as_str().unwrap_or_default().to_owned();
        Played::Event { kind, json: event.to_string() }
    }

    async fn hold(&mut self) {
        let released = self.stage.holds.register(self.id);
        self.stage.events.push(Event::Held { id: self.id, n: self.said });
        // A sender dropped unsent means that the sample model ends, and this stream with it.
        let _ = released.await;
        self.due = None;
    }

    /// Gives the connection a turn between two events, so that each goes out in a write of its own.
    async fn let_flush(&self) {
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
        self.stage.events.push(Event::Finished { id: self.id });
    }
}

impl Drop for Player {
    fn drop(&mut self) {
        if !self.is_finished {
            self.stage.holds.forget(self.id);
            self.stage.events.push(Event::ClientGone { id: self.id });
        }
    }
}
