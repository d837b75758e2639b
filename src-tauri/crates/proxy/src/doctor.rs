//! What `codex-proxyd doctor` says: every check as a finding, and for what is wrong the next step, in a user's words.
//!
//! `look` goes and sees; here what it saw becomes words. Deliberately not here: the system's keychain, which only the
//! desktop app uses, and any repair. Whatever is to be done, the user does.

pub mod diagnostics;
mod look;

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::path::Path;

use codex_client::{Account, CodexError, Found, FoundBy, HomeUsed, ProbeResult, Readiness};

use crate::models::backends::{self, UPDATE};

pub use look::examine;

/// How to learn what codex itself has to say.
const ASK_CODEX: &str = "Run `codex` in a terminal to see why.";

/// What a check found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How bad it is.
    pub state: State,
    /// What was found, without a final dot.
    pub what: String,
    /// What to do about it, in whole sentences.
    pub next: Option<String>,
}

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It is as it should be.
    Good,
    /// It works without, and is worth knowing.
    Aside,
    /// Something needs doing.
    Wrong,
}

impl Finding {
    /// A check that went well.
    #[must_use]
    pub fn good(what: impl Into<String>) -> Self {
        Self { state: State::Good, what: what.into(), next: None }
    }

    /// Something worth knowing.
    #[must_use]
    pub fn aside(what: impl Into<String>) -> Self {
        Self { state: State::Aside, what: what.into(), next: None }
    }

    /// Something that needs doing.
    #[must_use]
    pub fn wrong(what: impl Into<String>, next: impl Into<String>) -> Self {
        Self { state: State::Wrong, what: what.into(), next: Some(next.into()) }
    }
}

/// Whether something needs doing.
#[must_use]
pub fn needs_doing(findings: &[Finding]) -> bool {
    findings.iter().any(|finding| finding.state == State::Wrong)
}

/// The findings as lines: a mark, what was found, and below it the next step where there is one.
#[must_use]
pub fn report(findings: &[Finding]) -> String {
    let mut lines = String::new();
    for Finding { state, what, next } in findings {
        let mark = match state {
            State::Good => "ok",
            State::Aside => "--",
            State::Wrong => "!!",
        };
        lines.push_str(&format!("{mark}  {what}\n"));
        if let Some(next) = next {
            lines.push_str(&format!("    {next}\n"));
        }
    }
    lines
}

/// Why an address cannot be listened on, and what to do about it.
#[must_use]
pub fn cannot_listen(bind: SocketAddr, error: &std::io::Error) -> (String, &'static str) {
    match error.kind() {
        ErrorKind::AddrInUse => {
            (format!("port {} is taken by another program", bind.port()), "Choose another with --port")
        }
        ErrorKind::PermissionDenied => {
            (format!("port {} needs more rights", bind.port()), "Choose one above 1023 with --port")
        }
        ErrorKind::AddrNotAvailable => {
            (format!("{} is not an address of this machine", bind.ip()), "Choose another with --host")
        }
        _ => (format!("cannot listen on {bind}: {error}"), "Choose another address with --host and --port"),
    }
}

/// Where codex was found.
fn of_place(found: &Found) -> Finding {
    let by = match found.by {
        FoundBy::Setting => "as it is set",
        FoundBy::Path => "on the PATH",
        FoundBy::LoginShell => "on the PATH of the login shell",
        FoundBy::InstallFolder => "in a folder that installers use",
    };
    Finding::good(format!("codex is {} ({by})", found.path.display()))
}

/// What the home of a codex says of plain models; nothing where it is the one that `codex-local` has.
pub fn of_home(home: &HomeUsed) -> Option<Finding> {
    match home {
        HomeUsed::Private => Some(Finding::good("plain models have a private home, linked to your sign-in")),
        HomeUsed::Users => None,
        HomeUsed::Shared { reason } => {
            Some(Finding::aside(format!("plain models share your home of codex, since {reason}")))
        }
    }
}

/// A home of codex below the temporary folder.
pub fn of_temporary_home(home: &Path) -> Finding {
    let what = format!(
        "codex's home {} lies in the temporary folder, where codex sets up no sandbox: commands of codex-local fail",
        home.display()
    );
    Finding { next: Some("Set CODEX_HOME to a folder elsewhere.".to_owned()), ..Finding::aside(what) }
}

/// What keeps codex from answering.
pub fn of_error(error: &CodexError) -> Finding {
    let (what, next) = match error {
        CodexError::NotFound => (
            "codex was not found".to_owned(),
            "Install it with `npm install -g @openai/codex`, or name the binary with --codex or CODEX_PATH.",
        ),
        CodexError::BadPath { path, reason } => (
            format!("codex is set to {}, which {reason}", path.display()),
            "Name the codex binary with --codex or CODEX_PATH, or leave both out to have it looked for.",
        ),
        CodexError::NotSignedIn => {
            ("codex is not signed in".to_owned(), "Run `codex login` in a terminal, then try again.")
        }
        CodexError::Unsupported { version, missing } => (format!("codex {version} cannot {missing}"), UPDATE),
        error => (error.to_string(), ASK_CODEX),
    };
    Finding::wrong(what, next)
}

/// What a codex that answers is and can do.
pub fn of_codex(probed: &ProbeResult) -> Vec<Finding> {
    let ProbeResult { readiness, models } = probed;
    let Readiness { version, capabilities, account, home, .. } = readiness;
    let mut findings =
        vec![Finding::good(format!("codex {version} {}", backends::abilities(capabilities).join(", ")))];
    if let Some(lacks) = backends::lacks(readiness) {
        findings.push(Finding { next: Some(UPDATE.to_owned()), ..Finding::aside(lacks) });
    }
    findings.push(match account {
        Some(Account::ChatGpt { plan: Some(plan), .. }) => {
            Finding::good(format!("codex is signed in with ChatGPT ({plan})"))
        }
        Some(Account::ChatGpt { plan: None, .. }) => Finding::good("codex is signed in with ChatGPT"),
        Some(Account::ApiKey) => Finding::good("codex is signed in with an API key"),
        Some(Account::Other(kind)) => Finding::good(format!("codex is signed in ({kind})")),
        Some(Account::NotNeeded) => {
            Finding::good("no sign-in is needed: codex is set to a provider of its own")
        }
        None => Finding::aside("this codex does not say whether it is signed in"),
    });
    findings.extend(of_home(home));
    let listed = models.iter().filter(|model| !model.hidden).count();
    findings.push(match listed {
        0 if !capabilities.model_list => {
            Finding::aside("this codex lists no models; whatever id is asked for goes to it")
        }
        0 => Finding::wrong(
            "codex named no models in time",
            "See that codex reaches its service: `codex exec \"say hello\"` in a terminal.",
        ),
        1 => Finding::good("codex lists 1 model"),
        listed => Finding::good(format!("codex lists {listed} models")),
    });
    findings
}

#[cfg(test)]
mod tests {
    use codex_client::Capabilities;

    use super::*;

    fn probed(capabilities: Capabilities) -> ProbeResult {
        let account = Account::ChatGpt { email: Some("me@example.com".into()), plan: Some("plus".into()) };
        let readiness = Readiness {
            path: "/c".into(),
            version: "0.120.0".into(),
            capabilities,
            account: Some(account),
            home: HomeUsed::Private,
        };
        ProbeResult { readiness, models: Vec::new() }
    }

    #[test]
    fn a_line_has_a_mark_and_the_next_step_stands_below() {
        let findings = [
            Finding::good("all is well"),
            Finding::aside("by the way"),
            Finding::wrong("broken", "Mend it."),
        ];
        assert_eq!(report(&findings), "ok  all is well\n--  by the way\n!!  broken\n    Mend it.\n");
        assert!(needs_doing(&findings) && !needs_doing(&findings[..2]));
    }

    #[test]
    fn an_older_codex_is_named_with_what_it_cannot_do_and_still_works() {
        let older = Capabilities {
            threads: true,
            dynamic_tools: true,
            raw_events: true,
            interrupt: true,
            ..Capabilities::default()
        };
        let findings = of_codex(&probed(older));
        let text = report(&findings);
        assert!(
            text.contains("--  This codex (0.120.0) cannot take the earlier messages with their roles\n"),
            "{text}"
        );
        assert!(text.contains("npm install -g @openai/codex@latest"), "{text}");
        assert!(!needs_doing(&findings), "{text}");
    }

    #[test]
    fn the_account_is_named_by_its_kind_alone() {
        let text = report(&of_codex(&probed(Capabilities::default())));
        assert!(text.contains("signed in with ChatGPT (plus)") && !text.contains("example.com"), "{text}");
    }

    #[test]
    fn whatever_keeps_codex_from_answering_has_a_next_step() {
        for (error, next) in [
            (CodexError::NotFound, "npm install"),
            (CodexError::BadPath { path: "/c".into(), reason: "is a folder" }, "CODEX_PATH"),
            (CodexError::NotSignedIn, "codex login"),
            (CodexError::Disconnected, "in a terminal"),
        ] {
            let finding = of_error(&error);
            assert!(finding.state == State::Wrong && finding.next.unwrap().contains(next), "{error}");
        }
    }
}
