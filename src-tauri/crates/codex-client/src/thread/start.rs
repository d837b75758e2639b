//! Threads of codex: started, and given up.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};

use crate::capabilities::Capabilities;
use crate::error::CodexError;
use crate::home;
use crate::item::{ById, ThreadStarted};
use crate::legacy::{session_file, transcript};
use crate::rpc::connection::Connection;
use crate::thread::params as thread_params;
use crate::thread::prewarm::ReadyThread;
use crate::turn::handle::{ThreadKind, ThreadProfile, TurnRequest};

/// How long a thread may take to start; the user's MCP servers start with an agent's.
const THREAD_LIMIT: Duration = Duration::from_secs(60);

/// A thread that is to be started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NewThread {
    pub(crate) profile: ThreadProfile,
    /// The client's instructions, which a plain model gets in the place of codex's own. They cannot be put in later.
    pub(crate) instructions: Option<String>,
}

impl NewThread {
    /// The thread that a request needs, and how many of its items are in the thread from the start.
    pub(crate) fn of(request: &TurnRequest) -> (Self, usize) {
        let (instructions, has) = match request.profile.kind {
            ThreadKind::Plain => {
                let (instructions, rest) = transcript::split_instructions(&request.items);
                (instructions, request.items.len() - rest.len())
            }
            // codex keeps its own, and so do those of its user.
            ThreadKind::Agent => (None, 0),
        };
        (Self { profile: request.profile.clone(), instructions }, has)
    }
}

impl Connection {
    /// Starts a thread that leaves no session file behind and is gone as soon as it is given up.
    pub(crate) async fn start_thread(&self, thread: &NewThread) -> Result<ReadyThread, CodexError> {
        let profile = &thread.profile;
        let trusts = home::trusts(self.users_home.get().map(PathBuf::as_path), &profile.workspace);
        let mut params = thread_params::thread_start(thread, trusts);
        let mut started = self.call_within(THREAD_LIMIT, "thread/start", params.clone()).await;
        if let (Err(CodexError::Refused { message, .. }), Some(tier)) = (&started, &profile.service_tier)
            && message.contains(&format!("unknown variant `{tier}`"))
        {
            // Every other codex passes over a tier that it does not know.
            params["serviceTier"] = Value::Null;
            started = self.call_within(THREAD_LIMIT, "thread/start", params).await;
        }
        let started: ThreadStarted = started?;
        let ById { id, path } = started.thread;
        let session = path.and_then(|path| session_file::of_session(&path, &id));
        if let Some(session) = &session {
            self.sessions.add(session.clone());
        }
        Ok(ReadyThread { id, model: started.model, session })
    }

    /// Lets codex forget a thread. A codex that is gone or cannot do it has forgotten it already, or keeps it.
    pub(crate) async fn give_up_thread(&self, thread: &ReadyThread) {
        let method = match (&thread.session, self.can()) {
            (_, Capabilities { unsubscribe: true, .. }) => Some("thread/unsubscribe"),
            // Only what was written can be put aside.
            (Some(_), Capabilities { archive: true, .. }) => Some("thread/archive"),
            _ => None,
        };
        if let Some(method) = method
            && let Err(error) = self.call::<Value>(method, json!({ "threadId": thread.id })).await
        {
            tracing::debug!(%error, "a thread was not given up");
        }
        if let Some(session) = &thread.session {
            self.sessions.remove(session);
        }
    }
}
