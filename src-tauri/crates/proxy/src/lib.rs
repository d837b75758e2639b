//! Answers the OpenAI API with the `codex` CLI of this machine.
//!
//! The way of a request: `server` takes it in, checks who asks, and reads it into the wire types of `openai`; `translate`
//! turns it into a turn for codex and codex's events back into answers; `server` sends them. `settings` and `keys` say who
//! may ask what.
//!
//! Deliberately not here: the desktop shell (it only holds this crate's handle), and how codex is found and driven, which
//! is `codex-client`'s business.

mod answer;
mod auth;
mod clock;
pub mod doctor;
mod error;
mod event;
mod exchange;
pub mod files;
pub mod logging;
mod metrics;
pub mod models;
mod off_workers;
mod openai;
mod server;
pub mod settings;
mod translate;

pub use auth::{Key, KeyEntry, KeyFile, KeyFileError, KeyLimits, LimitsError, find_key};
pub use clock::unix_now;
pub use error::{ApiError, UPDATE, next_step};
pub use exchange::log::{Arrival, Recorder, RequestEnd, RequestLog, Step};
pub use exchange::{Limits, Occupancy};
pub use server::{Proxy, ProxyError, ProxyParts, serve};
