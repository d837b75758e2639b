//! The card of the first start: its three steps, and the installation of codex.

use tokio_util::sync::CancellationToken;

use super::status::{CodexState, CodexView};
use super::{App, WINDOW_KEY_NAME, unix_now_ms};
use crate::client_name::OWN;
use crate::request_log::{ExchangeQuery, ExchangeRow, ExchangeState};
use crate::setup::{self, FirstApp, InstallView, Methods, SetupStep, SetupView};
use crate::view::ViewError;

/// The newest requests in which the first answer is looked for.
const RECENT: u32 = 50;

/// The state of the card.
#[derive(Debug, Default)]
pub(super) struct Setup {
    /// Whether it is shown.
    open: bool,
    /// Requests from before count as none, in Unix milliseconds.
    since: u64,
    /// The package managers that `methods` was found with.
    managers: Vec<std::path::PathBuf>,
    /// `None` until they are known.
    methods: Option<Methods>,
    install: Option<InstallView>,
    /// Cancels the running installation.
    cancel: Option<CancellationToken>,
}

impl App {
    /// Shows the card unless it was finished or skipped, or an app had an answer before.
    pub(super) async fn open_setup(&self) {
        if self.0.settings.current().setup_done {
            return;
        }
        if let FirstApp::Answered { .. } = self.first_app(0).await {
            // The log forgets old requests.
            return self.finish_setup().await.unwrap_or_else(|error| tracing::warn!("{}", error.message));
        }
        self.0.setup.lock().open = true;
    }

    /// Hides the card for good, because it is finished or skipped.
    ///
    /// # Errors
    /// If that cannot be saved; it is hidden until the next start.
    pub async fn skip_setup(&self) -> Result<(), ViewError> {
        self.cancel_install();
        self.0.setup.lock().open = false;
        let saved = self.finish_setup().await;
        self.refresh_overview().await;
        saved
    }

    async fn finish_setup(&self) -> Result<(), ViewError> {
        self.change_settings(|settings| settings.setup_done = true).await
    }

    /// Shows the card again, until it is finished or the app quits.
    pub async fn reopen_setup(&self) {
        {
            let mut setup = self.0.setup.lock();
            setup.open = true;
            setup.since = unix_now_ms();
        }
        self.refresh_overview().await;
    }

    /// Installs codex in the background; the overview shows the progress.
    ///
    /// # Errors
    /// If there is nothing to install it with.
    pub fn install_codex(&self) -> Result<(), ViewError> {
        let mut setup = self.0.setup.lock();
        if setup.cancel.is_some() {
            return Ok(());
        }
        let method = setup.methods.as_ref().and_then(|methods| methods.best.clone());
        let method = method.ok_or_else(|| {
            ViewError::new(
                "No package manager found to install Codex with. Install Node.js, or choose the file.",
            )
        })?;
        let cancel = self.0.stop.child_token();
        setup.cancel = Some(cancel.clone());
        setup.install = Some(InstallView::new(&method.shown, unix_now_ms()));
        drop(setup);
        self.0.refresh.notify_one();
        let app = self.clone();
        self.0.tasks.spawn(async move {
            let ended = cancel.run_until_cancelled(app.run_install(&method)).await;
            {
                let mut setup = app.0.setup.lock();
                setup.cancel = None;
                match (ended, &mut setup.install) {
                    (Some(Err(message)), Some(view)) => view.error = Some(message),
                    // Done, or cancelled.
                    _ => setup.install = None,
                }
            }
            app.0.refresh.notify_one();
        });
        Ok(())
    }

    /// Ends the running installation with everything that it started, or forgets one that failed.
    pub fn cancel_install(&self) {
        let mut setup = self.0.setup.lock();
        match &setup.cancel {
            Some(cancel) => cancel.cancel(),
            None => setup.install = None,
        }
        drop(setup);
        self.0.refresh.notify_one();
    }

    async fn run_install(&self, method: &setup::Method) -> Result<(), String> {
        tracing::info!(command = method.shown, "installing codex");
        let print = |line| {
            if let Some(view) = &mut self.0.setup.lock().install {
                view.print(line);
            }
            self.0.refresh_soon.notify_one();
        };
        if let Err(setup::Failure(message)) = setup::install(method, print).await {
            tracing::warn!(message, "codex was not installed");
            return Err(message);
        }
        self.recheck_codex().await;
        let codex = self.overview().codex;
        match codex.state {
            CodexState::NotFound => {
                Err("The installation ended well, but Codex can't be found. Choose the file.".to_owned())
            }
            CodexState::Unsupported => Err(format!(
                "The installation ended well, but an older Codex is found first. {}",
                codex.message.unwrap_or_default()
            )),
            _ => Ok(()),
        }
    }

    /// Looks for package managers while codex is missing and the card is shown. Starts them only when they have changed.
    pub(super) async fn look_for_managers(&self) {
        let missing = matches!(self.overview().codex.state, CodexState::NotFound | CodexState::Unsupported);
        if !missing || !self.0.setup.lock().open {
            return;
        }
        let environment = self.0.environment.clone();
        let found =
            tokio::task::spawn_blocking(move || setup::managers(&environment)).await.unwrap_or_default();
        {
            let setup = self.0.setup.lock();
            if setup.methods.is_some() && setup.managers == found {
                return;
            }
        }
        let methods = setup::find(&self.0.environment, &self.0.data_dir).await;
        {
            let mut setup = self.0.setup.lock();
            setup.managers = found;
            setup.methods = Some(methods);
        }
        self.refresh_overview().await;
    }

    /// The card; `None` when it is not shown.
    pub(super) async fn setup_view(&self, codex: &CodexView) -> Option<SetupView> {
        let since = {
            let setup = self.0.setup.lock();
            setup.open.then_some(setup.since)?
        };
        let first_app = self.first_app(since).await;
        let setup = self.0.setup.lock();
        let missing = codex.state == CodexState::NotFound;
        let configured = self.0.settings.current().proxy.codex_path.filter(|_| missing);
        let step = match codex_step(codex) {
            SetupStep::FirstApp if matches!(first_app, FirstApp::Answered { .. }) => SetupStep::Done,
            step => step,
        };
        let methods = setup.methods.as_ref();
        Some(SetupView {
            step,
            checking: codex.state == CodexState::NotStarted && codex.version.is_none()
                || (missing || codex.state == CodexState::Unsupported) && methods.is_none(),
            install_command: methods.and_then(|methods| methods.best.as_ref()).map(|best| best.shown.clone()),
            install_note: methods.and_then(|methods| methods.note.clone()),
            install: setup.install.clone(),
            wrong_path: configured.map(|path| path.display().to_string()),
            first_app,
        })
    }

    /// The first request of an app since `since`: the first that was answered, else the latest.
    async fn first_app(&self, since: u64) -> FirstApp {
        let query = ExchangeQuery { limit: Some(RECENT), ..ExchangeQuery::default() };
        first_app(&self.0.request_log.query(query).await, since)
    }
}

/// The step that codex's state asks for.
fn codex_step(codex: &CodexView) -> SetupStep {
    match codex.state {
        CodexState::NotSignedIn => SetupStep::Account,
        CodexState::Ready => SetupStep::FirstApp,
        CodexState::NotStarted | CodexState::Starting if codex.version.is_some() => SetupStep::FirstApp,
        _ => SetupStep::Codex,
    }
}

fn first_app(newest_first: &[ExchangeRow], since: u64) -> FirstApp {
    let is_own = |row: &ExchangeRow| row.key == WINDOW_KEY_NAME || OWN.contains(&row.app.as_str());
    let of_apps = || newest_first.iter().filter(|row| !is_own(row) && row.at >= since);
    let client = |row: &ExchangeRow| row.app.clone();
    if let Some(row) = of_apps().rfind(|row| row.state == ExchangeState::Done) {
        return FirstApp::Answered { client: client(row), ms: row.total_ms.unwrap_or_default() };
    }
    match of_apps().next() {
        None => FirstApp::Waiting,
        Some(row) => match row.state {
            ExchangeState::Failed => FirstApp::Failed {
                client: client(row),
                message: row.error.clone().or_else(|| row.code.clone()),
            },
            ExchangeState::Stopped => FirstApp::Waiting,
            _ => FirstApp::Answering { client: client(row) },
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client_name::CHECK;

    fn row(key: &str, at: u64, state: ExchangeState) -> ExchangeRow {
        let key = key.to_owned();
        ExchangeRow { key, at, state, app: format!("app {at}"), total_ms: Some(at), ..ExchangeRow::default() }
    }

    #[test]
    fn the_first_answer_of_an_app_counts_and_the_windows_own_do_not() {
        use ExchangeState::{Done, Failed, Streaming};
        let own = row(WINDOW_KEY_NAME, 9, Done);
        assert_eq!(first_app(std::slice::from_ref(&own), 0), FirstApp::Waiting);
        let failed = row("Default", 3, Failed);
        let check = ExchangeRow { app: CHECK.to_owned(), ..row("Default", 4, Done) };
        let rows = [own, check, failed];
        assert_eq!(first_app(&rows, 0), FirstApp::Failed { client: "app 3".to_owned(), message: None });
        let rows = [row("Default", 8, Streaming), row("Default", 7, Failed)];
        assert_eq!(first_app(&rows, 0), FirstApp::Answering { client: "app 8".to_owned() });
        let rows = [row("Default", 8, Failed), row("Default", 7, Done), row("Default", 5, Done)];
        assert_eq!(first_app(&rows, 0), FirstApp::Answered { client: "app 5".to_owned(), ms: 5 });
        assert_eq!(first_app(&rows, 6), FirstApp::Answered { client: "app 7".to_owned(), ms: 7 });
        assert_eq!(first_app(&rows, 9), FirstApp::Waiting);
    }

    #[test]
    fn the_step_follows_codex_and_its_account() {
        let codex = |state, version: Option<&str>| CodexView {
            state,
            version: version.map(str::to_owned),
            ..CodexView::default()
        };
        for (state, version, step) in [
            (CodexState::NotStarted, None, SetupStep::Codex),
            (CodexState::NotFound, None, SetupStep::Codex),
            (CodexState::Unsupported, None, SetupStep::Codex),
            (CodexState::NotSignedIn, None, SetupStep::Account),
            (CodexState::NotStarted, Some("0.169.0"), SetupStep::FirstApp),
            (CodexState::Ready, Some("0.169.0"), SetupStep::FirstApp),
        ] {
            assert_eq!(codex_step(&codex(state, version)), step, "{state:?}");
        }
    }
}
