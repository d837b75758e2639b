//! Tests of the app without a window, with real sockets, files and databases, and the real codex with the sample model.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a panic in a test is its failure"
)]

mod answers;
mod app;
mod approvals;
mod changes;
mod diagnostics;
#[path = "../../../proxyd/tests/it/key_places.rs"]
mod key_places;
mod key_rules;
mod limits;
mod opened;
// Unix only: its stand-ins are shell scripts.
#[cfg(unix)]
mod own_files;
mod pairing;
// Unix only: its stand-ins are shell scripts.
#[cfg(unix)]
mod recheck;
mod request_log;
// Unix only: its stand-ins for package managers are shell scripts.
#[cfg(unix)]
mod setup;
#[path = "../../../proxy/tests/it/support/mod.rs"]
#[expect(dead_code, reason = "shared with the tests of the proxy")]
mod support;
