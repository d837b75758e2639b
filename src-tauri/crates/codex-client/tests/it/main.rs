//! codex-client against the real codex with the sample model, and against a scripted fake for what the real one won't do
//! on command.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a panic in a test is its failure"
)]

mod asking;
mod auth_watch;
mod config;
mod fake;
mod faults;
mod homes;
mod kept;
mod lifecycle;
mod limits;
mod measured;
mod model_list;
mod paths;
mod pictures;
mod programs;
mod real;
mod review;
mod sign_in;
mod support;
mod thread_cache;
mod update;
mod versions;
mod versions_table;
