//! What the button `Copy diagnostics` copies.

use codex_client::Status;

use proxy::unix_now;

use super::App;
use crate::gateway::ProxyState;
use crate::keychain::KeychainState;
use crate::request_log::{ExchangeQuery, ExchangeRow, ExchangeState};
use proxy::doctor::diagnostics::{ERRORS, Facts, FailedRequest, system, text};
use proxy::doctor::{self, Finding};

impl App {
    /// Versions, settings, what is known of codex and the last errors, for whoever is asked for help. Nothing is looked at anew.
    pub async fn diagnostics(&self) -> String {
        // A version of the system that cannot be had is no reason to say nothing.
        let system = tokio::task::spawn_blocking(system).await.unwrap_or_default();
        let overview = self.overview();
        let mut findings = vec![match &overview.proxy {
            ProxyState::Running { .. } => Finding::ok(format!("the proxy answers at {}", overview.base_url)),
            ProxyState::Stopping | ProxyState::Stopped => Finding::note("the proxy does not run"),
            ProxyState::PortTaken { port, .. } => {
                Finding::problem(format!("port {port} is taken by another program"), "Choose another one.")
            }
            ProxyState::Failed { message } => Finding::problem(message, "Look at the settings."),
        }];
        match &*self.0.codex.lock() {
            None => findings.push(Finding::note("codex has not been looked at yet")),
            Some(Ok(probed)) => findings.extend(doctor::codex(probed)),
            Some(Err(error)) => findings.push(doctor::codex_error(error)),
        }
        // The app looks at the codex of `codex-local`; the other one tells of itself once it runs.
        if let Some(running) = self.running()
            && let Status::Ready(plain) = &*running.proxy.codex().plain().status().borrow()
        {
            findings.extend(doctor::home(&plain.home));
        }
        findings.push(match &overview.keychain {
            KeychainState::Available => Finding::ok("keys are in the system's keychain"),
            KeychainState::Unavailable { message } => Finding::note(message),
        });
        findings.extend(self.notice().map(Finding::note));
        let keys = match self.0.keys.rows().await {
            Ok(rows) => rows.len() as u64,
            Err(error) => {
                findings.push(Finding::problem(error.to_string(), "Mend the file of keys, or move it away."));
                0
            }
        };
        let query = ExchangeQuery {
            state: Some(ExchangeState::Failed),
            limit: Some(ERRORS),
            ..ExchangeQuery::default()
        };
        let failed = |row: ExchangeRow| FailedRequest {
            at: row.at,
            status: row.status,
            code: row.code,
            request_id: row.request_id,
        };
        let errors: Vec<FailedRequest> =
            self.0.request_log.query(query).await.into_iter().map(failed).collect();
        let brought = self.brought_keys();
        text(&Facts {
            program: "Codex Proxy",
            system: &system,
            now: unix_now(),
            findings: &findings,
            counts: &[
                ("keys", keys),
                ("requests today", overview.requests_today),
                ("requests that run now", overview.running_now),
            ],
            errors: Some(&errors),
            settings: &format!("{:#?}", self.0.settings.current()),
            keys: &brought,
            home: self.0.environment.home().as_deref(),
        })
    }
}
