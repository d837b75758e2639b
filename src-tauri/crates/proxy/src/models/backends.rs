//! The two codexes: one for plain models in a private home, and one for the agent in the user's.
//!
//! Each is a process of its own that starts on first use, so a plain chat never waits for what the user's settings start.
//! To whoever only asks how codex is, they are one.

use std::path::{Path, PathBuf};

use codex_client::{
    Capabilities, Codex, CodexConfig, CodexError, Environment, Home, Readiness, Retention, Search, Status,
    ThreadKind,
};
use tokio::sync::watch;

/// The folder of the private home below the app's data.
const PRIVATE_HOME: &str = "codex-home";

/// Both codexes. Clones share them.
#[derive(Clone, Debug)]
pub struct Codexes {
    plain: Codex,
    agent: Codex,
}

impl Codexes {
    /// Both, not started. `folder` is what their processes are started in. Must be called within a tokio runtime.
    #[must_use]
    pub fn new(path: Option<&Path>, environment: &Environment, folder: &Path, data_dir: &Path) -> Self {
        let codex = |home| Codex::new(config(path, environment, folder, home));
        Self { plain: codex(Home::Private(private_home(data_dir))), agent: codex(Home::Users) }
    }

    /// The one that runs this kind.
    #[must_use]
    pub fn of(&self, kind: ThreadKind) -> &Codex {
        match kind {
            ThreadKind::Plain => &self.plain,
            ThreadKind::Agent => &self.agent,
        }
    }

    /// The one that is asked for the models.
    #[must_use]
    pub fn plain(&self) -> &Codex {
        &self.plain
    }

    /// How codex is.
    #[must_use]
    pub fn status(&self) -> CodexesStatus {
        combined(&self.plain.status().borrow(), &self.agent.status().borrow())
    }

    /// Tells of every change of how codex is.
    #[must_use]
    pub fn watch(&self) -> Watch {
        Watch { plain: self.plain.status(), agent: self.agent.status() }
    }

    /// Starts whichever has failed, or the one for plain models when none has been used, and waits until they answer.
    ///
    /// # Errors
    /// Whatever keeps one from answering.
    pub async fn ready(&self) -> Result<(), CodexError> {
        if matches!(*self.agent.status().borrow(), Status::Failed(_)) {
            self.agent.ready().await?;
        }
        self.plain.ready().await
    }

    /// Ends both for good.
    pub async fn shutdown(&self) {
        tokio::join!(self.plain.shutdown(), self.agent.shutdown());
    }
}

/// How codex is found and started for a look at it, or with this home.
pub fn config(path: Option<&Path>, environment: &Environment, folder: &Path, home: Home) -> CodexConfig {
    CodexConfig {
        search: Search { setting: path.map(Path::to_owned), environment: environment.clone() },
        home,
        folder: folder.to_owned(),
        client_version: env!("CARGO_PKG_VERSION").to_owned(),
        retention: Retention::default(),
    }
}

/// How the codex for plain models is found and started.
pub fn plain_config(
    path: Option<&Path>,
    environment: &Environment,
    folder: &Path,
    data_dir: &Path,
) -> CodexConfig {
    config(path, environment, folder, Home::Private(private_home(data_dir)))
}

/// Whether a codex can do each of what some can, and what is said then, and otherwise.
fn skills(can: &Capabilities) -> [(bool, &'static str, Option<&'static str>); 6] {
    [
        (can.threads, "answers word by word", Some("answer word by word")),
        (can.inject_items, "keeps who said what", Some("take the earlier messages with their roles")),
        (can.interrupt, "stops when the client does", Some("stop when the client does")),
        (can.raw_events, "counts tokens exactly", None),
        (can.tools(), "can use a client's tools", Some("offer the client's tools to the model")),
        (can.images(), "sees pictures", Some("show pictures to the model")),
    ]
}

/// What a codex can do, in a few words each.
pub fn abilities(capabilities: &Capabilities) -> Vec<&'static str> {
    skills(capabilities).into_iter().filter_map(|(can, words, _)| can.then_some(words)).collect()
}

/// What a codex cannot do that later ones can, as a sentence without its dot.
pub fn lacks(readiness: &Readiness) -> Option<String> {
    let skills = skills(&readiness.capabilities);
    let lacking: Vec<&str> =
        skills.into_iter().filter_map(|(can, _, words)| words.filter(|_| !can)).collect();
    let (last, others) = lacking.split_last()?;
    let all = match others {
        [] => (*last).to_owned(),
        others => format!("{} or {last}", others.join(", ")),
    };
    Some(format!("This codex ({}) cannot {all}", readiness.version))
}

fn private_home(data_dir: &Path) -> PathBuf {
    let home = data_dir.join(PRIVATE_HOME);
    std::path::absolute(&home).unwrap_or(home)
}

/// The states of a codex, as `state_of` names them.
pub(crate) const STATES: [&str; 5] = ["idle", "starting", "ready", "failed", "stopped"];

/// The word for the state that a codex is in.
pub(crate) fn state_of(status: &Status) -> &'static str {
    match status {
        Status::Idle => "idle",
        Status::Starting => "starting",
        Status::Ready(_) => "ready",
        Status::Failed(_) => "failed",
        Status::Stopped => "stopped",
    }
}

/// How the two are, as one.
#[derive(Clone, Debug, Default)]
pub struct CodexesStatus {
    /// Ready when one answers; failed when one could not start and none answers.
    pub status: Status,
    /// What keeps the other one from answering, where one answers.
    pub other: Option<CodexError>,
}

fn combined(plain: &Status, agent: &Status) -> CodexesStatus {
    let one = |status: &Status| CodexesStatus { status: status.clone(), other: None };
    match (plain, agent) {
        (Status::Ready(ready), Status::Failed(error)) | (Status::Failed(error), Status::Ready(ready)) => {
            CodexesStatus { status: Status::Ready(ready.clone()), other: Some(error.clone()) }
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

/// Changes of how codex is.
#[derive(Debug)]
pub struct Watch {
    plain: watch::Receiver<Status>,
    agent: watch::Receiver<Status>,
}

impl Watch {
    /// Resolves when either has changed; never once both are gone for good.
    pub async fn changed(&mut self) {
        async fn one(status: &mut watch::Receiver<Status>) {
            if status.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
        tokio::select! {
            () = one(&mut self.plain) => {}
            () = one(&mut self.agent) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_that_answers_is_enough_and_the_other_ones_trouble_is_still_told() {
        let ready = || {
            Status::Ready(codex_client::Readiness {
                path: "/c".into(),
                version: "1".into(),
                capabilities: codex_client::Capabilities::default(),
                account: None,
                home: codex_client::HomeUsed::Users,
            })
        };
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
