//! How everything is, in the words of the window and the tray.

use std::sync::atomic::Ordering;

use codex_client::{Account, CodexError, Readiness, Status};

use super::status::{CodexState, CodexView, Fix, Overview, Problem};
use super::{App, Change};
use crate::gateway::ProxyState;
use crate::text::joined;
use crate::view::Listen;
use proxy::UPDATE;
use proxy::doctor;
use proxy::models::backends::{BackendsStatus, abilities, missing_capabilities};
use proxy::{ApiError, unix_now};

impl App {
    /// The overview as of now, for a window whose clock is `utc_offset_seconds` ahead of UTC. From then on the day begins at
    /// that clock's midnight; the system's time zone is the window's business.
    pub async fn overview_at(&self, utc_offset_seconds: i32) -> Overview {
        if self.0.utc_offset.swap(utc_offset_seconds, Ordering::Relaxed) != utc_offset_seconds {
            self.renew_overview().await;
        }
        self.overview()
    }

    /// Puts the overview together anew and tells the shell if it has changed.
    pub(super) async fn renew_overview(&self) {
        let stored = self.0.settings.current();
        let gateway = self.0.gateway.state().borrow().clone();
        let turns =
            gateway.running.as_ref().map(|running| *running.proxy.turns().borrow()).unwrap_or_default();
        let running = gateway.running.as_ref().map(|running| running.proxy.codex().status());
        let seen = self.0.codex.lock().clone().map(|seen| seen.map(|probed| probed.readiness));
        let mut codex = codex_view(running.as_ref(), seen.as_ref());
        if let Some(home) = self.0.environment.temporary_codex_home() {
            let home = doctor::temporary_home(&home);
            codex.cannot = joined([codex.cannot, joined([Some(home.what), home.next], ". ")], " ");
        }
        let overview = Overview {
            problem: problem(&gateway.proxy, &codex),
            base_url: base_url(stored.proxy.port.get()),
            reachable_by: reachable_by(stored.listen),
            keys_needed: stored.proxy.keys_needed || stored.listen != Listen::Loopback,
            codex,
            requests_today: self
                .0
                .request_log
                .requests_since(midnight(unix_now(), self.0.utc_offset.load(Ordering::Relaxed)))
                .await,
            running_now: self.0.request_log.running(),
            answering: turns.running,
            waiting: turns.waiting,
            keychain: self.0.keychain.lock().clone(),
            has_tray: self.0.has_tray,
            starts_at_login: stored.start_at_login,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            proxy: gateway.proxy,
        };
        let known = std::mem::replace(&mut *self.0.overview.lock(), overview.clone());
        if known != overview {
            self.tell(Change::Overview(Box::new(overview)));
        }
    }
}

/// The base URL for clients on this machine. By its number: `localhost` is `::1` first on some systems.
pub(super) fn base_url(port: u16) -> String {
    format!("http://127.0.0.1:{port}/v1")
}

/// The last midnight before `now` where the clock is `utc_offset` seconds ahead of UTC; both in Unix seconds.
fn midnight(now: u64, utc_offset: i32) -> u64 {
    let there = now.saturating_add_signed(utc_offset.into());
    now.saturating_sub(there % (24 * 60 * 60))
}

fn reachable_by(listen: Listen) -> Option<String> {
    match listen {
        Listen::Loopback => None,
        Listen::DockerBridge => Some("Docker containers on this machine".to_owned()),
        Listen::Everywhere => Some("everybody in your network who has a key".to_owned()),
    }
}

/// What the running codex says of itself, and what the last look at it found where it does not run.
fn codex_view(running: Option<&BackendsStatus>, seen: Option<&Result<Readiness, CodexError>>) -> CodexView {
    let ready = |readiness: &Readiness, state| CodexView {
        state,
        path: Some(readiness.path.display().to_string()),
        version: Some(readiness.version.clone()),
        account: readiness.account.as_ref().map(in_words),
        abilities: abilities(&readiness.capabilities).into_iter().map(str::to_owned).collect(),
        cannot: missing_capabilities(readiness).map(|missing| format!("{missing}. {UPDATE}")),
        message: None,
    };
    let message = running.and_then(|running| running.other.as_ref()).and_then(|error| failed(error).message);
    match (running.map(|running| &running.status), seen) {
        (Some(Status::Ready(readiness)), _) => CodexView { message, ..ready(readiness, CodexState::Ready) },
        (Some(Status::Failed(error)), _) | (_, Some(Err(error))) => failed(error),
        (Some(Status::Starting), Some(Ok(readiness))) => ready(readiness, CodexState::Starting),
        (_, Some(Ok(readiness))) => ready(readiness, CodexState::NotStarted),
        (Some(Status::Starting), None) => CodexView { state: CodexState::Starting, ..CodexView::default() },
        (_, None) => CodexView::default(),
    }
}

fn failed(error: &CodexError) -> CodexView {
    let state = match error {
        CodexError::NotFound | CodexError::BadPath { .. } => CodexState::NotFound,
        CodexError::Unsupported { .. } => CodexState::Unsupported,
        CodexError::NotSignedIn => CodexState::NotSignedIn,
        _ => CodexState::Failed,
    };
    let message = match error {
        // The window belongs to who owns the path, so it may be named.
        CodexError::BadPath { .. } | CodexError::StartFailed { .. } => format!("{error}."),
        error => ApiError::from(error.clone()).message().to_owned(),
    };
    CodexView { state, message: Some(message), ..CodexView::default() }
}

/// The account, for who has it.
fn in_words(account: &Account) -> String {
    match account {
        Account::ChatGpt { email, plan } => {
            let name = joined([Some("ChatGPT".to_owned()), plan.as_deref().map(plan_in_words)], " ");
            joined([name, email.clone()], ", ").unwrap_or_default()
        }
        Account::ApiKey => "an API key of OpenAI".to_owned(),
        Account::Other(kind) => format!("an account of another kind ({kind})"),
        Account::NotNeeded => "none needed: codex is set to a provider of its own".to_owned(),
    }
}

/// `plus` as `Plus`, `self_serve_business` as `Self serve business`.
fn plan_in_words(plan: &str) -> String {
    let mut letters = plan.chars().map(|letter| if letter == '_' { ' ' } else { letter });
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// The one thing that needs doing. The proxy comes first: without it nothing else matters.
fn problem(proxy: &ProxyState, codex: &CodexView) -> Option<Problem> {
    let problem = |message: String, next_step: &str, fix| {
        Some(Problem { message, next_step: next_step.to_owned(), fix })
    };
    match proxy {
        ProxyState::PortTaken { port, free: Some(free) } => {
            let next = format!("Use port {free} instead, or end the other program and start again.");
            return problem(format!("Port {port} is taken by another program."), &next, Fix::UseFreePort);
        }
        ProxyState::PortTaken { port, free: None } => {
            let next = "Choose another port in the settings.";
            return problem(format!("Port {port} is taken by another program."), next, Fix::OpenSettings);
        }
        ProxyState::Failed { message } => {
            return problem(message.clone(), "Look at the settings, then start again.", Fix::OpenSettings);
        }
        ProxyState::Running { .. } | ProxyState::Stopping | ProxyState::Stopped => {}
    }
    let words = codex.message.clone();
    match codex.state {
        CodexState::NotFound => problem(
            "codex was not found on this computer.".to_owned(),
            "Install it with `npm install -g @openai/codex`, or set its path in the settings.",
            Fix::LookAgain,
        ),
        CodexState::NotSignedIn => {
            problem("codex is not signed in.".to_owned(), "Run `codex login` in a terminal.", Fix::LookAgain)
        }
        CodexState::Unsupported => {
            problem(words.unwrap_or_else(|| "This codex is too old.".to_owned()), UPDATE, Fix::LookAgain)
        }
        CodexState::Failed => problem(
            words.unwrap_or_else(|| "codex does not start.".to_owned()),
            "Run `codex` in a terminal to see why.",
            Fix::LookAgain,
        ),
        CodexState::NotStarted | CodexState::Starting | CodexState::Ready => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_taken_port_matters_more_than_a_missing_codex() {
        let codex = failed(&CodexError::NotFound);
        let taken = ProxyState::PortTaken { port: 8000, free: Some(8001) };
        assert_eq!(problem(&taken, &codex).unwrap().fix, Fix::UseFreePort);
        assert_eq!(problem(&ProxyState::Stopped, &codex).unwrap().fix, Fix::LookAgain);
        assert_eq!(problem(&ProxyState::Stopped, &CodexView::default()), None);
    }

    #[test]
    fn the_day_begins_at_midnight_of_the_windows_clock() {
        let noon = 1_790_000_000 - 1_790_000_000 % 86_400 + 43_200;
        assert_eq!(midnight(noon, 0), noon - 43_200);
        assert_eq!(midnight(noon, 7_200), noon - 43_200 - 7_200);
        assert_eq!(midnight(noon, -3_600), noon - 43_200 + 3_600);
        assert_eq!(midnight(noon, 50_400), noon - 7_200);
    }

    #[test]
    fn an_account_is_said_in_words() {
        let words = |email: Option<&str>, plan: Option<&str>| {
            let (email, plan) = (email.map(str::to_owned), plan.map(str::to_owned));
            in_words(&Account::ChatGpt { email, plan })
        };
        assert_eq!(words(Some("me@example.com"), Some("plus")), "ChatGPT Plus, me@example.com");
        assert_eq!(words(None, Some("edu_plus")), "ChatGPT Edu plus");
        assert_eq!(words(None, None), "ChatGPT");
    }

    #[test]
    fn what_runs_says_more_than_what_was_seen() {
        let seen = Err(CodexError::NotSignedIn);
        let readiness = Readiness {
            path: "/c".into(),
            version: "1".into(),
            capabilities: codex_client::Capabilities::default(),
            account: None,
            home: codex_client::HomeUsed::Users,
        };
        let running = |status| BackendsStatus { status, other: None };
        assert_eq!(
            codex_view(Some(&running(Status::Ready(readiness))), Some(&seen)).state,
            CodexState::Ready
        );
        assert_eq!(codex_view(Some(&running(Status::Idle)), Some(&seen)).state, CodexState::NotSignedIn);
        assert_eq!(codex_view(None, None).state, CodexState::NotStarted);
    }
}
