//! Two codex processes: one for plain models with a private home, and one for the agent with the user's.
//!
//! Each starts on first use, so a plain chat never waits for what the user's config starts. Their combined status is
//! reported as one.

use std::path::{Path, PathBuf};

use codex_client::{
    Account, Capabilities, Codex, CodexConfig, CodexError, Environment, Home, KeptThreads, MaxTurns,
    OwnAddresses, Readiness, Retention, Search, SharedLimits, Status, ThreadKind, own_folder,
};
use tokio::sync::watch;

/// The private home's folder in the data folder.
const PRIVATE_HOME: &str = "codex-home";

/// Both codex handles. Clones share them.
#[derive(Clone, Debug)]
pub struct Backends {
    plain: Codex,
    agent: Codex,
    own_addresses: OwnAddresses,
    usage_limits: SharedLimits,
    max_turns: MaxTurns,
}

impl Backends {
    /// Does not start codex yet. Must be called within a tokio runtime.
    #[must_use]
    pub fn new(
        path: Option<&Path>,
        environment: &Environment,
        data_dir: &Path,
        usage_limits: SharedLimits,
    ) -> Self {
        let (own_addresses, max_turns) = (OwnAddresses::default(), MaxTurns::default());
        let codex = |config| {
            let (own_addresses, limits) = (own_addresses.clone(), usage_limits.clone());
            Codex::new(CodexConfig { own_addresses, limits, max_turns: max_turns.clone(), ..config })
        };
        Self {
            plain: codex(plain_config(path, environment, data_dir)),
            agent: codex(agent_config(path, environment, data_dir)),
            own_addresses,
            usage_limits,
            max_turns,
        }
    }

    /// Changes how many turns may run at once, for which threads are prewarmed.
    pub(crate) fn set_max_turns(&self, turns: usize) {
        self.max_turns.set(turns);
    }

    /// The account's usage limits.
    #[must_use]
    pub fn usage_limits(&self) -> &SharedLimits {
        &self.usage_limits
    }

    /// Whether the account that codex for plain models runs with may have usage limits: only one of ChatGPT has.
    pub(crate) fn may_have_limits(&self) -> bool {
        match &*self.plain.status().borrow() {
            Status::Ready(ready) => matches!(ready.account, None | Some(Account::ChatGpt { .. })),
            _ => false,
        }
    }

    /// Where the proxy listens; a codex that would use it as its provider does not start.
    pub(crate) fn own_addresses(&self) -> &OwnAddresses {
        &self.own_addresses
    }

    /// Ends the turn on `thread`, since codex sent its request to this proxy. Whether there is such a turn.
    pub(crate) fn end_own_turn(&self, thread: &str) -> bool {
        self.plain.end_own_turn(thread) || self.agent.end_own_turn(thread)
    }

    /// The codex for this kind of model.
    #[must_use]
    pub fn for_kind(&self, kind: ThreadKind) -> &Codex {
        match kind {
            ThreadKind::Plain => &self.plain,
            ThreadKind::Agent => &self.agent,
        }
    }

    /// The codex for plain models, which also lists models.
    #[must_use]
    pub fn plain(&self) -> &Codex {
        &self.plain
    }

    /// Changes the configured path of both; running turns finish.
    pub fn set_path(&self, path: Option<&Path>) {
        for codex in [&self.plain, &self.agent] {
            codex.set_path(path);
        }
    }

    /// Takes both out of use once their turns have finished; the next requests start others.
    pub fn restart(&self) {
        for codex in [&self.plain, &self.agent] {
            codex.restart();
        }
    }

    /// The combined status.
    #[must_use]
    pub fn status(&self) -> BackendsStatus {
        let both = combined(&self.plain.status().borrow(), &self.agent.status().borrow());
        let refusal =
            || self.plain.refusal().borrow().clone().or_else(|| self.agent.refusal().borrow().clone());
        match both.status {
            Status::Ready(_) => BackendsStatus { other: both.other.or_else(refusal), ..both },
            _ => both,
        }
    }

    /// Watches the combined status.
    #[must_use]
    pub fn watch(&self) -> Watch {
        Watch {
            plain: self.plain.status(),
            agent: self.agent.status(),
            refusals: [self.plain.refusal(), self.agent.refusal()],
        }
    }

    /// Restarts whichever has failed, or starts the one for plain models if none is used yet, and waits until ready.
    ///
    /// # Errors
    /// When codex cannot start.
    pub async fn ready(&self) -> Result<(), CodexError> {
        if matches!(*self.agent.status().borrow(), Status::Failed(_)) {
            self.agent.ready().await?;
        }
        self.plain.ready().await
    }

    /// Shuts both down for good.
    pub async fn shutdown(&self) {
        tokio::join!(self.plain.shutdown(), self.agent.shutdown());
    }
}

/// The file in the data folder that finds the chats that codex stores.
const KEPT_CHATS: &str = "kept-chats.json";

/// How codex for the agent is found and started: with the user's own home.
pub fn agent_config(path: Option<&Path>, environment: &Environment, data_dir: &Path) -> CodexConfig {
    let kept_threads = KeptThreads::in_file(data_dir.join(KEPT_CHATS));
    CodexConfig { kept_threads, ..config(path, environment, data_dir, Home::Users) }
}

/// How codex for plain models is found and started.
pub fn plain_config(path: Option<&Path>, environment: &Environment, data_dir: &Path) -> CodexConfig {
    config(path, environment, data_dir, Home::Private(private_home(data_dir)))
}

fn config(path: Option<&Path>, environment: &Environment, data_dir: &Path, home: Home) -> CodexConfig {
    CodexConfig {
        search: Search {
            setting: path.map(Path::to_owned),
            own: Some(own_folder(data_dir)),
            environment: environment.clone(),
        },
        home,
        // Not the working folder, which may be missing: plain models need none, and each turn of the agent has its own.
        folder: data_dir.to_owned(),
        own_addresses: OwnAddresses::default(),
        limits: SharedLimits::default(),
        client_version: env!("CARGO_PKG_VERSION").to_owned(),
        retention: Retention::default(),
        max_turns: MaxTurns::default(),
        kept_threads: KeptThreads::default(),
    }
}

/// Each capability: whether codex has it, a phrase for having it, and one for lacking it.
fn skills(can: &Capabilities) -> [(bool, &'static str, Option<&'static str>); 7] {
    [
        (can.threads, "streams answers", Some("stream answers")),
        (can.inject_items, "keeps roles", Some("keep the roles of earlier messages")),
        (can.interrupt, "cancels with the client", Some("cancel with the client")),
        (can.raw_events, "counts tokens exactly", None),
        (can.tools(), "can use client tools", Some("use client tools")),
        (can.images(), "reads images", Some("read images")),
        // Said beside the switch.
        (can.ask, "can ask", None),
    ]
}

/// codex's capabilities, as short phrases.
pub fn abilities(capabilities: &Capabilities) -> Vec<&'static str> {
    skills(capabilities).into_iter().filter_map(|(can, words, _)| can.then_some(words)).collect()
}

/// Describes the capabilities that this version of codex lacks, as a sentence without its period.
pub fn missing_capabilities(readiness: &Readiness) -> Option<String> {
    let skills = skills(&readiness.capabilities);
    let lacking: Vec<&str> =
        skills.into_iter().filter_map(|(can, _, words)| words.filter(|_| !can)).collect();
    let (last, others) = lacking.split_last()?;
    let all = match others {
        [] => (*last).to_owned(),
        others => format!("{} or {last}", others.join(", ")),
    };
    Some(format!("This version of codex ({}) cannot {all}", readiness.version))
}

fn private_home(data_dir: &Path) -> PathBuf {
    let home = data_dir.join(PRIVATE_HOME);
    std::path::absolute(&home).unwrap_or(home)
}

/// The states that `state_of` returns.
pub(crate) const STATES: [&str; 5] = ["idle", "starting", "ready", "failed", "stopped"];

/// The name of codex's state.
pub(crate) fn state_of(status: &Status) -> &'static str {
    match status {
        Status::Idle => "idle",
        Status::Starting => "starting",
        Status::Ready(_) => "ready",
        Status::Failed(_) => "failed",
        Status::Stopped => "stopped",
    }
}

/// The combined status of both.
#[derive(Clone, Debug, Default)]
pub struct BackendsStatus {
    /// Ready if either is ready; failed if one has failed and none is ready.
    pub status: Status,
    /// The other one's error, if one is ready; or why one of them refuses to start conversations.
    pub other: Option<CodexError>,
}

fn combined(plain: &Status, agent: &Status) -> BackendsStatus {
    let one = |status: &Status| BackendsStatus { status: status.clone(), other: None };
    match (plain, agent) {
        (Status::Ready(ready), Status::Failed(error)) | (Status::Failed(error), Status::Ready(ready)) => {
            BackendsStatus { status: Status::Ready(ready.clone()), other: Some(error.clone()) }
        }
        (Status::Ready(_), _) => one(plain),
        (_, Status::Ready(_)) => one(agent),
        (Status::Failed(_), _) => one(plain),
        (_, Status::Failed(_)) => one(agent),
        (Status::Starting, _) => one(plain),
        (_, Status::Starting) => one(agent),
        _ => one(plain),
    }
}

/// Watches both statuses.
#[derive(Debug)]
pub struct Watch {
    plain: watch::Receiver<Status>,
    agent: watch::Receiver<Status>,
    refusals: [watch::Receiver<Option<CodexError>>; 2],
}

impl Watch {
    /// Resolves when either changes; pending forever once both are shut down.
    pub async fn changed(&mut self) {
        async fn one<T>(status: &mut watch::Receiver<T>) {
            if status.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
        let [plain_refusal, agent_refusal] = &mut self.refusals;
        tokio::select! {
            () = one(&mut self.plain) => {}
            () = one(&mut self.agent) => {}
            () = one(plain_refusal) => {}
            () = one(agent_refusal) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_ready_process_is_enough_and_the_others_error_is_reported() {
        let ready = || Status::Ready(Readiness::default());
        let failed = || Status::Failed(CodexError::NotFound);
        for (plain, agent) in [(ready(), failed()), (failed(), ready())] {
            let both = combined(&plain, &agent);
            assert!(matches!(both.status, Status::Ready(_)) && both.other.is_some(), "{both:?}");
        }
        assert!(combined(&ready(), &Status::Idle).other.is_none());
        assert!(matches!(combined(&Status::Idle, &failed()).status, Status::Failed(_)));
        assert!(matches!(combined(&Status::Idle, &Status::Starting).status, Status::Starting));
        assert!(matches!(combined(&Status::Idle, &Status::Idle).status, Status::Idle));
    }
}
