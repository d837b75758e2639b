//! A live codex: its connection, threads and running turns. The submodules launch one, run turns on it, and supervise it.

mod handshake;
mod launch;
mod limits;
mod liveness;
mod mcp_servers;
mod models;
mod pictures;
mod prewarm;
mod questions;
mod server_requests;
mod supervisor;
mod turn_task;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde_json::value::RawValue;
use serde_json::{Value, json};
use tokio::io::AsyncRead;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::ask::{AskOutcome, Decision, PendingAsk};
use crate::environment::Environment;
use crate::error::{CodexError, FailureKind};
use crate::event::{ItemEvent, TurnEvent};
use crate::home::{self, ModelSizes};
use crate::notification::{ItemKind, Notification, ThreadItem};
use crate::rate_limits::SharedLimits;
use crate::request::SandboxMode;
use crate::rpc::{Connection, Handler, Lines, Outcome};
use crate::status::{Readiness, Refusal};
use crate::thread::{
    self, KeptThread, KeptThreads, MaxTurns, NewThread, PrewarmPool, ReadyThread, Retention, ThreadCache,
};
use crate::turn::TurnRegistry;
use liveness::ping_when_idle;
use mcp_servers::McpServers;
use pictures::Pictures;
use questions::{Answer, Answerer};
use server_requests::{Approval, RequestParams, TOOL_CALL, reply};

pub use handshake::initialize_params;
pub(crate) use handshake::version_in;
pub(crate) use models::list_models;
pub use models::{AgentProbe, Model, ProbeResult, ServiceTier, probe, probe_agent};
pub(crate) use supervisor::{SessionRequest, Sessions, Supervisor};
pub(crate) use turn_task::{start_review, start_turn};

/// Turns started concurrently; more would only queue inside codex. A turn interrupted while it waits here never reaches
/// codex.
const MAX_STARTING_TURNS: usize = 8;

/// How long a retired session waits for turns from callers that have just obtained it.
const LAST_TURNS_GRACE: Duration = Duration::from_secs(1);

/// A live codex. The supervisor and every turn that runs on it share it.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) rpc: Arc<Connection>,
    pub(crate) readiness: Readiness,
    /// The environment that codex was started with.
    pub(crate) environment: Environment,
    pub(crate) turns: TurnRegistry,
    pub(crate) cache: ThreadCache,
    pub(crate) prewarmed: PrewarmPool,
    pub(crate) kept_threads: KeptThreads,
    pub(crate) mcp_servers: McpServers,
    pub(crate) pictures: Pictures,
    pub(crate) starting_turns: Semaphore,
    /// The account's usage limits.
    pub(crate) limits: SharedLimits,
    /// The user's own `CODEX_HOME`, if known.
    user_home: Option<PathBuf>,
    refusal: Refusal,
    model_sizes: ModelSizes,
    /// Cancelled to accept no further turns; running ones finish.
    pub(crate) retired: CancellationToken,
    /// The tasks of turns; `tasks` tracks them too.
    pub(crate) turn_tasks: TaskTracker,
    pub(crate) tasks: TaskTracker,
}

/// What a session is opened with.
pub(crate) struct SessionParts {
    pub(crate) readiness: Readiness,
    /// The environment that codex was started with.
    pub(crate) environment: Environment,
    /// The user's own `CODEX_HOME`, if known.
    pub(crate) user_home: Option<PathBuf>,
    /// Where to note what is to be removed.
    pub(crate) folder: PathBuf,
    pub(crate) retention: Retention,
    pub(crate) max_turns: MaxTurns,
    pub(crate) kept_threads: KeptThreads,
    pub(crate) refusal: Refusal,
    pub(crate) limits: SharedLimits,
    /// As far as codex's list has them.
    pub(crate) model_sizes: ModelSizes,
}

impl Session {
    /// Opens a session on a connection after its handshake, and spawns its tasks.
    pub(crate) fn open(
        rpc: Arc<Connection>,
        mut lines: Lines<impl AsyncRead + Send + Unpin + 'static>,
        tasks: TaskTracker,
        parts: SessionParts,
    ) -> Arc<Self> {
        let SessionParts {
            readiness,
            environment,
            user_home,
            folder,
            retention,
            max_turns,
            refusal,
            limits,
            model_sizes,
            kept_threads,
        } = parts;
        if let Some(account) = &readiness.account {
            limits.set_account(account);
        }
        let session = Arc::new(Self {
            rpc,
            turns: TurnRegistry::new(readiness.capabilities.whole_responses),
            readiness,
            pictures: Pictures::new(environment.codex_home().as_deref(), &folder),
            environment,
            cache: ThreadCache::new(retention),
            prewarmed: PrewarmPool::new(max_turns),
            kept_threads,
            mcp_servers: McpServers::default(),
            starting_turns: Semaphore::new(MAX_STARTING_TURNS),
            limits,
            user_home,
            refusal,
            model_sizes,
            retired: CancellationToken::new(),
            turn_tasks: TaskTracker::new(),
            tasks,
        });
        let reading = Arc::clone(&session);
        session.tasks.spawn(async move {
            reading.rpc.read(&mut lines, &*reading).await;
            reading.turns.close();
        });
        session.tasks.spawn(prewarm::refill(Arc::clone(&session)));
        session
    }

    pub(crate) async fn start_thread(&self, thread: &NewThread) -> Result<ReadyThread, CodexError> {
        self.start_thread_in_sandbox(thread).await.map(|(thread, _)| thread)
    }

    /// The same, with the sandbox mode that codex chose, which an administrator may have restricted.
    pub(crate) async fn start_thread_in_sandbox(
        &self,
        thread: &NewThread,
    ) -> Result<(ReadyThread, Option<SandboxMode>), CodexError> {
        let trusted = home::is_trusted(self.user_home.as_deref(), &thread.profile.workspace);
        let started = tokio::select! {
            started = thread::start(&self.rpc, thread, trusted) => started,
            // Never resolves; but if codex does not respond, the connection closes, and the start fails.
            () = ping_when_idle(&self.rpc) => Err(CodexError::Disconnected),
        };
        let refusal = match &started {
            Err(error @ (CodexError::Refused { .. } | CodexError::BadConfig { .. })) => Some(error.clone()),
            Ok(_) => None,
            // The request's fault, or codex is gone.
            Err(_) => return started,
        };
        let text = |error: &Option<CodexError>| error.as_ref().map(ToString::to_string);
        self.refusal.send_if_modified(|known| {
            let changed = text(known) != text(&refusal);
            if let Some(error) = refusal.as_ref().filter(|_| changed) {
                tracing::warn!(%error, "codex refuses to start a conversation");
            }
            *known = refusal;
            changed
        });
        started
    }

    /// Loads a stored thread, or a copy of what we know of it if it is in use or has been continued elsewhere.
    pub(crate) async fn resume_thread(
        &self,
        thread: &NewThread,
        kept: &KeptThread,
    ) -> Result<ReadyThread, CodexError> {
        let trusted = home::is_trusted(self.user_home.as_deref(), &thread.profile.workspace);
        tokio::select! {
            resumed = thread::resume(&self.rpc, &self.readiness.capabilities, thread, kept, trusted) => resumed,
            // As above.
            () = ping_when_idle(&self.rpc) => Err(CodexError::Disconnected),
        }
    }

    /// A turn's error, with what this codex's configuration says about it. Records a reached limit.
    pub(crate) fn explained(&self, error: CodexError) -> CodexError {
        if let CodexError::Turn(failure) = &error
            && failure.kind == FailureKind::UsageLimit
        {
            self.limits.refused(failure.resets_at, limits::unix_now());
        }
        match (error, &self.readiness.provider) {
            (CodexError::Turn(failure), Some(provider)) if failure.kind == FailureKind::Unauthorized => {
                CodexError::ProviderKey { provider: provider.clone() }
            }
            (error, _) => error,
        }
    }

    pub(crate) async fn end_thread(&self, thread: &ReadyThread) {
        thread::end(&self.rpc, &self.readiness.capabilities, thread).await;
    }

    /// Ends the cached threads, and resolves when the running turns have ended.
    pub(crate) async fn retire(&self) {
        self.retired.cancel();
        self.turn_tasks.close();
        loop {
            self.turn_tasks.wait().await;
            // A caller that has just obtained this session may start a turn now.
            tokio::time::sleep(LAST_TURNS_GRACE).await;
            if self.turn_tasks.is_empty() {
                return;
            }
        }
    }

    /// Resolves when every task has ended, after the connection has closed.
    pub(crate) async fn finished(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }
}

impl Handler for Session {
    fn notification(&self, method: &str, params: Option<&RawValue>) {
        let Some(params) = params.map(RawValue::get) else { return };
        if method == "mcpServer/startupStatus/updated" {
            if let Ok(server) = serde_json::from_str(params) {
                self.mcp_servers.update(server);
            }
            return;
        }
        let Ok(notification) = serde_json::from_str::<Notification<'_>>(params) else { return };
        match notification.rate_limits {
            Some(update) if method == "account/rateLimits/updated" => self.limits.merge(update),
            _ => {
                let thread = notification.thread_id.as_deref();
                if let (Some(thread), Some(item)) = (thread, notification.item)
                    && method == "item/started"
                    && is_picture(item)
                {
                    self.pictures.begun(thread);
                }
                self.turns.notify(method, notification, self.limits.exhausted_until());
            }
        }
    }

    fn request(&self, id: &Value, method: &str, params: Option<&RawValue>) -> Option<Outcome> {
        let raw = params;
        let params = params.and_then(|raw| serde_json::from_str(raw.get()).ok());
        let RequestParams { thread_id, tool, call_id } = params.unwrap_or_default();
        if let (TOOL_CALL, Some(thread), Some(tool), Some(call_id)) = (method, &thread_id, tool, call_id)
            && self.turns.await_output(thread, &tool, &call_id, id)
        {
            // The turn's task responds once the client has sent the tool's output.
            return None;
        }
        if let (Some(approval), Some(thread), Some(raw)) = (Approval::of(method), &thread_id, raw)
            && let Some((pending, answerer)) =
                self.turns.ask(thread, id, |turn| questions::read(approval, raw, turn))
        {
            let (rpc, turns) = (Arc::clone(&self.rpc), self.turns.clone());
            self.tasks.spawn(answer(rpc, turns, thread.to_string(), id.clone(), pending, answerer));
            return None;
        }
        let reply = reply(method);
        if let (Some(what), Some(thread)) = (reply.declined, thread_id) {
            self.turns.send(&thread, TurnEvent::Item(ItemEvent::Declined { what }));
        }
        Some(reply.outcome)
    }
}

fn is_picture(item: &RawValue) -> bool {
    let item = serde_json::from_str::<ThreadItem>(item.get());
    item.is_ok_and(|item| item.kind == ItemKind::ImageGeneration)
}

/// Waits for the answer to a question and sends it. The wait ends with the turn.
async fn answer(
    rpc: Arc<Connection>,
    turns: TurnRegistry,
    thread: String,
    request: Value,
    pending: PendingAsk,
    answerer: Answerer,
) {
    let decision = match pending.outcome().await {
        AskOutcome::Answered(decision) => decision,
        AskOutcome::Dropped => {
            let what = answerer.approval.what();
            turns.send(&thread, TurnEvent::Item(ItemEvent::Declined { what }));
            Decision::Decline
        }
        // codex ignores an answer to a request that it has withdrawn.
        AskOutcome::Withdrawn => Decision::Decline,
    };
    turns.answered(&thread, &request);
    let Answer { result, interrupt } = answerer.answer(decision);
    rpc.respond(&request, Ok(result)).await;
    if let Some(turn) = interrupt {
        let params = json!({ "threadId": thread, "turnId": turn });
        let _: Result<Value, _> = rpc.call("turn/interrupt", params).await;
    }
}

#[cfg(test)]
pub(crate) mod tests;
