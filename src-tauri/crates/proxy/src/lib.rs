//! Serves the OpenAI API using the local `codex` CLI.
//!
//! A request's path: `server` authenticates it and parses it into the wire types of `openai`; `translate` turns it
//! into a turn for codex and codex's events into answers; `exchange` runs the turns; `server` sends the answers.
//!
//! Driving codex itself is `codex-client`'s job.

mod answer;
pub mod approvals;
mod auth;
mod body_budget;
pub mod changes;
mod clock;
pub mod doctor;
mod error;
mod event;
mod exchange;
pub mod files;
pub mod health;
mod image_fetch;
pub mod logging;
mod metrics;
pub mod models;
mod off_workers;
mod openai;
mod server;
pub mod settings;
pub mod store;
mod translate;

pub use auth::{
    InvalidLimit, Key, KeyEntry, KeyFile, KeyFileError, KeyLimits, KeyUse, KeyUseError, LimitsError,
    MAX_KEY_NAME_CHARS, MAX_REQUESTS_PER_MINUTE, RecentRequests, Renamed, RequestAllowance, find_key,
    is_key_name, without_keys,
};
pub use clock::{end_of_date, end_of_day, local_date, local_day, local_time, unix_now};
pub use error::{ApiError, UPDATE, next_step};
pub use exchange::log::{Arrival, Recorder, RequestEnd, RequestLog, Step};
pub use exchange::{Limits, Occupancy};
pub use image_fetch::ImageFetcher;
pub use server::{OpenPort, Proxy, ProxyError, ProxyParts, Review, Server, ipv6_loopback, serve};
