//! The responses of a connection: one after another in each lane, and the lanes at the same time.

use std::collections::{HashMap, VecDeque};
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;

use futures_util::stream::{self, SelectAll};
use futures_util::{Stream, StreamExt as _};
use serde_json::{Map, Value};
use tokio_tungstenite::tungstenite::Message;
use tracing::Instrument as _;

use super::message::{self, Lane};
use crate::body_budget::Room;
use crate::error::ApiError;
use crate::exchange::log::Arrival;
use crate::server::middleware::auth::Caller;
use crate::server::responses::engine::{self, Events, Started};
use crate::server::responses::running::RunningResponse;
use crate::server::state::Proxy;

/// Maximum responses of one connection that run or wait.
const MAX_RESPONSES: usize = 16;

/// A response to start.
pub(super) struct Job {
    pub(super) caller: Caller,
    pub(super) arrival: Arrival,
    pub(super) body: Map<String, Value>,
    pub(super) generate: bool,
    /// Of its message, until it starts.
    pub(super) room: Option<Room>,
    pub(super) span: tracing::Span,
}

/// What a lane does.
enum Output {
    Messages(Vec<Message>),
    /// Its response has ended.
    Idle,
}

type Responses = Pin<Box<dyn Stream<Item = (Lane, Output)> + Send>>;

/// The responses that run and wait.
pub(super) struct Lanes {
    proxy: Proxy,
    /// Under which the responses that are not stored are found on this connection.
    connection: Arc<str>,
    running: SelectAll<Responses>,
    /// The lanes with a running response, and what waits for it.
    waiting: HashMap<Lane, VecDeque<Job>>,
}

impl Lanes {
    pub(super) fn new(proxy: Proxy, connection: Arc<str>) -> Self {
        Self { proxy, connection, running: SelectAll::new(), waiting: HashMap::new() }
    }

    pub(super) fn is_idle(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Starts a response, after those of its lane.
    ///
    /// # Errors
    /// When the connection has too many.
    pub(super) fn push(&mut self, lane: Lane, job: Job) -> Result<(), ApiError> {
        let count: usize = self.waiting.values().map(|waiting| waiting.len() + 1).sum();
        if count >= MAX_RESPONSES {
            return Err(ApiError::too_many_on_connection(MAX_RESPONSES));
        }
        match self.waiting.get_mut(&lane) {
            Some(waiting) => waiting.push_back(job),
            None => {
                self.waiting.insert(lane.clone(), VecDeque::new());
                self.start(lane, job);
            }
        }
        Ok(())
    }

    fn start(&mut self, lane: Lane, job: Job) {
        let span = job.span.clone();
        let response = Response {
            proxy: self.proxy.clone(),
            connection: Arc::clone(&self.connection),
            lane,
            state: State::New(job),
        };
        let messages = stream::unfold(response, move |mut response| {
            let span = span.clone();
            async move { Some((response.next().await?, response)) }.instrument(span)
        });
        self.running.push(Box::pin(messages));
    }

    /// The next messages to send; pending while nothing runs. Cancel-safe.
    pub(super) async fn next(&mut self) -> Vec<Message> {
        loop {
            let next = poll_fn(|cx| match self.running.poll_next_unpin(cx) {
                Poll::Ready(Some(next)) => Poll::Ready(next),
                Poll::Ready(None) | Poll::Pending => Poll::Pending,
            });
            match next.await {
                (_, Output::Messages(messages)) => return messages,
                (lane, Output::Idle) => match self.waiting.get_mut(&lane).and_then(VecDeque::pop_front) {
                    Some(job) => self.start(lane, job),
                    None => drop(self.waiting.remove(&lane)),
                },
            }
            if self.is_idle() {
                return Vec::new();
            }
        }
    }
}

/// A response as messages. Dropping it interrupts the turn.
struct Response {
    proxy: Proxy,
    connection: Arc<str>,
    lane: Lane,
    state: State,
}

#[expect(clippy::large_enum_variant, reason = "there are few, and each is new for a moment")]
enum State {
    New(Job),
    Running {
        running: Arc<RunningResponse>,
        events: Events,
        caller: Caller,
        begun: bool,
    },
    Ended,
    /// The lane knows.
    Over,
}

impl Response {
    async fn next(&mut self) -> Option<(Lane, Output)> {
        let output = match std::mem::replace(&mut self.state, State::Ended) {
            State::New(job) => Output::Messages(self.begin(job).await),
            State::Running { running, events, caller, begun } => {
                Output::Messages(self.step(running, events, caller, begun).await)
            }
            State::Ended => {
                self.state = State::Over;
                Output::Idle
            }
            State::Over => return None,
        };
        Some((self.lane.clone(), output))
    }

    async fn begin(&mut self, job: Job) -> Vec<Message> {
        let Job { caller, arrival, body, generate, room, span: _ } = job;
        drop(room);
        if !generate {
            return match engine::prepare(&self.proxy, &caller, &self.connection, body).await {
                Ok(events) => events.iter().map(|event| message::of_response(event, &self.lane)).collect(),
                Err(error) => self.failed(&caller, &error),
            };
        }
        let started = engine::start(&self.proxy, &caller, arrival, body, Some(&self.connection)).await;
        match started {
            Ok(Started { running, events, .. }) => {
                self.state = State::Running { running, events, caller, begun: false };
                Vec::new()
            }
            Err(error) => self.failed(&caller, &error),
        }
    }

    /// The next events. Nothing is sent before the first one, so that an early failure is an error with its status; after a silence
    /// the client gets the response's id.
    async fn step(
        &mut self,
        running: Arc<RunningResponse>,
        mut events: Events,
        caller: Caller,
        begun: bool,
    ) -> Vec<Message> {
        let silence = self.proxy.limits().ping_interval;
        let next = tokio::select! {
            biased;
            next = events.next() => next,
            () = tokio::time::sleep(silence), if !begun => Some(Ok(running.writer().start_events())),
        };
        let sent = match next {
            Some(Ok(sent)) => {
                let begun = begun || !sent.is_empty();
                self.state = State::Running { running, events, caller, begun };
                sent
            }
            Some(Err(error)) if begun => {
                self.count(&caller, error.status());
                running.writer().failure_events(error.in_response())
            }
            Some(Err(error)) => return self.failed(&caller, &error),
            None => {
                self.count(&caller, 200);
                Vec::new()
            }
        };
        sent.iter().map(|event| message::of_response(event, &self.lane)).collect()
    }

    fn failed(&self, caller: &Caller, error: &ApiError) -> Vec<Message> {
        self.count(caller, error.status());
        vec![message::error(error, &self.lane)]
    }

    fn count(&self, caller: &Caller, status: u16) {
        self.proxy.metrics.count_response("/v1/responses", caller.kind.get(), Some(status));
    }
}
