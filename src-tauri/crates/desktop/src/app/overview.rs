//! Puts the overview together, in the words of the window and the tray.

use std::sync::atomic::Ordering;

use codex_client::{Account, CodexError, Readiness, Status};

use super::status::{CodexState, CodexView, Fix, Overview, Problem};
use super::{App, Change};
use crate::gateway::ProxyState;
use crate::text::join_some;
use crate::view::Listen;
use proxy::doctor;
use proxy::models::backends::{BackendsStatus, missing_capabilities};
use proxy::{ApiError, unix_now};
use proxy::{UPDATE, next_step};

impl App {
    /// The overview for a window whose clock is `utc_offset_seconds` ahead of UTC. From now on, the day starts at midnight of
    /// that clock: only the window knows the system's time zone.
    pub async fn overview_at(&self, utc_offset_seconds: i32) -> Overview {
        if self.0.utc_offset.swap(utc_offset_seconds, Ordering::Relaxed) != utc_offset_seconds {
            self.refresh_overview().await;
        }
        self.overview()
    }

    /// Rebuilds the overview, and publishes it if it has changed.
    pub(super) async fn refresh_overview(&self) {
        let stored = self.0.settings.current();
        let gateway = self.0.gateway.state().borrow().clone();
        let turns =
            gateway.running.as_ref().map(|running| *running.proxy.turns().borrow()).unwrap_or_default();
        let running = gateway.running.as_ref().map(|running| running.proxy.codex().status());
        let probed = self.0.codex.lock().clone().map(|probed| probed.map(|probed| probed.readiness));
        let mut codex = codex_view(running.as_ref(), probed.as_ref());
        if let Some(home) = self.0.environment.temporary_codex_home() {
            let home = doctor::temporary_home(&home);
            codex.missing = join_some([codex.missing, join_some([Some(home.what), home.next], ". ")], " ");
        }
        let overview = Overview {
            problem: problem(&gateway.proxy, &codex),
            base_url: base_url(stored.proxy.port.get()),
            port: stored.proxy.port.get(),
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
            has_tray: self.0.has_tray.load(Ordering::Relaxed),
            starts_at_login: stored.start_at_login,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            proxy: gateway.proxy,
        };
        let known = std::mem::replace(&mut *self.0.overview.lock(), overview.clone());
        if known != overview {
            self.notify(Change::Overview(Box::new(overview)));
        }
    }
}

/// The base URL on this computer. Uses 127.0.0.1 because `localhost` resolves to `::1` first on some systems.
pub(super) fn base_url(port: u16) -> String {
    format!("http://127.0.0.1:{port}/v1")
}

/// The last midnight before `now`, where the clock is `utc_offset` seconds ahead of UTC; both in Unix seconds.
fn midnight(now: u64, utc_offset: i32) -> u64 {
    let local = now.saturating_add_signed(utc_offset.into());
    now.saturating_sub(local % (24 * 60 * 60))
}

fn reachable_by(listen: Listen) -> Option<String> {
    match listen {
        Listen::Loopback => None,
        Listen::DockerBridge => Some("Docker containers on this computer can connect too.".to_owned()),
        Listen::Everywhere => Some("Anyone on your network with a key can connect.".to_owned()),
    }
}

/// The state of the running codex, or the result of the last probe if it is not running.
fn codex_view(running: Option<&BackendsStatus>, probed: Option<&Result<Readiness, CodexError>>) -> CodexView {
    let ready = |readiness: &Readiness, state| CodexView {
        state,
        path: Some(readiness.path.display().to_string()),
        version: Some(readiness.version.clone()),
        account: readiness.account.as_ref().map(describe_account),
        missing: missing_capabilities(readiness)
            .map(|lacks| format!("{lacks}. {UPDATE}"))
            .into_iter()
            .chain(readiness.warnings.iter().map(|warning| format!("Codex's configuration: {warning}.")))
            .reduce(|all, more| format!("{all} {more}")),
        message: None,
        next_step: None,
    };
    let message = running.and_then(|running| running.other.as_ref()).map(describe_error);
    match (running.map(|running| &running.status), probed) {
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
    let next_step = match error {
        CodexError::BadConfig { .. } | CodexError::OwnProvider => Some(next_step(error)),
        _ => None,
    };
    CodexView { state, message: Some(describe_error(error)), next_step, ..CodexView::default() }
}

/// The error for the window. Unlike a message of the API it may contain paths.
pub(super) fn describe_error(error: &CodexError) -> String {
    match error {
        CodexError::NotFound => "Codex isn't installed".to_owned(),
        CodexError::NotSignedIn => "Sign in to Codex".to_owned(),
        CodexError::BadPath { path, reason } => format!("{} {reason}.", path.display()),
        CodexError::StartFailed { reason } => format!("Codex couldn't start: {reason}."),
        CodexError::BadConfig { reason } => format!("Codex's configuration is invalid: {reason}."),
        CodexError::OwnProvider => "Codex uses this proxy as its own provider.".to_owned(),
        error => ApiError::from(error.clone()).message().to_owned(),
    }
}

fn describe_account(account: &Account) -> String {
    match account {
        Account::ChatGpt { email, plan } => {
            let name = join_some([Some("ChatGPT".to_owned()), plan.as_deref().map(describe_plan)], " ");
            join_some([name, email.clone()], ", ").unwrap_or_default()
        }
        Account::ApiKey => "OpenAI API key".to_owned(),
        Account::Other(kind) => format!("Other account ({kind})"),
        Account::NotNeeded => "Not needed (custom provider)".to_owned(),
    }
}

/// `plus` as `Plus`, `self_serve_business` as `Self serve business`.
fn describe_plan(plan: &str) -> String {
    let mut letters = plan.chars().map(|letter| if letter == '_' { ' ' } else { letter });
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// The most important problem. The proxy comes first: nothing works without it.
fn problem(proxy: &ProxyState, codex: &CodexView) -> Option<Problem> {
    let problem = |message: String, next_step: &str, fix| {
        Some(Problem { message, next_step: next_step.to_owned(), fix })
    };
    match proxy {
        ProxyState::PortTaken { port, free: Some(free) } => {
            let next = format!(
                "Use port {free}, which is free, or quit the other program. Apps that are already connected need the new \
                 address."
            );
            return problem(format!("Port {port} is in use by another program."), &next, Fix::UseFreePort);
        }
        ProxyState::PortTaken { port, free: None } => {
            let next = "Choose another port in Settings › Network.";
            return problem(format!("Port {port} is in use by another program."), next, Fix::OpenSettings);
        }
        ProxyState::Failed { message } => {
            let next = "Check Settings › Network, then start the proxy again.";
            return problem(message.clone(), next, Fix::OpenSettings);
        }
        ProxyState::Running { .. } | ProxyState::Stopping | ProxyState::Stopped => {}
    }
    let next = match codex.state {
        CodexState::NotFound => {
            "Install it with `npm install -g @openai/codex`, then sign in with `codex login`. If it is installed, set its \
             path in Settings › Codex."
        }
        CodexState::NotSignedIn => "Run `codex login` in a terminal.",
        CodexState::Unsupported => UPDATE,
        CodexState::Failed => codex.next_step.as_deref().unwrap_or("Run `codex` in a terminal to see why."),
        CodexState::NotStarted | CodexState::Starting | CodexState::Ready => return None,
    };
    problem(codex.message.clone().unwrap_or_default(), next, Fix::RecheckCodex)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_in_use_takes_precedence_over_a_missing_codex() {
        let codex = failed(&CodexError::NotFound);
        let taken = ProxyState::PortTaken { port: 8000, free: Some(8001) };
        assert_eq!(problem(&taken, &codex).unwrap().fix, Fix::UseFreePort);
        assert_eq!(problem(&ProxyState::Stopped, &codex).unwrap().fix, Fix::RecheckCodex);
        assert_eq!(problem(&ProxyState::Stopped, &CodexView::default()), None);
    }

    #[test]
    fn an_invalid_configuration_and_an_own_provider_come_with_their_own_next_step() {
        let reason = "config.toml, line 3: unknown variant `yolo`".to_owned();
        for (error, message, next) in [
            (CodexError::BadConfig { reason }, "config.toml, line 3: unknown variant `yolo`", "Correct it"),
            (CodexError::OwnProvider, "its own provider", "base_url"),
        ] {
            let problem = problem(&ProxyState::Stopped, &failed(&error)).unwrap();
            assert!(problem.message.contains(message) && problem.next_step.contains(next), "{problem:?}");
        }
    }

    #[test]
    fn what_codex_reports_about_its_configuration_is_shown() {
        let warnings = vec!["`foo` is ignored".to_owned()];
        let readiness = Readiness { warnings, ..Readiness::default() };
        let running = BackendsStatus { status: Status::Ready(readiness), other: None };
        let missing = codex_view(Some(&running), None).missing.unwrap();
        assert!(missing.ends_with("Codex's configuration: `foo` is ignored."), "{missing}");
    }

    #[test]
    fn the_day_starts_at_midnight_of_the_windows_clock() {
        let noon = 1_790_000_000 - 1_790_000_000 % 86_400 + 43_200;
        assert_eq!(midnight(noon, 0), noon - 43_200);
        assert_eq!(midnight(noon, 7_200), noon - 43_200 - 7_200);
        assert_eq!(midnight(noon, -3_600), noon - 43_200 + 3_600);
        assert_eq!(midnight(noon, 50_400), noon - 7_200);
    }

    #[test]
    fn accounts_are_described_with_plan_and_email() {
        let describe = |email: Option<&str>, plan: Option<&str>| {
            let (email, plan) = (email.map(str::to_owned), plan.map(str::to_owned));
            describe_account(&Account::ChatGpt { email, plan })
        };
        assert_eq!(describe(Some("me@example.com"), Some("plus")), "ChatGPT Plus, me@example.com");
        assert_eq!(describe(None, Some("edu_plus")), "ChatGPT Edu plus");
        assert_eq!(describe(None, None), "ChatGPT");
    }

    #[test]
    fn the_running_codex_takes_precedence_over_the_last_probe() {
        let probed = Err(CodexError::NotSignedIn);
        let readiness = Readiness::default();
        let running = |status| BackendsStatus { status, other: None };
        assert_eq!(
            codex_view(Some(&running(Status::Ready(readiness))), Some(&probed)).state,
            CodexState::Ready
        );
        assert_eq!(codex_view(Some(&running(Status::Idle)), Some(&probed)).state, CodexState::NotSignedIn);
        assert_eq!(codex_view(None, None).state, CodexState::NotStarted);
    }
}
