//! What the answers to a request change in the working folder: between a snapshot before their turns and one after them.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use codex_client::{SandboxMode, ThreadKind, ThreadProfile};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};

use super::Exchange;
use super::log::{Recorder, RequestLog};
use crate::changes::{ChangeStore, Changes, Window, from_patch};

/// How long codex may take to end interrupted turns. After that, the snapshot is taken anyway.
const SETTLE_TIMEOUT: Duration = Duration::from_secs(6);

/// Total length of the patches that are kept of codex's own.
const MAX_PATCH_BYTES: usize = 1024 * 1024;

/// A snapshot that takes longer is a step of the request.
const NOTABLE: Duration = Duration::from_millis(500);

impl Exchange {
    /// Takes the snapshot before turns that may change the working folder. Dropping the future stops it.
    pub(crate) async fn watch_folder(&mut self, store: &ChangeStore, profile: &ThreadProfile, undo: bool) {
        let (folder, took) = FolderWatch::begin(&self.recorder, store, profile, undo).await;
        self.folder = folder;
        self.add_outside_time(took);
    }
}

/// The folder during the answers to one request.
#[derive(Debug, Default)]
pub(super) struct FolderWatch {
    state: State,
    /// What codex itself says that it changed.
    patch: Option<String>,
    log: Option<(Arc<dyn RequestLog>, String)>,
}

#[derive(Debug, Default)]
enum State {
    /// Nothing can change, or nothing is known.
    #[default]
    Idle,
    /// Boxed, since it is large and most requests have none.
    Watching(Box<Window>),
    /// Without snapshots.
    Unwatched(PathBuf),
    Ending(JoinHandle<Option<u32>>),
    Ended(Option<u32>),
}

impl FolderWatch {
    /// Takes the snapshot before the turns, if they may change the folder. Returns it with the time that it took.
    pub(super) async fn begin(
        recorder: &Recorder,
        store: &ChangeStore,
        profile: &ThreadProfile,
        undo: bool,
    ) -> (Self, Duration) {
        let started = Instant::now();
        // A command that is approved runs outside the sandbox.
        let may_write =
            profile.kind == ThreadKind::Agent && (profile.sandbox != SandboxMode::ReadOnly || profile.ask);
        let state = if !may_write {
            State::Idle
        } else if undo {
            let window = store.begin(recorder.id(), &profile.workspace).await;
            if let Some(why) = window.why_not() {
                recorder.step("Changes can't be undone", Some(why), false);
            } else if started.elapsed() >= NOTABLE {
                let took = format!("{:.1} s", started.elapsed().as_secs_f64());
                recorder.step("Saved the working folder", Some(&took), false);
            }
            State::Watching(Box::new(window))
        } else {
            State::Unwatched(profile.workspace.clone())
        };
        let log = Some((recorder.log(), recorder.id().to_owned()));
        (Self { state, patch: None, log }, started.elapsed())
    }

    /// Keeps what codex itself says that it changed in one of the turns.
    pub(super) fn push_patch(&mut self, patch: &str) {
        let all = self.patch.get_or_insert_default();
        if all.len() + patch.len() <= MAX_PATCH_BYTES {
            all.push_str(patch);
        }
    }

    /// Starts to compare, once codex does nothing more. What has changed is reported to the request log, whether or not this
    /// is still there.
    pub(super) fn start_ending(&mut self, settled: impl Future<Output = ()> + Send + 'static) {
        let patch = self.patch.take();
        let (Some((log, id)), Ok(runtime)) = (self.log.clone(), Handle::try_current()) else { return };
        let report = move |changes: Changes| {
            if changes.count > 0 {
                log.changed(&id, &changes);
            }
            changes.count
        };
        self.state = match std::mem::take(&mut self.state) {
            State::Watching(window) => State::Ending(runtime.spawn(async move {
                let _late = timeout(SETTLE_TIMEOUT, settled).await;
                window.end(patch).await.map(report)
            })),
            State::Unwatched(folder) => {
                let why = "Undo is switched off in the settings.".to_owned();
                State::Ended(patch.map(|patch| report(from_patch(&folder, patch, why))))
            }
            state => state,
        };
    }

    /// Waits until that is done. Cancel-safe.
    pub(super) async fn ended(&mut self) {
        if let State::Ending(task) = &mut self.state {
            self.state = State::Ended(task.await.ok().flatten());
        }
    }

    /// How many files changed; `None` if that is unknown.
    pub(super) fn count(&self) -> Option<u32> {
        if let State::Ended(count) = self.state { count } else { None }
    }
}

impl Drop for FolderWatch {
    fn drop(&mut self) {
        // Ending it early waits for a lock.
        if let State::Watching(window) = std::mem::take(&mut self.state)
            && let Ok(runtime) = Handle::try_current()
        {
            runtime.spawn_blocking(move || drop(window));
        }
    }
}
