use std::process::Command;
use std::sync::{Arc, Mutex};

use super::*;

/// An in-memory log.
#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The log output of `work`.
fn log_of(work: impl FnOnce()) -> String {
    let written = Written::default();
    let writer = written.clone();
    let log = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_ansi(false)
        .with_writer(OneLine(move || writer.clone()));
    tracing::subscriber::with_default(log.finish(), work);
    let bytes = written.0.lock().unwrap().clone();
    String::from_utf8(bytes).unwrap()
}

/// Text of a hostile client.
const HOSTILE: &str =
    "a\n2026-01-01T00:00:00Z  INFO forged\r\n\u{1b}[2K\u{1b}[1A\u{85}\u{2028}\u{202e}é\0b\t";

#[test]
fn an_event_with_hostile_text_is_one_line() {
    let error = io::Error::other(HOSTILE);
    for log in [
        log_of(|| tracing::info!("{HOSTILE}")),
        log_of(|| tracing::warn!(%error, "failed")),
        log_of(|| tracing::warn!(value = %HOSTILE, text = HOSTILE, debug = ?HOSTILE, "failed")),
        log_of(|| tracing::info_span!("request", id = %HOSTILE).in_scope(|| tracing::error!("in a span"))),
    ] {
        let line = log.strip_suffix('\n').unwrap();
        assert!(!line.chars().any(is_control), "{line:?}");
        assert!(line.contains('é'), "{line:?}");
        let level = line.split_whitespace().nth(1).unwrap();
        assert!(["INFO", "WARN", "ERROR"].contains(&level), "{line:?}");
    }
}

#[test]
fn plain_text_is_written_unchanged() {
    let log = log_of(|| tracing::info!("Grüße"));
    assert!(log.ends_with("Grüße\n") && log.lines().count() == 1, "{log:?}");
}

/// Set in the subprocess that panics.
const INSIDE: &str = "CODEX_PROXY_TEST_PANIC";

/// The hook is process-wide, so the panic happens in a subprocess.
#[test]
fn a_panic_is_one_line_with_its_location_and_without_its_message() {
    if std::env::var_os(INSIDE).is_some() {
        let log = tracing_subscriber::fmt().with_ansi(false).with_writer(OneLine(io::stderr));
        tracing::subscriber::set_global_default(log.finish()).unwrap();
        log_panics();
        let text = "sk-a-secret\nforged".to_owned();
        let _ = std::panic::catch_unwind(|| panic!("{text}"));
        return;
    }
    let name = "logging::line::tests::a_panic_is_one_line_with_its_location_and_without_its_message";
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture"])
        .env(INSIDE, "1")
        .output()
        .unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{stderr}");
    let lines: Vec<&str> = stderr.lines().filter(|line| line.contains("panic")).collect();
    assert!(lines.len() == 1 && lines[0].contains("line_tests.rs:"), "{stderr}");
    assert!(!stderr.contains("secret") && !stderr.contains("forged"), "{stderr}");
}
