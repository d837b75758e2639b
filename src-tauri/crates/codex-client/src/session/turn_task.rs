//! The task behind a turn. It owns the thread from start to end.
//!
//! It produces one answer after another on its thread: after each, it caches the thread and waits for the conversation's
//! next request. A parked turn resumes with the outputs of the client's tools, an idle thread with a new turn.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::oneshot;

use super::Session;
use super::liveness::ping_when_idle;
use crate::error::{CodexError, FailureKind, TurnFailure};
use crate::event::{ItemEvent, KeptChat, TurnEvent, Usage};
use crate::item::{Content, Item, Role};
use crate::request::{ThreadKind, TurnRequest};
use crate::thread::{
    AnswerJob, CachedState, Dialect, Fingerprint, Fingerprints, KeptThread, NewThread, ParkedTurn,
    ReadyThread, TurnInput,
};
use crate::turn::{AnswerOutcome, Phase, ToolCalls, Turn, TurnSlot, event_queue};

/// How long to wait for further calls of a response once one awaits its output. Only needed for an older codex, which
/// makes a response's calls one after another.
const MORE_CALLS_TIMEOUT: Duration = Duration::from_millis(150);

/// How long an interrupted turn may take to confirm.
const INTERRUPT_TIMEOUT: Duration = Duration::from_secs(5);

/// The longest name of a stored thread, in characters.
const MAX_NAME: usize = 80;

/// Part of the message with which codex rejects an input over 1,048,576 characters, more than its models accept.
const TOO_LONG: &str = "exceeds the maximum length";

/// A turn that is running or awaiting tool outputs.
struct OpenTurn {
    slot: TurnSlot,
    id: String,
}

impl OpenTurn {
    /// The turn in codex's answer to its start.
    fn new(slot: TurnSlot, started: &Value) -> Self {
        Self { slot, id: started["turn"]["id"].as_str().unwrap_or_default().to_owned() }
    }
}

/// How the conversation can continue in its cached thread: the next request arrives on the receiver, for the parked turn if
/// there is one.
type Continuation = (oneshot::Receiver<AnswerJob>, Option<OpenTurn>);

/// Starts `request` in the cached thread with the longest prefix of its conversation, or in a new one. A failure arrives
/// as the last event.
///
/// # Errors
/// When the runtime shuts down.
pub(crate) async fn start_turn(
    session: &Arc<Session>,
    request: TurnRequest,
    dialect: Dialect,
) -> Result<Turn, CodexError> {
    let (events, turn) = event_queue();
    // Off the workers: a conversation can hold megabytes of arguments.
    let kept_threads = session.kept_threads.clone();
    let hashed = tokio::task::spawn_blocking(move || {
        let fingerprints = Fingerprints::new(&request);
        let kept = if request.profile.keep { kept_threads.take(&fingerprints, &request.items) } else { None };
        (fingerprints, kept, request)
    });
    let (fingerprints, kept, mut request) = hashed.await.map_err(|_| CodexError::ShuttingDown)?;
    let cached = session.cache.take(&fingerprints, &mut request.items);
    let fingerprints = fingerprints.without_last(request.unseen_items);
    let (kept, items_in_thread) = kept.map_or((None, 0), |(kept, count)| (Some(kept), count));
    let mut job = AnswerJob { request, fingerprints, items_in_thread, kept, review: None, events };
    if let Some((thread, count)) = cached {
        job.items_in_thread = count;
        match thread.send(job) {
            Ok(()) => return Ok(turn),
            // The thread expired just now.
            Err(returned) => job = returned,
        }
    }
    spawn(session, dialect, job);
    Ok(turn)
}

/// Starts a review with these instructions, in a new thread. A failure arrives as the last event.
pub(crate) fn start_review(session: &Arc<Session>, request: TurnRequest, instructions: String) -> Turn {
    let (events, turn) = event_queue();
    let fingerprints = Fingerprints::new(&request);
    spawn(
        session,
        Dialect::CURRENT,
        AnswerJob {
            request,
            fingerprints,
            items_in_thread: 0,
            kept: None,
            review: Some(instructions),
            events,
        },
    );
    turn
}

fn spawn(session: &Arc<Session>, dialect: Dialect, job: AnswerJob) {
    let task =
        TurnTask { session: Arc::clone(session), dialect, thread: None, name: None, usage: Usage::default() };
    session.tasks.spawn(session.turn_tasks.track_future(task.run(job)));
}

/// The task and its thread.
struct TurnTask {
    session: Arc<Session>,
    dialect: Dialect,
    thread: Option<ReadyThread>,
    /// The name of a new thread that codex is to store.
    name: Option<String>,
    /// The thread's total usage so far.
    usage: Usage,
}

impl TurnTask {
    /// Produces the first answer, and further ones as they are requested.
    async fn run(mut self, mut job: AnswerJob) {
        let mut parked: Option<OpenTurn> = None;
        loop {
            let answered = match parked.take() {
                Some(turn) => self.resume(turn, &mut job).await,
                None => self.run_turn(&mut job).await,
            };
            let continuation = answered.unwrap_or_else(|error| {
                job.events.send(TurnEvent::Ended(Err(error)));
                None
            });
            job.events.settle();
            let Some((next, turn)) = continuation else { break };
            match self.next_job(next).await {
                Some(next) => (job, parked) = (next, turn),
                None => {
                    if let Some(turn) = turn {
                        self.interrupt(&turn).await;
                    }
                    break;
                }
            }
        }
        if let Some(thread) = &self.thread {
            self.session.end_thread(thread).await;
            self.session.pictures.remove(&thread.id);
            if let Some(path) = &thread.path {
                (self.dialect.delete_file)(path, &thread.id);
            }
        }
    }

    /// Waits for the conversation's next request; `None` when the thread expires or is evicted.
    async fn next_job(&self, mut next: oneshot::Receiver<AnswerJob>) -> Option<AnswerJob> {
        tokio::select! {
            biased;
            next = &mut next => return next.ok(),
            () = self.session.rpc.closed.cancelled() => {}
            () = self.session.retired.cancelled() => {}
            () = tokio::time::sleep(self.session.cache.retention.max_idle) => {}
        }
        // A request may have taken the thread just now.
        next.close();
        next.try_recv().ok()
    }

    /// Starts a turn with the items that the thread does not have yet.
    async fn run_turn(&mut self, job: &mut AnswerJob) -> Result<Option<Continuation>, CodexError> {
        let session = Arc::clone(&self.session);
        let permit = tokio::select! {
            permit = session.starting_turns.acquire() => permit.map_err(|_| CodexError::Disconnected)?,
            () = job.events.interrupt.cancelled() => return Ok(None),
            () = session.rpc.closed.cancelled() => return Err(CodexError::Disconnected),
        };
        let request = &job.request;
        let (mut new, mut starting) = (None, None);
        let thread = match &self.thread {
            Some(thread) => thread.clone(),
            None => {
                let (profile, count) = NewThread::for_request(request);
                starting = Some(session.prewarmed.starting());
                let thread = match self.resume_kept(&profile, job.kept.take()).await {
                    Some(thread) => thread,
                    None => {
                        let thread = match session.prewarmed.take(&profile) {
                            Some(thread) => thread,
                            None => session.start_thread(&profile).await?,
                        };
                        job.items_in_thread = count;
                        new = Some(profile);
                        thread
                    }
                };
                self.thread.insert(thread).clone()
            }
        };
        if request.profile.keep {
            session.pictures.keep(&thread.id);
        }
        let calls = ToolCalls::new(&request.profile.tools, request.one_call_at_a_time);
        let images = request.items.iter().any(Item::has_images);
        let slot = session.turns.add(&thread.id, job.events.clone(), calls, images, self.usage)?;
        if request.profile.asks() {
            slot.let_ask(request.profile.workspace.clone());
        }
        job.events.send(TurnEvent::Model(thread.model.clone()));
        if new.is_some() && request.profile.keep {
            self.name = thread_name(&request.items);
        }
        let Some(turn) = self.inject_and_start(&thread, slot, job).await? else { return Ok(None) };
        drop(permit);
        if job.request.profile.keep {
            let folder = job.request.profile.workspace.clone();
            job.events.send(TurnEvent::Kept(KeptChat { thread: thread.id.clone(), folder }));
        }
        if job.request.profile.kind == ThreadKind::Agent {
            for server in session.mcp_servers.failed() {
                job.events.send(TurnEvent::Item(ItemEvent::McpMissing { server }));
            }
        }
        // Threads that codex writes to files are not prewarmed.
        if let Some(new) = new.filter(|_| thread.path.is_none()) {
            session.prewarmed.hint(&new);
            job.events.interrupt.run_until_cancelled(turn.slot.reached(Phase::Streaming)).await;
        }
        drop(starting);
        self.finish(turn, job).await
    }

    /// Loads the stored thread of the conversation, if it has one that can be loaded.
    async fn resume_kept(&mut self, thread: &NewThread, kept: Option<KeptThread>) -> Option<ReadyThread> {
        let kept = kept?;
        match self.session.resume_thread(thread, &kept).await {
            Ok(thread) => {
                self.usage = kept.usage;
                Some(thread)
            }
            Err(error) => {
                // Such as one that the user has archived or deleted.
                tracing::debug!(%error, "cannot resume a stored thread; starting a new one");
                None
            }
        }
    }

    /// Remembers the stored thread by its conversation and closes it, so that codex itself can open it at any time.
    async fn close_kept(&mut self, turn: &OpenTurn, conversation: Fingerprint) {
        let Some(thread) = self.thread.take() else { return };
        if let Some(name) = self.name.take() {
            // Until the thread's file has been written, codex refuses. Without a name, it shows the prompt.
            let params = json!({ "threadId": thread.id, "name": name });
            let _: Result<Value, _> = self.session.rpc.call("thread/name/set", params).await;
        }
        self.session.end_thread(&thread).await;
        self.session.pictures.remove(&thread.id);
        let last_turn = turn.slot.id().unwrap_or_else(|| turn.id.clone());
        let kept = KeptThread { id: thread.id, last_turn, usage: self.usage };
        let kept_threads = self.session.kept_threads.clone();
        let _ended = tokio::task::spawn_blocking(move || kept_threads.put(&conversation, kept)).await;
    }

    /// Injects the history and starts the turn; `None` when it was interrupted first.
    async fn inject_and_start(
        &self,
        thread: &ReadyThread,
        slot: TurnSlot,
        job: &mut AnswerJob,
    ) -> Result<Option<OpenTurn>, CodexError> {
        let rpc = &self.session.rpc;
        if let Some(instructions) = job.review.take() {
            let target = json!({ "type": "custom", "instructions": instructions });
            let params = json!({ "threadId": thread.id, "target": target });
            let started: Value = rpc.call("review/start", params).await.map_err(too_long)?;
            return Ok(Some(OpenTurn::new(slot, &started)));
        }
        let new = job.request.items.get(job.items_in_thread..).unwrap_or_default();
        let instructions = job.request.turn_instructions.as_deref();
        let TurnInput { history, input } = (self.dialect.input)(new, instructions);
        if !history.is_empty() {
            let params = json!({ "threadId": thread.id, "items": history });
            rpc.call::<Value>("thread/inject_items", params).await?;
        }
        if job.events.interrupt.is_cancelled() {
            return Ok(None);
        }
        let mut params = json!({
            "threadId": thread.id,
            "input": input,
            // codex remembers this for later turns, so every turn sets it.
            "summary": if job.request.reasoning_summary { "auto" } else { "none" },
        });
        if let Some(effort) = &job.request.effort {
            params["effort"] = effort.as_str().into();
        }
        if let Some(schema) = job.request.output_schema.take() {
            params["outputSchema"] = schema;
        }
        let started: Value = rpc.call("turn/start", params).await.map_err(too_long)?;
        // The thread has them now; this frees the memory.
        job.request.items = Vec::new();
        Ok(Some(OpenTurn::new(slot, &started)))
    }

    /// Resumes a parked turn with the tool outputs that it awaits.
    async fn resume(
        &mut self,
        turn: OpenTurn,
        job: &mut AnswerJob,
    ) -> Result<Option<Continuation>, CodexError> {
        let model = self.thread.as_ref().map(|thread| thread.model.clone()).unwrap_or_default();
        let mut outputs = std::mem::take(&mut job.request.items);
        outputs.drain(..job.items_in_thread.min(outputs.len()));
        let images = outputs.iter().any(Item::has_images);
        turn.slot.reattach(&job.events, job.request.one_call_at_a_time, images);
        job.events.send(TurnEvent::Model(model));
        for item in &outputs {
            if let Item::ToolOutput { call_id, output } = item
                && let Some(request) = turn.slot.take_request(call_id)
            {
                let parts: Vec<Value> = output.iter().map(Content::to_tool_output).collect();
                let result = json!({ "contentItems": parts, "success": true });
                self.session.rpc.respond(&request, Ok(result)).await;
            }
        }
        turn.slot.flush_tool_calls();
        self.finish(turn, job).await
    }

    /// Waits for the end of the answer, and caches the thread.
    async fn finish(&mut self, turn: OpenTurn, job: &AnswerJob) -> Result<Option<Continuation>, CodexError> {
        let answered = tokio::select! {
            biased;
            answered = turn.slot.answer_ended(MORE_CALLS_TIMEOUT) => answered,
            () = job.events.interrupt.cancelled() => {
                self.interrupt(&turn).await;
                return Ok(None);
            }
            () = ping_when_idle(&self.session.rpc) => return Ok(None),
        };
        // Without an outcome codex is gone, which the reader already knows.
        let Some(AnswerOutcome { end, text, calls, thread_usage }) = answered else { return Ok(None) };
        self.usage = thread_usage;
        let end = end.map_err(|error| self.session.explained(error));
        let ended = match &end {
            Ok(ended) if ended.incomplete.is_none() => ended,
            _ => {
                job.events.send(TurnEvent::Ended(end));
                // Usually the turn has ended; but not after an omitted image, or where codex would retry a rejected sign-in
                // or an answer that upstream ended early. The client does not wait for this.
                self.interrupt(&turn).await;
                return Ok(None);
            }
        };
        self.session.limits.answered();
        let parked = !calls.is_empty();
        // Turn instructions would stay in the thread; clients do not send an empty answer back.
        let reuse = !ended.interrupted
            && !job.request.one_shot
            && job.request.turn_instructions.is_none()
            && !text.trim().is_empty();
        // The thread is cached before the final event is sent, so an immediate follow-up finds it.
        let state = match (parked, reuse) {
            (true, _) => Some(CachedState::Parked(ParkedTurn::new(&job.fingerprints, &calls))),
            (false, true) if job.request.profile.keep => {
                self.close_kept(&turn, job.fingerprints.with_answer(&text)).await;
                None
            }
            (false, true) => Some(CachedState::Idle(job.fingerprints.with_answer(&text))),
            (false, false) => None,
        };
        let TurnRequest { owner, profile, .. } = &job.request;
        let next = state.map(|state| self.session.cache.insert(state, owner, profile.kind));
        for call in calls {
            job.events.send(TurnEvent::Call(call));
        }
        job.events.send(TurnEvent::Ended(end));
        Ok(next.map(|next| (next, parked.then_some(turn))))
    }

    async fn interrupt(&self, turn: &OpenTurn) {
        let id = turn.slot.id().unwrap_or_else(|| turn.id.clone());
        let params = json!({ "threadId": turn.slot.thread, "turnId": id });
        if self.session.rpc.call::<Value>("turn/interrupt", params).await.is_ok() {
            // codex confirms within milliseconds; after the timeout the thread is ended anyway.
            let _ = tokio::time::timeout(INTERRUPT_TIMEOUT, turn.slot.reached(Phase::Ended)).await;
        }
    }
}

/// A name for a stored thread: the first line of the conversation's first message.
fn thread_name(items: &[Item]) -> Option<String> {
    let text = items.iter().find_map(|item| match item {
        Item::Message { role: Role::User, content } => content.iter().find_map(|part| match part {
            Content::Text(text) => Some(text),
            Content::Image { .. } => None,
        }),
        _ => None,
    })?;
    let line = text.lines().map(str::trim).find(|line| !line.is_empty())?;
    Some(line.chars().take(MAX_NAME).collect())
}

fn too_long(error: CodexError) -> CodexError {
    match error {
        CodexError::Refused { message, .. } if message.contains(TOO_LONG) => {
            CodexError::Turn(TurnFailure::new(FailureKind::ContextWindow, message))
        }
        other => other,
    }
}
