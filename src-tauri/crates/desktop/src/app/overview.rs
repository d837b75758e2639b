//! Puts the overview together, in the words of the window and the tray.

use std::net::Ipv4Addr;
use std::sync::atomic::Ordering;

use codex_client::{CodexError, Readiness, Status};

use super::account::AccountView;
use super::approvals;
use super::status::{CodexState, CodexView, Overview};
use super::{App, Change};
use crate::text::join_some;
use crate::view::Listen;
use proxy::UPDATE;
use proxy::doctor;
use proxy::health::{CodexFacts, Facts, Health, describe};
use proxy::models::backends::{BackendsStatus, missing_capabilities};
use proxy::unix_now;

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
        let _refreshing = self.0.refreshing.lock().await;
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
        let setup = self.setup_view(&codex).await;
        let approvals = approvals::waiting(gateway.running.as_ref());
        let health = Health::of(Facts {
            proxy: gateway.proxy.clone(),
            port: stored.proxy.port.get(),
            codex: CodexFacts::of(running.as_ref(), probed.as_ref()),
            limit_reached: self.0.usage_limits.reached(unix_now()),
            unreadable_file: self.0.notice.lock().clone(),
            asking: approvals.len(),
        });
        let health = approvals::with_title(health, &approvals);
        if let Some(running) = &gateway.running {
            running.proxy.set_health(health.clone());
        }
        let port = stored.proxy.port.get();
        let base_urls: Vec<_> = self.hosts().into_iter().map(|host| base_url(host, port)).collect();
        let reachable_by = reachable_by(stored.listen, base_urls.first().filter(|_| base_urls.len() > 1));
        let overview = Overview {
            health,
            setup,
            base_url: base_urls.first().cloned().unwrap_or_default(),
            base_urls,
            port,
            reachable_by,
            keys_needed: stored.proxy.keys_needed || stored.listen != Listen::Loopback,
            codex,
            sign_in: self.sign_in_view(),
            limits: self.limits_view(),
            requests_today: self.today().await.requests,
            running_now: self.0.request_log.running(),
            answering: turns.running,
            waiting: turns.waiting,
            keychain: self.0.keychain.lock().clone(),
            has_tray: self.0.has_tray.load(Ordering::Relaxed),
            starts_at_login: stored.start_at_login,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            approvals,
            home: self.0.environment.home().map(|home| home.display().to_string()),
            proxy: gateway.proxy,
        };
        let known = std::mem::replace(&mut *self.0.overview.lock(), overview.clone());
        if known != overview {
            self.notice_codex(&overview.codex);
            self.notice_approvals(&known.approvals, &overview.approvals);
            self.notify(Change::Overview(Box::new(overview)));
        }
    }
}

/// The base URL at one of [`App::hosts`].
pub(super) fn base_url(host: Ipv4Addr, port: u16) -> String {
    format!("http://{host}:{port}/v1")
}

/// The last midnight before `now`, where the clock is `utc_offset` seconds ahead of UTC; both in Unix seconds.
pub(super) fn midnight(now: u64, utc_offset: i32) -> u64 {
    let local = now.saturating_add_signed(utc_offset.into());
    now.saturating_sub(local % (24 * 60 * 60))
}

/// `url` is for other devices.
fn reachable_by(listen: Listen, url: Option<&String>) -> Option<String> {
    match listen {
        Listen::Loopback => None,
        Listen::DockerBridge => Some("Docker containers on this computer can connect too.".to_owned()),
        Listen::Everywhere => {
            let at = url.map(|url| format!(" at {url}")).unwrap_or_default();
            Some(format!("Anyone on your network with a key can connect{at}."))
        }
    }
}

/// The state of the running codex, or the result of the last probe if it is not running.
fn codex_view(running: Option<&BackendsStatus>, probed: Option<&Result<Readiness, CodexError>>) -> CodexView {
    let ready = |readiness: &Readiness, state| CodexView {
        state,
        path: Some(readiness.path.display().to_string()),
        version: Some(readiness.version.clone()),
        account: readiness.account.as_ref().map(AccountView::new),
        can_ask: Some(readiness.capabilities.ask),
        can_ask_questions: Some(readiness.capabilities.ask_questions),
        can_keep: Some(readiness.capabilities.keep),
        missing: missing_capabilities(readiness)
            .map(|lacks| format!("{lacks}. {UPDATE}"))
            .into_iter()
            .chain(readiness.warnings.iter().map(|warning| format!("Codex's configuration: {warning}.")))
            .reduce(|all, more| format!("{all} {more}")),
        message: None,
    };
    let message = running.and_then(|running| running.other.as_ref()).map(describe);
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
    CodexView { state, message: Some(describe(error)), ..CodexView::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

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
