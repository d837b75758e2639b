//! codex-proxyd as a user runs it, with the real codex and the sample model.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a panic in a test is its failure"
)]

mod approvals;
mod command_line;
mod configuration;
mod daemon;
mod doctor;
mod env_file;
// Linux only: it reads from /proc what the daemon uses.
#[cfg(target_os = "linux")]
mod hostile_schemas;
mod key_places;
mod keys;
mod log_files;
mod messages;
mod secrets;
mod signals;
#[path = "../../../proxy/tests/it/support/mod.rs"]
#[expect(dead_code, reason = "shared with the tests of the proxy")]
mod support;
