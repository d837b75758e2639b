//! Launches codex: finds the binary, starts the process, performs the handshake.
//!
//! Every step has a timeout, and a failed launch leaves no process behind: dropping the handle kills it.

use std::sync::Arc;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::handshake::{HandshakeHandler, handshake};
use super::{Session, SessionParts};
use crate::app_server::AppServer;
use crate::config::CodexConfig;
use crate::error::CodexError;
use crate::files::FileStamp;
use crate::home::{self, ModelList, Prepared};
use crate::process::Process;
use crate::status::{Readiness, Refusal};

/// A launched codex: its process and session.
pub(crate) struct Instance {
    pub(crate) process: Process,
    pub(crate) session: Arc<Session>,
    /// The stamp of the binary before the start.
    binary: Option<FileStamp>,
    pub(crate) started_at: Instant,
    pub(crate) memory_checked_at: Instant,
    /// The model list it was started with.
    pub(crate) models: Option<ModelList>,
    /// Cancelled once a newer one is there.
    pub(crate) models_outdated: CancellationToken,
}

impl Instance {
    /// The stamp of the binary if it has been replaced. A missing binary may be in the middle of an update.
    pub(crate) fn update(&self) -> Option<FileStamp> {
        FileStamp::read(&self.session.readiness.path).filter(|now| Some(now) != self.binary.as_ref())
    }

    /// Kills the process and waits for the session's tasks.
    pub(crate) async fn stop(mut self) {
        self.session.rpc.closed.cancel();
        self.process.kill().await;
        self.session.finished().await;
    }
}

/// Starts codex and waits until it is ready.
///
/// Refused threads are reported to `refusal`.
pub(crate) async fn launch(config: &CodexConfig, refusal: &Refusal) -> Result<Instance, CodexError> {
    let found = config.search.run().await?;
    // Read before the start, so that a later replacement is detected.
    let binary = FileStamp::read(&found.path);
    // Our log level must not make codex write prompts to its stderr.
    let environment = found.environment.clone().without("RUST_LOG");
    let prepared = home::prepare(&config.home, &found, environment).await?;
    let Prepared { environment, args, used, provider, models } = prepared;
    if let Some(url) = &provider.base_url
        && config.own_addresses.serve(url).await
    {
        return Err(CodexError::OwnProvider);
    }
    let mut server = AppServer::start(&found.path, &environment, &args, &config.folder)?;
    let (rpc, handler) = (Arc::clone(&server.rpc), HandshakeHandler::default());
    let handshake = handshake(&rpc, &handler, &config.client_version, found.path);
    let readiness = match server.run(&handler, handshake).await {
        Ok(readiness) => readiness,
        Err(error) => return Err(server.stop_after(error).await),
    };
    let AppServer { process, lines, tasks, .. } = server;
    let model_list = models.as_ref().map(ModelList::id);
    let parts = SessionParts {
        readiness: Readiness { home: used, provider: provider.own, model_list, ..readiness },
        environment,
        user_home: found.environment.codex_home(),
        folder: config.folder.clone(),
        retention: config.retention,
        max_turns: config.max_turns.clone(),
        kept_threads: config.kept_threads.clone(),
        refusal: refusal.clone(),
        limits: config.limits.clone(),
        model_sizes: models.as_ref().map(ModelList::sizes).unwrap_or_default(),
    };
    let session = Session::open(rpc, lines, tasks, parts);
    let (started_at, models_outdated) = (Instant::now(), CancellationToken::new());
    let memory_checked_at = started_at;
    Ok(Instance { process, session, binary, started_at, memory_checked_at, models, models_outdated })
}
