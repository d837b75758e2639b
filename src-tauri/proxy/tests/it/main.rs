//! The proxy over real sockets, with the real codex on the sample model, and with a scripted fake codex for what the real
//! one won't do on command.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a panic in a test is its failure"
)]

mod chat;
mod clients;
mod completions;
mod connect;
mod daemon;
mod diagnostics;
mod docs;
mod doctor;
mod errors;
mod guard;
mod hang_up;
mod hostile;
#[cfg(target_os = "linux")]
mod hostile_schemas;
mod kinds;
mod limits;
mod loaded_words;
mod log;
mod log_files;
mod metrics;
mod models;
#[cfg(unix)]
mod own_files;
mod queue;
mod relay;
mod request_ids;
mod responses;
mod schema;
mod secrets;
mod shape;
#[cfg(unix)]
mod signals;
mod silence;
mod stopping;
mod support;
mod tools;
