//! The one state of health that the window, the tray and `/health` show: whether requests are answered, and if not, why and
//! what to do.

use codex_client::{CodexError, Readiness, Status};
use serde::Serialize;

use crate::error::{ApiError, next_step};
use crate::models::backends::BackendsStatus;
use crate::settings::Program;

/// How well the proxy can answer requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[cfg_attr(feature = "bindings", derive(ts_rs::TS), ts(export))]
#[serde(rename_all = "camelCase")]
pub enum Level {
    /// Requests are answered.
    Ok,
    /// Something is being checked, started or stopped.
    #[default]
    Working,
    /// The user has stopped the proxy.
    Off,
    /// codex waits for the user's decision.
    Asking,
    /// Requests are answered, but something needs the user.
    Attention,
    /// Requests fail until the user has fixed something, or a limit resets.
    Blocked,
}

/// The state of health.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "bindings", derive(ts_rs::TS), ts(export))]
#[serde(rename_all = "camelCase")]
pub struct Health {
    /// How well requests are answered.
    pub level: Level,
    /// The state in a few words, without a final period.
    pub title: String,
    /// More about it and what to do, in sentences; commands to copy are in backquotes. May be empty.
    pub detail: String,
    /// When it passes by itself, in Unix seconds, such as the reset of a usage limit.
    pub until: Option<u64>,
    /// What fixes it.
    pub fix: Option<Fix>,
}

/// What a button or menu item does to fix a problem.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "bindings", derive(ts_rs::TS), ts(export))]
#[serde(rename_all = "camelCase")]
pub struct Fix {
    /// What it does.
    pub action: FixAction,
    /// The label of the button.
    pub label: String,
}

/// What a fix does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "bindings", derive(ts_rs::TS), ts(export))]
#[serde(rename_all = "camelCase")]
pub enum FixAction {
    /// Installs codex, or a newer one.
    InstallCodex,
    /// Asks for the codex program.
    ChooseCodex,
    /// Signs in to codex.
    SignIn,
    /// Checks codex again.
    RecheckCodex,
    /// Switches to the free port.
    UseFreePort,
    /// Opens the network settings.
    OpenNetworkSettings,
    /// Starts the proxy.
    StartProxy,
    /// Shows the usage limits.
    ShowLimits,
    /// Opens the folder with the app's files.
    ShowFiles,
    /// Shows the questions that wait for an answer.
    ShowApprovals,
}

/// The state of the proxy.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "bindings", derive(ts_rs::TS), ts(export))]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "state")]
pub enum ProxyState {
    /// Accepts requests.
    Running {
        /// The start, in Unix seconds.
        since: u64,
    },
    /// Finishes open streams.
    Stopping,
    /// Stopped.
    #[default]
    Stopped,
    /// Another program uses the port.
    PortTaken {
        /// The port.
        port: u16,
        /// A free port nearby.
        free: Option<u16>,
    },
    /// Failed to start.
    Failed {
        /// What happened and what to do.
        message: String,
    },
}

/// What is known about codex.
#[derive(Clone, Debug)]
pub enum CodexFacts {
    /// Not checked yet.
    Unknown,
    /// Starting for the first time.
    Starting,
    /// Runs, or did at the last check. The error is that of one of the two processes.
    Usable(Option<CodexError>),
    /// Cannot be used.
    Failed(CodexError),
}

impl CodexFacts {
    /// What the processes, if the proxy runs, and the last check of the program tell.
    #[must_use]
    pub fn of(running: Option<&BackendsStatus>, checked: Option<&Result<Readiness, CodexError>>) -> Self {
        match (running.map(|running| (&running.status, &running.other)), checked) {
            (Some((Status::Ready(_), other)), _) => Self::Usable(other.clone()),
            (Some((Status::Failed(error), _)), _) | (_, Some(Err(error))) => Self::Failed(error.clone()),
            (_, Some(Ok(_))) => Self::Usable(None),
            (Some((Status::Starting, _)), None) => Self::Starting,
            (_, None) => Self::Unknown,
        }
    }
}

/// Everything that health depends on.
#[derive(Clone, Debug)]
pub struct Facts {
    /// The state of the proxy.
    pub proxy: ProxyState,
    /// Its port.
    pub port: u16,
    /// The state of codex.
    pub codex: CodexFacts,
    /// Whether the account's usage limit is reached, and when it resets, in Unix seconds.
    pub limit_reached: Option<Option<u64>>,
    /// Which of the app's files could not be read and where the old one is, in sentences.
    pub unreadable_file: Option<String>,
    /// How many questions of codex wait for an answer.
    pub asking: usize,
}

impl Health {
    /// The state of health. The proxy comes first, since nothing works without it, then codex, then its account.
    #[must_use]
    pub fn of(facts: Facts) -> Self {
        let Facts { proxy, port, codex, limit_reached, unreadable_file, asking } = facts;
        match proxy {
            ProxyState::Running { .. } => {}
            ProxyState::Stopping => {
                return Self::new(Level::Working, "Stopping…", "Waiting for answers in progress to finish.");
            }
            ProxyState::Stopped => {
                return Self::new(Level::Off, "Stopped", "Apps can't connect until you start it.")
                    .fix(FixAction::StartProxy, "Start");
            }
            ProxyState::PortTaken { port, free } => return port_taken(port, free),
            ProxyState::Failed { message } => {
                return Self::new(Level::Blocked, "The proxy couldn't start", message)
                    .fix(FixAction::OpenNetworkSettings, "Network settings");
            }
        }
        let other = match codex {
            CodexFacts::Unknown if Program::current() == Program::Daemon => {
                return Self::new(Level::Working, "Codex starts on the first request", "");
            }
            CodexFacts::Unknown => return Self::new(Level::Working, "Checking Codex…", ""),
            CodexFacts::Starting => return Self::new(Level::Working, "Starting Codex…", ""),
            CodexFacts::Failed(error) => return codex_failed(&error),
            CodexFacts::Usable(other) => other,
        };
        if let Some(until) = limit_reached {
            let detail = "Your Codex account has no usage left at the moment.";
            let health = Self::new(Level::Blocked, "Usage limit reached", detail);
            return Self { until, ..health }.fix(FixAction::ShowLimits, "Show limits");
        }
        // Before what can wait: a question is denied if it does.
        if asking > 0 {
            let title = match asking {
                1 => "Codex asks you something".to_owned(),
                _ => format!("{asking} questions are waiting"),
            };
            return Self::new(Level::Asking, title, "Without an answer in time, the answer is no.")
                .fix(FixAction::ShowApprovals, "Review…");
        }
        if let Some(detail) = unreadable_file {
            return Self::new(Level::Attention, "A file couldn't be read", detail)
                .fix(FixAction::ShowFiles, "Show files");
        }
        match other {
            Some(error) => Self { level: Level::Attention, ..codex_failed(&error) },
            None => Self::new(Level::Ok, format!("Running on port {port}"), ""),
        }
    }

    fn new(level: Level, title: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { level, title: title.into(), detail: detail.into(), until: None, fix: None }
    }

    fn fix(self, action: FixAction, label: impl Into<String>) -> Self {
        Self { fix: Some(Fix { action, label: label.into() }), ..self }
    }
}

fn port_taken(port: u16, free: Option<u16>) -> Health {
    let title = format!("Port {port} is taken");
    match free {
        Some(free) => Health::new(
            Level::Blocked,
            title,
            format!(
                "Another program uses it. Quit that program, or use port {free}: connected apps then need the new base URL."
            ),
        )
        .fix(FixAction::UseFreePort, format!("Use port {free}")),
        None => {
            Health::new(Level::Blocked, title, "Another program uses it. Quit that program, or choose another port.")
                .fix(FixAction::OpenNetworkSettings, "Choose another port")
        }
    }
}

fn codex_failed(error: &CodexError) -> Health {
    let blocked = |title: &str, detail: String| Health::new(Level::Blocked, title, detail);
    let in_app = Program::current() == Program::App;
    // The app has a button for these; the daemon names the command.
    let detail = |text: &str| if in_app { text.to_owned() } else { next_step(error) };
    match error {
        CodexError::NotFound => {
            let text = "Codex Proxy needs the Codex command line tool. Install it, or choose the program if you have it.";
            blocked("Codex isn't installed", detail(text)).fix(FixAction::InstallCodex, "Install Codex…")
        }
        CodexError::BadPath { .. } => {
            let text =
                format!("{} Choose another program, or have Codex found automatically.", describe(error));
            blocked("Can't use the chosen Codex", text).fix(FixAction::ChooseCodex, "Choose file…")
        }
        CodexError::Unsupported { .. } => {
            let text = format!("{} {}", describe(error), next_step(error));
            blocked("Codex is too old", text).fix(FixAction::InstallCodex, "Update Codex…")
        }
        CodexError::NotSignedIn => {
            blocked("Not signed in to Codex", detail("Sign in with ChatGPT or with an API key."))
                .fix(FixAction::SignIn, "Sign in…")
        }
        CodexError::BadConfig { .. } => {
            let text = format!("{} {}", describe(error), next_step(error));
            blocked("Codex's configuration is invalid", text).fix(FixAction::RecheckCodex, "Check again")
        }
        CodexError::StartFailed { .. } | CodexError::OwnProvider => {
            blocked("Codex couldn't start", format!("{} {}", describe(error), next_step(error)))
                .fix(FixAction::RecheckCodex, "Check again")
        }
        // Their texts say what to do.
        _ => blocked("Codex needs attention", describe(error)).fix(FixAction::RecheckCodex, "Check again"),
    }
}

/// What happened, as a sentence for the owner. Unlike a message of the API it may contain paths.
#[must_use]
pub fn describe(error: &CodexError) -> String {
    match error {
        CodexError::NotFound => "Codex isn't installed.".to_owned(),
        CodexError::NotSignedIn => "Not signed in to Codex.".to_owned(),
        CodexError::BadPath { path, reason } => format!("{} {reason}.", path.display()),
        CodexError::StartFailed { reason } => format!("Codex couldn't start: {reason}."),
        CodexError::BadConfig { reason } => format!("Codex's configuration is invalid: {reason}."),
        CodexError::OwnProvider => "Codex uses this proxy as its own provider.".to_owned(),
        error => ApiError::from(error.clone()).message().to_owned(),
    }
}

#[cfg(test)]
#[path = "health_tests.rs"]
mod tests;
