//! Notices by itself that codex was installed, updated, repaired or signed in.

use std::path::PathBuf;
use std::time::Duration;

use codex_client::FileStamp;
use tokio::time::MissedTickBehavior;

use super::App;
use super::status::CodexState;

/// How often the files that codex depends on are looked at, while something is wrong with it; and, during the first start, how
/// often package managers are looked for.
const LOOK_INTERVAL: Duration = Duration::from_secs(2);

/// The files in codex's home that decide whether it works.
const HOME_FILES: [&str; 3] = ["auth.json", "config.toml", ".env"];

/// What the outcome of a check of codex depends on, as far as files tell.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct CodexFiles {
    program: Option<PathBuf>,
    stamps: Vec<Option<FileStamp>>,
}

impl App {
    /// Checks codex again if something is wrong with it: the user may have just repaired it elsewhere. Called when the window
    /// gets the focus.
    pub fn look_again(&self) {
        self.0.look_again.notify_one();
    }

    /// Whether something is wrong with codex that the user may repair elsewhere.
    fn awaits_codex(&self) -> bool {
        !matches!(
            self.overview().codex.state,
            CodexState::NotStarted | CodexState::Starting | CodexState::Ready
        )
    }

    /// Looks at the files that a check of codex depends on. Starts no process.
    pub(super) async fn codex_files(&self) -> CodexFiles {
        let search = self.codex_config().search;
        let look = move || {
            let home = search.environment.codex_home();
            let program = search.glance();
            let in_home = HOME_FILES.map(|name| home.as_ref().map(|home| home.join(name)));
            let files = std::iter::once(program.clone()).chain(in_home);
            let stamps = files.map(|file| file.and_then(|file| FileStamp::read(&file))).collect();
            CodexFiles { program, stamps }
        };
        tokio::task::spawn_blocking(look).await.unwrap_or_default()
    }
}

/// Runs until the app shuts down.
pub(super) async fn run(app: App) {
    let mut ticks = tokio::time::interval(LOOK_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let look = async {
        loop {
            let asked = tokio::select! {
                _ = ticks.tick() => false,
                () = app.0.look_again.notified() => true,
            };
            // The stamps do not show everything: a sign-in may be in the keychain, and only a login shell may know codex's folder.
            if app.awaits_codex() && (asked || app.codex_files().await != app.checked_files()) {
                app.recheck_codex().await;
            }
            app.look_for_managers().await;
        }
    };
    app.0.stop.run_until_cancelled(look).await;
}
