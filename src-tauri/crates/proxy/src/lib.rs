//! Answers the OpenAI API with the `codex` CLI of this machine.
//!
//! The way of a request: `server` takes it in, checks who asks, and reads it into the wire types of `openai`; `translate`
//! turns it into a turn for codex and codex's events back into answers; `server` sends them. `settings` and `keys` say who
//! may ask what.
//!
//! Deliberately not here: the desktop shell (it only holds this crate's handle), and how codex is found and driven, which
//! is `codex-client`'s business.

pub mod answer;
pub mod auth;
pub mod clock;
pub mod doctor;
pub mod error;
pub mod event;
pub mod exchange;
pub mod files;
pub mod logging;
pub mod metrics;
pub mod models;
mod off_workers;
pub mod openai;
pub mod server;
pub mod settings;
pub mod translate;

pub use exchange::log::{Arrival, Recorder, RequestEnd, RequestLog, Step};
pub use server::{Proxy, ProxyParts, serve};

// Names of before the move, until every user has the new ones.
#[doc(hidden)]
pub use {
    auth as keys,
    doctor::diagnostics,
    logging::{files as log_files, line as log_line, signals},
    models::{backends as codexes, catalog},
};
