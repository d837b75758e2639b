//! The findings of `codex-proxyd doctor`: the result of every check, and the next step for every problem.
//!
//! `examine` runs the checks; this file words the results. The desktop app uses the same wording in its diagnostics.

pub mod diagnostics;
mod examine;

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::path::Path;

use codex_client::{Account, AgentProbe, CodexError, Found, FoundBy, HomeUsed, ProbeResult, Readiness};
use serde::Serialize;

use crate::error::{UPDATE, next_step};
use crate::models::backends;
use crate::settings::Program;

pub use examine::examine;

/// The result of a check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The severity.
    pub state: State,
    /// What was found, without a final period.
    pub what: String,
    /// What to do about it, as sentences.
    pub next: Option<String>,
    /// What of it the app can do.
    pub step: Option<NextStep>,
}

/// A next step that the desktop app has a button for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "bindings", derive(ts_rs::TS), ts(export))]
#[serde(rename_all = "camelCase")]
pub enum NextStep {
    /// Install codex, or a newer one.
    InstallCodex,
    /// Choose another codex.
    ChooseCodex,
    /// Sign in to codex.
    SignIn,
    /// Change the port or who can connect.
    ChangeNetwork,
    /// Choose another working folder, or what codex may do.
    ChangePermissions,
    /// Look at the keys.
    OpenKeys,
}

/// The severity of a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// As it should be.
    Ok,
    /// Worth knowing; everything works.
    Note,
    /// The user has to do something.
    Problem,
}

impl Finding {
    /// A check that passed.
    #[must_use]
    pub fn ok(what: impl Into<String>) -> Self {
        Self { state: State::Ok, what: what.into(), next: None, step: None }
    }

    /// Something worth knowing.
    #[must_use]
    pub fn note(what: impl Into<String>) -> Self {
        Self { state: State::Note, what: what.into(), next: None, step: None }
    }

    /// A problem and its next step. `{field}` in the latter becomes the place of that setting in the running program.
    #[must_use]
    pub fn problem(what: impl Into<String>, next: impl AsRef<str>) -> Self {
        let next = Program::current().locate(next.as_ref());
        Self { state: State::Problem, what: what.into(), next: Some(next), step: None }
    }
}

impl Finding {
    /// The same with what the app can do about it.
    #[must_use]
    fn step(self, step: NextStep) -> Self {
        Self { step: Some(step), ..self }
    }
}

/// Whether the user has to do something.
#[must_use]
pub fn has_problem(findings: &[Finding]) -> bool {
    findings.iter().any(|finding| finding.state == State::Problem)
}

/// The findings as text: a mark and what was found, with the next step below.
#[must_use]
pub fn report(findings: &[Finding]) -> String {
    let mut lines = String::new();
    for Finding { state, what, next, .. } in findings {
        let mark = match state {
            State::Ok => "ok",
            State::Note => "--",
            State::Problem => "!!",
        };
        lines.push_str(&format!("{mark}  {what}\n"));
        if let Some(next) = next {
            lines.push_str(&format!("    {next}\n"));
        }
    }
    lines
}

/// Why the proxy cannot listen on an address.
#[must_use]
pub fn cannot_listen(bind: SocketAddr, error: &std::io::Error) -> Finding {
    let finding = match error.kind() {
        ErrorKind::AddrInUse => Finding::problem(
            format!("port {} is in use by another program", bind.port()),
            "Choose another port ({port}).",
        ),
        ErrorKind::PermissionDenied => Finding::problem(
            format!("port {} requires administrator rights", bind.port()),
            "Choose a port above 1023 ({port}).",
        ),
        ErrorKind::AddrNotAvailable => Finding::problem(
            format!("{} is not an address of this computer", bind.ip()),
            "Choose another address ({host}).",
        ),
        _ => Finding::problem(
            format!("cannot listen on {bind}: {error}"),
            "Choose another address ({host}) or port ({port}).",
        ),
    };
    finding.step(NextStep::ChangeNetwork)
}

/// Where codex was found.
fn location(found: &Found) -> Finding {
    let by = match found.by {
        FoundBy::Setting => "from the settings",
        FoundBy::Path => "on PATH",
        FoundBy::Own => "installed by Codex Proxy",
        FoundBy::LoginShell => "on the PATH of the login shell",
        FoundBy::InstallFolder => "in a common install folder",
    };
    Finding::ok(format!("codex is {} ({by})", found.path.display()))
}

/// Which home plain models use; `None` if it is simply the user's.
pub fn home(home: &HomeUsed) -> Option<Finding> {
    match home {
        HomeUsed::Private => {
            Some(Finding::ok("plain models use a private CODEX_HOME, linked to your sign-in"))
        }
        HomeUsed::Users => None,
        HomeUsed::Shared { reason } => {
            Some(Finding::note(format!("plain models share your CODEX_HOME, since {reason}")))
        }
    }
}

/// A CODEX_HOME below the temporary folder.
pub fn temporary_home(home: &Path) -> Finding {
    let what = format!(
        "CODEX_HOME {} is in the temporary folder, where codex does not set up its sandbox: commands of codex-local fail",
        home.display()
    );
    Finding { next: Some("Set CODEX_HOME to another folder.".to_owned()), ..Finding::note(what) }
}

/// Why codex is not available.
pub fn codex_error(error: &CodexError) -> Finding {
    let step = match error {
        CodexError::NotFound | CodexError::Unsupported { .. } => Some(NextStep::InstallCodex),
        CodexError::BadPath { .. } => Some(NextStep::ChooseCodex),
        CodexError::NotSignedIn => Some(NextStep::SignIn),
        _ => None,
    };
    Finding { step, ..Finding::problem(error.to_string(), next_step(error)) }
}

/// Why codex-local cannot be used, although plain models may work.
pub fn agent_error(error: &CodexError) -> Finding {
    Finding::problem(format!("codex-local cannot be used: {error}"), next_step(error))
}

/// What codex reports about its configuration.
pub fn config_warnings(warnings: &[String]) -> impl Iterator<Item = Finding> {
    warnings.iter().map(|warning| Finding::note(format!("codex's configuration: {warning}")))
}

/// What the codex of codex-local reports, apart from the warnings that are `known`.
fn agent(probed: &AgentProbe, known: &[String]) -> Vec<Finding> {
    let new = |warning: &&String| !known.contains(warning);
    let warnings: Vec<String> = probed.readiness.warnings.iter().filter(new).cloned().collect();
    let servers = probed.failed_servers.iter();
    let servers = servers.map(|server| {
        Finding::note(format!("the MCP server `{server}` failed to start; codex-local lacks its tools"))
    });
    config_warnings(&warnings).chain(servers).collect()
}

/// What a running codex is and can do.
pub fn codex(probed: &ProbeResult) -> Vec<Finding> {
    let ProbeResult { readiness, models } = probed;
    let Readiness { version, capabilities, account, home, warnings, .. } = readiness;
    let mut findings =
        vec![Finding::ok(format!("codex {version} {}", backends::abilities(capabilities).join(", ")))];
    if let Some(lacks) = backends::missing_capabilities(readiness) {
        let update = Finding { next: Some(UPDATE.to_owned()), ..Finding::note(lacks) };
        findings.push(update.step(NextStep::InstallCodex));
    }
    findings.push(match account {
        Some(Account::ChatGpt { plan: Some(plan), .. }) => {
            Finding::ok(format!("codex is signed in with ChatGPT ({plan})"))
        }
        Some(Account::ChatGpt { plan: None, .. }) => Finding::ok("codex is signed in with ChatGPT"),
        Some(Account::ApiKey) => Finding::ok("codex is signed in with an API key"),
        Some(Account::Other(kind)) => Finding::ok(format!("codex is signed in ({kind})")),
        Some(Account::NotNeeded) => Finding::ok("no sign-in needed: codex uses a custom provider"),
        None => Finding::note("this version of codex does not report whether it is signed in"),
    });
    findings.extend(self::home(home));
    findings.extend(config_warnings(warnings));
    let listed = models.iter().filter(|model| !model.hidden).count();
    findings.push(match listed {
        0 if !capabilities.model_list => {
            Finding::note("this version of codex does not list models; any id is passed on to it")
        }
        0 => Finding::problem(
            "codex did not list its models in time",
            "Run `codex exec \"say hello\"` in a terminal to check that it can reach its service.",
        ),
        1 => Finding::ok("codex lists 1 model"),
        listed => Finding::ok(format!("codex lists {listed} models")),
    });
    findings
}

#[cfg(test)]
mod tests {
    use codex_client::Capabilities;

    use super::*;

    fn probed(capabilities: Capabilities) -> ProbeResult {
        let account = Account::ChatGpt {
            email: Some("me@example.com".into()),
            plan: Some("plus".into()),
            workspace: None,
        };
        let readiness = Readiness {
            path: "/c".into(),
            version: "0.120.0".into(),
            capabilities,
            account: Some(account),
            home: HomeUsed::Private,
            ..Readiness::default()
        };
        ProbeResult { readiness, models: Vec::new() }
    }

    #[test]
    fn each_finding_is_a_line_with_a_mark_and_its_next_step_below() {
        let findings =
            [Finding::ok("all is well"), Finding::note("by the way"), Finding::problem("broken", "Fix it.")];
        assert_eq!(report(&findings), "ok  all is well\n--  by the way\n!!  broken\n    Fix it.\n");
        assert!(has_problem(&findings) && !has_problem(&findings[..2]));
    }

    #[test]
    fn an_older_codex_gets_a_note_about_what_it_lacks_and_no_problem() {
        let older = Capabilities {
            threads: true,
            dynamic_tools: true,
            raw_events: true,
            interrupt: true,
            ..Capabilities::default()
        };
        let findings = codex(&probed(older));
        let text = report(&findings);
        assert!(
            text.contains("--  This version of codex (0.120.0) cannot keep the roles of earlier messages\n"),
            "{text}"
        );
        assert!(text.contains("npm install -g @openai/codex@latest"), "{text}");
        assert!(!has_problem(&findings), "{text}");
    }

    #[test]
    fn the_account_is_shown_without_its_email() {
        let text = report(&codex(&probed(Capabilities::default())));
        assert!(text.contains("signed in with ChatGPT (plus)") && !text.contains("example.com"), "{text}");
    }

    #[test]
    fn every_error_of_codex_has_a_next_step() {
        for (error, next) in [
            (CodexError::NotFound, "npm install"),
            (CodexError::BadPath { path: "/c".into(), reason: "is a folder" }, "--codex"),
            (CodexError::NotSignedIn, "codex login"),
            (CodexError::Disconnected, "in a terminal"),
        ] {
            let finding = codex_error(&error);
            assert!(finding.state == State::Problem && finding.next.unwrap().contains(next), "{error}");
        }
    }

    #[test]
    fn the_app_has_a_button_for_each_error_that_it_can_fix() {
        let step = |error| codex_error(&error).step;
        assert_eq!(step(CodexError::NotFound), Some(NextStep::InstallCodex));
        assert_eq!(step(CodexError::NotSignedIn), Some(NextStep::SignIn));
        let path = CodexError::BadPath { path: "/c".into(), reason: "is a folder" };
        assert_eq!(step(path), Some(NextStep::ChooseCodex));
        let taken = cannot_listen(([127, 0, 0, 1], 80).into(), &ErrorKind::AddrInUse.into());
        assert_eq!(taken.step, Some(NextStep::ChangeNetwork));
    }
}
