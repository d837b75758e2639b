//! The task behind a turn, which owns the thread from its start to the moment it is given up.
//!
//! It runs one answer after the other on its thread: when one has ended it offers the thread to whoever goes on with the
//! conversation, and waits. A parked turn goes on with the outputs of the client's tools, an idle thread with a new turn.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::{SemaphorePermit, oneshot};
use tokio_util::sync::CancellationToken;

use crate::error::{CodexError, FailureKind, TurnFailure};
use crate::item::{Content, Item, Role, TurnStarted};
use crate::legacy::transcript;
use crate::rpc::connection::{Connection, TURN_ANSWER_LIMIT};
use crate::thread::fingerprint::{Chain, Digest};
use crate::thread::prewarm::ReadyThread;
use crate::thread::start::NewThread;
use crate::turn::event_queue;
use crate::turn::handle::{ItemEvent, ThreadKind, TurnEnd, TurnEvent, TurnRequest, Usage};
use crate::turn::registry::{Answered, Phase, Route};
use crate::turn::tool_calls::Calls;

/// How long a thread that waits for a tool's output is silent before no further call of the same response is awaited. Only
/// an older codex, which makes a response's calls one after the other, comes to that.
const CALLS_QUIET: Duration = Duration::from_millis(150);

/// What codex says of a turn's input that has more than 1,048,576 characters, which is more than its models take.
const TOO_LONG: &str = "exceeds the maximum length";

/// One answer to be given.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) request: TurnRequest,
    pub(crate) chain: Chain,
    /// How many of the request's items the thread has already.
    pub(crate) has: usize,
    pub(crate) post: event_queue::Sender,
    pub(crate) interrupt: CancellationToken,
}

/// A turn that waits for the outputs of the client's tools, or runs.
struct Open {
    route: Route,
    turn: String,
}

/// An answer that has ended.
struct Served {
    /// Its last event; `None` when nobody listens any more.
    end: Option<Result<TurnEnd, CodexError>>,
    /// What somebody can go on with, if anything.
    keep: Option<Keep>,
}

/// A thread that can go on.
struct Keep {
    /// The conversation as far as it has gone.
    at: Digest,
    /// The calls whose outputs its turn waits for; none when it has no turn.
    calls: Vec<String>,
    open: Option<Open>,
}

impl Served {
    const UNHEARD: Self = Self { end: None, keep: None };
}

/// The thread of this task.
pub(crate) struct Run {
    connection: Arc<Connection>,
    thread: Option<ReadyThread>,
    /// What the thread has cost so far.
    cost: Usage,
}

impl Run {
    pub(crate) fn new(connection: Arc<Connection>) -> Self {
        Self { connection, thread: None, cost: Usage::default() }
    }

    /// Gives the first answer, and further ones as they are asked for.
    pub(crate) async fn through(mut self, first: Job) {
        let mut job = first;
        let mut parked: Option<Open> = None;
        loop {
            let served = match parked.take() {
                Some(open) => self.go_on(open, &job).await,
                None => self.begin(&mut job).await,
            };
            let Served { end, keep } =
                served.unwrap_or_else(|error| Served { end: Some(Err(error)), keep: None });
            let kind = job.request.profile.kind;
            let kept =
                keep.map(|Keep { at, calls, open }| (self.connection.kept.keep(at, kind, calls), open));
            // Only now the client hears that the answer is over, so that its next request finds the thread.
            if let Some(end) = end {
                job.post.post(TurnEvent::Ended(end));
            }
            let Some((next, open)) = kept else { break };
            match self.wait_for(next).await {
                Some(next) => (job, parked) = (next, open),
                None => {
                    if let Some(open) = open {
                        self.interrupt(&open).await;
                    }
                    break;
                }
            }
        }
        if let Some(thread) = &self.thread {
            self.connection.give_up_thread(thread).await;
        }
    }

    /// Waits for whoever goes on with the thread; `None` when its time is up, or it had to give way.
    async fn wait_for(&self, mut next: oneshot::Receiver<Job>) -> Option<Job> {
        tokio::select! {
            biased;
            next = &mut next => return next.ok(),
            () = self.connection.closed.cancelled() => {}
            () = self.connection.retired.cancelled() => {}
            () = tokio::time::sleep(self.connection.kept.time()) => {}
        }
        // Somebody may have taken it just now.
        next.close();
        next.try_recv().ok()
    }

    /// Starts a turn with what the thread does not have yet.
    async fn begin(&mut self, job: &mut Job) -> Result<Served, CodexError> {
        let connection = Arc::clone(&self.connection);
        let start = tokio::select! {
            start = connection.starts.acquire() => start.map_err(|_| CodexError::Disconnected)?,
            () = job.interrupt.cancelled() => return Ok(Served::UNHEARD),
            () = connection.closed.cancelled() => return Err(CodexError::Disconnected),
        };
        let request = &job.request;
        let mut new = None;
        let thread = match &self.thread {
            Some(thread) => thread.clone(),
            None => {
                let (wanted, has) = NewThread::of(request);
                let thread = match connection.ahead.take(&wanted) {
                    Some(thread) => thread,
                    None => connection.start_thread(&wanted).await?,
                };
                job.has = has;
                new = Some(wanted);
                self.thread.insert(thread).clone()
            }
        };
        let calls = Calls::new(&request.profile.tools, request.one_call_at_a_time);
        let pictures = request.items.iter().any(Item::has_pictures);
        let (post, interrupt) = (job.post.clone(), job.interrupt.clone());
        let route = connection.routes.add(&thread.id, post, interrupt, calls, pictures, self.cost)?;
        job.post.post(TurnEvent::Model(thread.model.clone()));
        let Some(open) = self.start(&thread, route, job, start).await? else { return Ok(Served::UNHEARD) };
        if job.request.profile.kind == ThreadKind::Agent {
            for server in connection.servers.failed() {
                job.post.post(TurnEvent::Item(ItemEvent::McpMissing { server }));
            }
        }
        // A thread that is written to a file is not started for nobody.
        if let Some(new) = new.filter(|_| thread.session.is_none()) {
            // While the model speaks codex has little to do: the time to start threads for the chats to come.
            tokio::select! {
                () = open.route.spoke() => {}
                () = job.interrupt.cancelled() => {}
            }
            connection.ahead.want(new);
        }
        self.follow(open, job).await
    }

    /// Puts the history in and starts the turn; `None` when nobody waits for it any more.
    async fn start(
        &self,
        thread: &ReadyThread,
        route: Route,
        job: &mut Job,
        start: SemaphorePermit<'_>,
    ) -> Result<Option<Open>, CodexError> {
        let new = job.request.items.get(job.has..).unwrap_or_default();
        let note = job.request.note.as_deref();
        let input: Vec<Value> = if self.connection.can().inject_items {
            let (history, input) = match new.split_last() {
                Some((Item::Message { role: Role::User, content }, history)) => (history, content.as_slice()),
                _ => (new, [].as_slice()),
            };
            self.inject(thread, history, note).await?;
            input.iter().map(Content::to_input).collect()
        } else {
            transcript::input(new, note).iter().map(Content::to_input).collect()
        };
        if job.interrupt.is_cancelled() {
            return Ok(None);
        }
        let mut params = json!({
            "threadId": thread.id,
            "input": input,
            // codex keeps it for the turns to come, so it is always said.
            "summary": if job.request.reasoning_summary { "auto" } else { "none" },
        });
        if let Some(effort) = &job.request.effort {
            params["effort"] = effort.as_str().into();
        }
        if let Some(schema) = job.request.output_schema.take() {
            params["outputSchema"] = schema;
        }
        let turn: TurnStarted = self.connection.call("turn/start", params).await.map_err(too_long)?;
        drop(start);
        // What the thread has now need not be held on to.
        job.request.items = Vec::new();
        Ok(Some(Open { route, turn: turn.turn.id }))
    }

    /// Puts earlier items into the thread, and the note behind them.
    async fn inject(
        &self,
        thread: &ReadyThread,
        history: &[Item],
        note: Option<&str>,
    ) -> Result<(), CodexError> {
        let mut items: Vec<Value> = history.iter().map(Item::to_raw).collect();
        if let Some(note) = note {
            let content = vec![Content::Text(note.to_owned())];
            items.push(Item::Message { role: Role::Developer, content }.to_raw());
        }
        if !items.is_empty() {
            let params = json!({ "threadId": thread.id, "items": items });
            self.connection.call::<Value>("thread/inject_items", params).await?;
        }
        Ok(())
    }

    /// Gives codex the outputs that it waits for.
    async fn go_on(&mut self, open: Open, job: &Job) -> Result<Served, CodexError> {
        let thread = self.thread.as_ref().map(|thread| thread.model.clone()).unwrap_or_default();
        let outputs = job.request.items.get(job.has..).unwrap_or_default();
        let pictures = outputs.iter().any(Item::has_pictures);
        let one = job.request.one_call_at_a_time;
        open.route.lead_to(job.post.clone(), job.interrupt.clone(), one, pictures);
        job.post.post(TurnEvent::Model(thread));
        for item in outputs {
            if let Item::ToolOutput { call_id, output } = item
                && let Some(request) = open.route.answer(call_id)
            {
                let parts: Vec<Value> = output.iter().map(Content::to_tool_output).collect();
                let result = json!({ "contentItems": parts, "success": true });
                self.connection.answer(&request, Ok(&result)).await;
            }
        }
        open.route.settle();
        self.follow(open, job).await
    }

    /// Follows the turn to the end of the answer.
    async fn follow(&mut self, open: Open, job: &Job) -> Result<Served, CodexError> {
        let phase = tokio::select! {
            biased;
            phase = open.route.stopped(CALLS_QUIET) => phase,
            () = job.interrupt.cancelled() => {
                self.interrupt(&open).await;
                return Ok(Served::UNHEARD);
            }
            () = self.connection.keep_asking() => return Ok(Served::UNHEARD),
        };
        // Without an answer codex is gone, and its reader knows.
        let Some(answered) = open.route.answered() else { return Ok(Served::UNHEARD) };
        let Answered { end, text, calls, cost } = answered;
        self.cost = cost;
        if end.is_err() {
            job.post.post(TurnEvent::Ended(end));
            // Usually it is over by itself; but not where it was given up for a picture that codex left out, or for a sign-in
            // that codex goes on trying. Nobody waits for this.
            self.interrupt(&open).await;
            return Ok(Served::UNHEARD);
        }
        let at = job.chain.after_answer(&text, &calls);
        let ids: Vec<String> = calls.iter().map(|call| call.call_id.clone()).collect();
        for call in calls {
            job.post.post(TurnEvent::Call(call));
        }
        let keep = if phase == Phase::Waiting {
            Some(Keep { at, calls: ids, open: Some(open) })
        } else {
            // A note is of one answer, and would stay in the thread; of an empty answer clients send nothing back.
            let can_go_on = end.as_ref().is_ok_and(|end| !end.interrupted)
                && job.request.note.is_none()
                && !text.trim().is_empty();
            can_go_on.then_some(Keep { at, calls: Vec::new(), open: None })
        };
        Ok(Served { end: Some(end), keep })
    }

    async fn interrupt(&self, open: &Open) {
        let Some(thread) = &self.thread else { return };
        let params = json!({ "threadId": thread.id, "turnId": open.turn });
        let interrupted = self.connection.call::<Value>("turn/interrupt", params).await;
        if interrupted.is_ok() {
            // codex says so within milliseconds; a thread that does not is given up all the same.
            let _ = tokio::time::timeout(TURN_ANSWER_LIMIT, open.route.ended()).await;
        }
    }
}

fn too_long(error: CodexError) -> CodexError {
    match error {
        CodexError::Refused { message, .. } if message.contains(TOO_LONG) => CodexError::Turn(TurnFailure {
            kind: FailureKind::ContextWindow,
            message,
            upstream_status: None,
            resets_at: None,
        }),
        other => other,
    }
}
