//! The text of `Copy diagnostics`.

use codex_client::Status;

use proxy::unix_now;

use super::App;
use crate::gateway::ProxyState;
use crate::keychain::KeychainState;
use crate::request_log::{ExchangeQuery, ExchangeRow, Show};
use proxy::doctor::diagnostics::{ERRORS, Facts, FailedRequest, system, text};
use proxy::doctor::{self, Finding};

impl App {
    /// Versions, settings, the last probe of codex and recent errors, for a bug report. Checks nothing again.
    pub async fn diagnostics(&self) -> String {
        // Diagnostics are useful without the system's version, too.
        let system = tokio::task::spawn_blocking(system).await.unwrap_or_default();
        let overview = self.overview();
        let mut findings = vec![match &overview.proxy {
            ProxyState::Running { .. } => {
                Finding::ok(format!("the proxy is running at {}", overview.base_url))
            }
            ProxyState::Stopping | ProxyState::Stopped => Finding::note("the proxy is stopped"),
            ProxyState::PortTaken { port, .. } => {
                Finding::problem(format!("port {port} is in use by another program"), "Choose another port.")
            }
            ProxyState::Failed { message } => Finding::problem(message, "Check Settings › Network."),
        }];
        match &*self.0.codex.lock() {
            None => findings.push(Finding::note("codex has not been checked yet")),
            Some(Ok(probed)) => findings.extend(doctor::codex(probed)),
            Some(Err(error)) => findings.push(doctor::codex_error(error)),
        }
        // The probe covers the codex of `codex-local`. The one for plain models is known once it runs.
        if let Some(running) = self.running() {
            let codex = running.proxy.codex();
            if let Status::Ready(plain) = &*codex.plain().status().borrow() {
                findings.extend(doctor::home(&plain.home));
            }
            findings.extend(codex.status().other.as_ref().map(doctor::codex_error));
        }
        findings.push(match &overview.keychain {
            KeychainState::Available => Finding::ok("keys are stored in the system keychain"),
            KeychainState::Unavailable { message } => Finding::note(message),
        });
        findings.extend(self.notice().map(Finding::note));
        let keys = match self.0.keys.rows().await {
            Ok(rows) => rows.len() as u64,
            Err(error) => {
                findings.push(Finding::problem(error.to_string(), "Fix keys.json, or move it away."));
                0
            }
        };
        let query =
            ExchangeQuery { show: Some(Show::Failed), limit: Some(ERRORS), ..ExchangeQuery::default() };
        let failed = |row: ExchangeRow| FailedRequest {
            at: row.at,
            status: row.status,
            code: row.code,
            request_id: row.request_id,
        };
        let errors: Vec<FailedRequest> =
            self.0.request_log.query(query).await.into_iter().map(failed).collect();
        let env_keys = self.env_keys();
        text(&Facts {
            program: "Codex Proxy",
            system: &system,
            now: unix_now(),
            findings: &findings,
            counts: &[
                ("keys", keys),
                ("requests today", overview.requests_today),
                ("running requests", overview.running_now),
            ],
            errors: Some(&errors),
            settings: &format!("{:#?}", self.0.settings.current()),
            keys: &env_keys,
            home: self.0.environment.home().as_deref(),
        })
    }
}
