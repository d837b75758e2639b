//! What somebody who asks for help can show to others: versions, settings and the last errors, as one plain text.
//!
//! The text is made for a public page, so it holds no key, nothing of a conversation and no account's name, and the user's home
//! folder is `~` in it. Most of that is so because such things are not handed in. What is handed in as words (findings, settings)
//! is looked over once more at the end.
//!
//! Deliberately not here: looking at things, which `doctor` and `app` do, and the clipboard.

use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use crate::auth::{Key, without_keys};
use crate::doctor::{self, Finding};

/// Errors that are told, the newest ones.
pub const ERRORS: u32 = 20;

/// The shortest key that is looked for: shorter ones are parts of common words.
const SHORTEST_KEY: usize = 4;

/// What goes into the text.
#[derive(Debug)]
pub struct Facts<'a> {
    /// Which of our programs: `codex-proxyd`.
    pub program: &'a str,
    /// The operating system and its version.
    pub system: &'a str,
    /// When the text is made, in Unix seconds.
    pub now: u64,
    /// What was found about codex, the keys and the rest.
    pub findings: &'a [Finding],
    /// Numbers, each with its name.
    pub counts: &'a [(&'a str, u64)],
    /// Requests that failed, newest first; `None` where no log of requests is kept.
    pub errors: Option<&'a [FailedRequest]>,
    /// The settings as `{:#?}` shows them, which hides keys by their type.
    pub settings: &'a str,
    /// Keys that are known, which must not be in the text whatever else is.
    pub keys: &'a [Key],
    /// The user's home folder.
    pub home: Option<&'a Path>,
}

/// What is shown of a request that failed: nothing that its client wrote.
#[derive(Clone, Debug)]
pub struct FailedRequest {
    /// When it arrived, in Unix milliseconds.
    pub at: u64,
    /// The HTTP status; `None` where the client had left.
    pub status: Option<u16>,
    /// The error's code.
    pub code: Option<String>,
    /// The id that the log files know it by.
    pub request_id: String,
}

/// The operating system, its version and the kind of processor. It may run a program of the system's, so it blocks.
#[must_use]
pub fn system() -> String {
    format!("{}, {}", os_info::get(), std::env::consts::ARCH)
}

/// The text.
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
            text.push_str("no log of requests is kept; the files in the folder logs have a line for each\n");
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
    // A shorter one is part of common words.
    let known: Vec<Key> = keys.iter().filter(|key| key.reveal().len() >= SHORTEST_KEY).cloned().collect();
    with_home_shortened(&without_keys(&text, &known), home)
}

/// A time in Unix milliseconds, as a date in Greenwich.
fn date(ms: u64) -> String {
    // Beyond the year 9999 there is no such date, and no such request either.
    httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_millis(ms.min(253_402_300_799_000)))
}

/// The text with `~` where the user's home folder stood, as it is written in a sentence and within quotation marks.
fn with_home_shortened(text: &str, home: Option<&Path>) -> String {
    // The root of the file system is nobody's name.
    let Some(home) = home.filter(|home| home.parent().is_some()) else { return text.to_owned() };
    let plain = home.display().to_string();
    let quoted = format!("{plain:?}");
    let quoted = quoted.trim_matches('"').to_owned();
    [plain, quoted].iter().fold(text.to_owned(), |text, home| shortened(&text, home))
}

fn shortened(text: &str, home: &str) -> String {
    let mut parts = text.split(home);
    let mut kept = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        // `/home/me` is not the beginning of `/home/melanie`.
        let goes_on =
            part.chars().next().is_some_and(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | '.'));
        kept.push_str(if goes_on { home } else { "~" });
        kept.push_str(part);
    }
    kept
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
        let findings = [Finding::good("codex 0.169.0 answers word by word")];
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
        let findings = [Finding::wrong(
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
