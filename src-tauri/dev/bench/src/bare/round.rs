//! One round of the bare client: some streams at once, from their threads to their ends.
//!
//! The next step of a stream is taken where the line that allows it is read, because nothing could be quicker. What a
//! stream's numbers mean is `stream`'s.

use std::borrow::Cow;
use std::collections::HashMap;
use std::time::Duration;

use anyhow::{Result, bail};
use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;
use tokio::time::Instant;

use super::codex::{AppServer, Line};
use super::parameters;
use super::{Ask, Threads};
use crate::stream::{Stream, since};

/// A round takes a second; on a machine under load, thirty-two streams take some more.
pub(crate) const ROUND_LIMIT: Duration = Duration::from_secs(60);

/// One stream and how far it is.
#[derive(Debug, Default)]
struct Talk {
    thread: Option<String>,
    stream: Stream,
    step: Step,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Step {
    /// Its thread is being started.
    #[default]
    Starting,
    /// Its thread is being told of an earlier turn.
    Telling,
    /// The first turn of its conversation runs, of which nothing is measured.
    Before,
    /// Its thread is there and it waits for the round to begin.
    Ready,
    /// Its turn runs.
    Running,
    /// Nothing more is measured; its thread is being given up.
    Ended,
    /// Nothing of it is left.
    Over,
}

/// The parameters of the notifications that are read.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Params<'a> {
    #[serde(borrow)]
    thread_id: Cow<'a, str>,
    #[serde(borrow, default)]
    delta: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    turn: Option<Turn<'a>>,
}

#[derive(Debug, Deserialize)]
struct Turn<'a> {
    #[serde(borrow)]
    status: Cow<'a, str>,
    #[serde(borrow, default)]
    error: Option<&'a RawValue>,
}

#[derive(Debug, Deserialize)]
struct ThreadStarted<'a> {
    #[serde(borrow)]
    thread: Thread<'a>,
}

#[derive(Debug, Deserialize)]
struct Thread<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
}

/// Runs a round to its end. A stream that fails is part of the result; a codex that is gone is an error.
pub(crate) async fn round(codex: &mut AppServer, ask: &Ask) -> Result<Vec<Stream>> {
    let mut round = Round {
        talks: (0..ask.streams).map(|_| Talk::default()).collect(),
        threads: HashMap::new(),
        waiting: HashMap::new(),
        told: None,
        before: None,
        prompt: ask.prompt.clone(),
        wait_to_begin: false,
        begun: Instant::now(),
    };
    let deadline = round.begun + ROUND_LIMIT;
    let pause = match &ask.threads {
        Threads::New => None,
        Threads::Told { prompt, answer } => {
            round.told = Some((prompt.clone(), answer.clone()));
            None
        }
        Threads::Ahead(pause) => Some(*pause),
        Threads::Spoken { prompt, since } => {
            round.before = Some(prompt.clone());
            Some(*since)
        }
    };
    round.wait_to_begin = pause.is_some();
    round.start_threads(codex).await?;
    if let Some(pause) = pause {
        round.read_until(codex, deadline, |step| !matches!(step, Step::Starting | Step::Before)).await?;
        // Lines that come while nothing is asked for are read as they come, like at any other time.
        let idle = Instant::now() + pause;
        round.read_until(codex, idle, |_| false).await?;
        round.begin(codex).await?;
    }
    round.read_until(codex, deadline, |step| step == Step::Over).await?;
    Ok(round.talks.into_iter().map(Talk::into_stream).collect())
}

impl Talk {
    fn into_stream(self) -> Stream {
        let late = !matches!(self.step, Step::Ended | Step::Over) && self.stream.failure.is_none();
        if late { Stream::failed(format!("no end within {ROUND_LIMIT:?}")) } else { self.stream }
    }
}

struct Round {
    talks: Vec<Talk>,
    /// Which stream a thread belongs to.
    threads: HashMap<String, usize>,
    /// Which stream a request belongs to; what it asked for follows from the stream's step.
    waiting: HashMap<u64, usize>,
    /// An earlier turn that new threads are told of: its prompt and its answer.
    told: Option<(String, String)>,
    /// The prompt of a turn before the one that is measured.
    before: Option<String>,
    prompt: String,
    wait_to_begin: bool,
    begun: Instant,
}

impl Round {
    async fn start_threads(&mut self, codex: &mut AppServer) -> Result<()> {
        let params = parameters::thread_start(codex.workspace.as_ref());
        for index in 0..self.talks.len() {
            let id = codex.request("thread/start", &params).await?;
            self.waiting.insert(id, index);
        }
        Ok(())
    }

    /// Starts the turns of all threads that are ready; from now on the time counts.
    async fn begin(&mut self, codex: &mut AppServer) -> Result<()> {
        self.wait_to_begin = false;
        self.begun = Instant::now();
        for index in 0..self.talks.len() {
            if self.talks[index].step == Step::Ready {
                self.start_turn(codex, index).await?;
            }
        }
        Ok(())
    }

    async fn tell(&mut self, codex: &mut AppServer, index: usize) -> Result<()> {
        let talk = &mut self.talks[index];
        let Some((thread, (prompt, answer))) = talk.thread.as_ref().zip(self.told.as_ref()) else {
            bail!("there is nothing to tell");
        };
        talk.step = Step::Telling;
        let params = parameters::inject_items(thread, prompt, answer);
        let id = codex.request("thread/inject_items", &params).await?;
        self.waiting.insert(id, index);
        Ok(())
    }

    async fn start_turn(&mut self, codex: &mut AppServer, index: usize) -> Result<()> {
        let talk = &mut self.talks[index];
        let Some(thread) = &talk.thread else { bail!("a turn needs a thread") };
        // What is asked before comes with the thread's start, and what is measured when it is ready.
        let before = self.before.as_ref().filter(|_| talk.step == Step::Starting);
        talk.step = if before.is_some() { Step::Before } else { Step::Running };
        let params = parameters::turn_start(thread, before.unwrap_or(&self.prompt));
        let id = codex.request("turn/start", &params).await?;
        self.waiting.insert(id, index);
        Ok(())
    }

    /// Reads until every stream has come to one of the wanted steps, or until the deadline.
    async fn read_until(
        &mut self,
        codex: &mut AppServer,
        deadline: Instant,
        wanted: impl Fn(Step) -> bool,
    ) -> Result<()> {
        while !self.talks.iter().all(|talk| wanted(talk.step)) {
            let Some(line) = codex.line(deadline).await? else { return Ok(()) };
            match self.read(&line)? {
                Next::Nothing => {}
                Next::Tell(index) => self.tell(codex, index).await?,
                Next::Turn(index) => self.start_turn(codex, index).await?,
                Next::GiveUp(index) => {
                    let params = json!({ "threadId": self.talks[index].thread });
                    let id = codex.request("thread/unsubscribe", &params).await?;
                    self.waiting.insert(id, index);
                }
            }
        }
        Ok(())
    }

    /// Notes what a line says, and says what it allows.
    fn read(&mut self, line: &Line<'_>) -> Result<Next> {
        let now = since(self.begun);
        if let Some(id) = line.answers() {
            let Some(index) = self.waiting.remove(&id) else { return Ok(Next::Nothing) };
            return self.answered(index, line);
        }
        match (line.method, line.params) {
            (Some(method), _) if line.id.is_some() => bail!("codex asks for {method}, which no chat needs"),
            (Some("item/agentMessage/delta"), Some(params)) => {
                let params: Params<'_> = serde_json::from_str(params.get())?;
                if let Some((talk, delta)) = self.talk(&params.thread_id).zip(params.delta)
                    && talk.step != Step::Before
                {
                    talk.stream.hear(&delta, now);
                }
            }
            (Some("turn/completed"), Some(params)) => {
                let params: Params<'_> = serde_json::from_str(params.get())?;
                let Some(&index) = self.threads.get(&*params.thread_id) else { return Ok(Next::Nothing) };
                let talk = &mut self.talks[index];
                if talk.step == Step::Before
                    && params.turn.as_ref().is_some_and(|turn| turn.status == "completed")
                {
                    talk.step = Step::Ready;
                    return Ok(Next::Nothing);
                }
                talk.step = Step::Ended;
                talk.stream.ended = now;
                if let Some(turn) = params.turn.filter(|turn| turn.status != "completed") {
                    let error = turn.error.map_or("", |error| error.get());
                    talk.stream.failure = Some(format!("the turn is {}: {error}", turn.status));
                }
                return Ok(Next::GiveUp(index));
            }
            _ => {}
        }
        Ok(Next::Nothing)
    }

    fn answered(&mut self, index: usize, line: &Line<'_>) -> Result<Next> {
        let talk = &mut self.talks[index];
        match (talk.step, line.result) {
            (Step::Ended, _) => talk.step = Step::Over,
            (_, None) => {
                let error = line.error.map_or("", |error| error.get());
                talk.stream.failure = Some(format!("codex refused: {error}"));
                talk.step = Step::Over;
            }
            (Step::Starting, Some(result)) => {
                let started: ThreadStarted<'_> = serde_json::from_str(result.get())?;
                let thread = started.thread.id.into_owned();
                self.threads.insert(thread.clone(), index);
                talk.thread = Some(thread);
                if self.told.is_some() {
                    return Ok(Next::Tell(index));
                }
                if self.before.is_some() {
                    return Ok(Next::Turn(index));
                }
                talk.step = Step::Ready;
                if !self.wait_to_begin {
                    return Ok(Next::Turn(index));
                }
            }
            (Step::Telling, Some(_)) => return Ok(Next::Turn(index)),
            _ => {}
        }
        Ok(Next::Nothing)
    }

    fn talk(&mut self, thread: &str) -> Option<&mut Talk> {
        self.threads.get(thread).map(|&index| &mut self.talks[index])
    }
}

/// What a line allows to be done next.
#[derive(Debug, PartialEq, Eq)]
enum Next {
    Nothing,
    Tell(usize),
    Turn(usize),
    GiveUp(usize),
}

#[cfg(test)]
#[path = "round_tests.rs"]
mod tests;
