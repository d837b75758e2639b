//! The text that users attach to a bug report: versions, findings, settings and recent errors.
//!
//! It is meant for a public page, so it contains no key, no part of a conversation and no account name, and the user's home folder
//! is `~`. Most of these are never passed in; the findings and settings are redacted once more at the end.

use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use crate::auth::{Key, without_keys};
use crate::doctor::{self, Finding};

/// Maximum number of errors, newest first.
pub const ERRORS: u32 = 20;

/// Keys with fewer bytes are not redacted, since they are parts of common words.
const MIN_KEY_BYTES: usize = 4;

/// The content of the text.
#[derive(Debug)]
pub struct Facts<'a> {
    /// The name of the program, such as `codex-proxyd`.
    pub program: &'a str,
    /// The operating system and its version.
    pub system: &'a str,
    /// The current time, in Unix seconds.
    pub now: u64,
    /// The findings about codex, keys and the rest.
    pub findings: &'a [Finding],
    /// Counts with their names.
    pub counts: &'a [(&'a str, u64)],
    /// Failed requests, newest first; `None` if there is no request log.
    pub errors: Option<&'a [FailedRequest]>,
    /// The settings in `{:#?}` form, which hides keys.
    pub settings: &'a str,
    /// Keys to redact.
    pub keys: &'a [Key],
    /// The user's home folder.
    pub home: Option<&'a Path>,
}

/// A failed request, without anything its client sent.
#[derive(Clone, Debug)]
pub struct FailedRequest {
    /// Arrival time, in Unix milliseconds.
    pub at: u64,
    /// The HTTP status; `None` if the client had disconnected.
    pub status: Option<u16>,
    /// The error code.
    pub code: Option<String>,
    /// The request id, as in the log files.
    pub request_id: String,
}

/// The operating system, its version and the processor architecture. Blocks, since it may run a system program.
#[must_use]
pub fn system() -> String {
    format!("{}, {}", os_info::get(), std::env::consts::ARCH)
}

/// Formats the text.
#[must_use]
pub fn text(facts: &Facts<'_>) -> String {
    let Facts { program, system, now, findings, counts, errors, settings, keys, home } = *facts;
    let mut text = format!(
        "{program} {}\n{system}\n{}\n\nFound\n{}",
        env!("CARGO_PKG_VERSION"),
        date(now.saturating_mul(1000)),
        doctor::report(findings)
    );
    if !counts.is_empty() {
        text.push_str("\nCounts\n");
        for (name, count) in counts {
            text.push_str(&format!("{name}: {count}\n"));
        }
    }
    text.push_str("\nLast errors (time, status, code, request id)\n");
    match errors {
        None => {
            text.push_str("there is no request log; the files in the logs folder have a line per request\n");
        }
        Some([]) => text.push_str("none\n"),
        Some(errors) => {
            for FailedRequest { at, status, code, request_id } in errors {
                let status = status.map_or("-".to_owned(), |status| status.to_string());
                let code = code.as_deref().unwrap_or("-");
                text.push_str(&format!("{}  {status}  {code}  {request_id}\n", date(*at)));
            }
        }
    }
    text.push_str(&format!("\nSettings\n{settings}\n"));
    let known: Vec<Key> = keys.iter().filter(|key| key.reveal().len() >= MIN_KEY_BYTES).cloned().collect();
    with_home_shortened(&without_keys(&text, &known), home)
}

/// A time in Unix milliseconds as a UTC date.
fn date(ms: u64) -> String {
    // The format ends with the year 9999.
    httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_millis(ms.min(253_402_300_799_000)))
}

/// Replaces the user's home folder with `~`, both as plain text and as an escaped string.
fn with_home_shortened(text: &str, home: Option<&Path>) -> String {
    // The root folder says nothing about the user.
    let Some(home) = home.filter(|home| home.parent().is_some()) else { return text.to_owned() };
    let plain = home.display().to_string();
    let quoted = format!("{plain:?}");
    let quoted = quoted.trim_matches('"').to_owned();
    [plain, quoted].iter().fold(text.to_owned(), |text, home| shortened(&text, home))
}

fn shortened(text: &str, home: &str) -> String {
    let mut parts = text.split(home);
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        // `/home/me` is not the beginning of `/home/melanie`.
        let continues =
            part.chars().next().is_some_and(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | '.'));
        text.push_str(if continues { home } else { "~" });
        text.push_str(part);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(code: Option<&str>) -> FailedRequest {
        FailedRequest {
            at: 1_795_264_496_000,
            status: code.map(|_| 502),
            code: code.map(str::to_owned),
            request_id: "req_7".into(),
        }
    }

    fn facts<'a>(findings: &'a [Finding], errors: &'a [FailedRequest], settings: &'a str) -> Facts<'a> {
        Facts {
            program: "codex-proxyd",
            system: "Ubuntu 24.04, x86_64",
            now: 1_795_264_500,
            findings,
            counts: &[("keys", 2)],
            errors: Some(errors),
            settings,
            keys: &[],
            home: Some(Path::new("/home/me")),
        }
    }

    #[test]
    fn it_names_versions_findings_numbers_errors_and_settings() {
        let findings = [Finding::ok("codex 0.169.0 answers word by word")];
        let errors = [failed(Some("codex_disconnected")), failed(None)];
        let text = text(&facts(&findings, &errors, "Settings { port: 8000 }"));
        assert_eq!(
            text,
            format!(
                "codex-proxyd {}
Ubuntu 24.04, x86_64
Sat, 21 Nov 2026 12:35:00 GMT

Found
ok  codex 0.169.0 answers word by word

Counts
keys: 2

Last errors (time, status, code, request id)
Sat, 21 Nov 2026 12:34:56 GMT  502  codex_disconnected  req_7
Sat, 21 Nov 2026 12:34:56 GMT  -  -  req_7

Settings
Settings {{ port: 8000 }}
",
                env!("CARGO_PKG_VERSION")
            )
        );
    }

    #[test]
    fn no_key_is_in_it_wherever_it_came_from() {
        let findings = [Finding::problem(
            "codex does not start: bad line: token = \"sk-proj-Abc_123-x\", or my-own-secret",
            "The disk-full task-list sk- stays",
        )];
        let keys = [Key::new("my-own-secret"), Key::new("ask")];
        let text = text(&Facts { keys: &keys, ..facts(&findings, &[], "") });
        assert!(text.contains("token = \"(a key)\", or (a key)\n"), "{text}");
        assert!(text.contains("The disk-full task-list sk- stays"), "{text}");
    }

    #[test]
    fn the_home_folder_is_a_tilde_and_nothing_else_is() {
        let settings = "\"/home/me/work\" /home/me, /home/melanie /srv/home/me.old /home/me";
        let text = text(&facts(&[], &[], settings));
        assert!(text.contains("\"~/work\" ~, /home/melanie /srv/home/me.old ~\n"), "{text}");
        assert_eq!(with_home_shortened("/etc", Some(Path::new("/"))), "/etc");
        assert_eq!(shortened(r#""C:\\Users\\me\\x""#, r"C:\\Users\\me"), r#""~\\x""#);
    }

    #[test]
    fn the_system_is_named() {
        assert!(system().contains(std::env::consts::ARCH));
    }
}
