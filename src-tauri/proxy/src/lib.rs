//! Answers the OpenAI API with the `codex` CLI of this machine.
//!
//! The way of a request: `server` takes it in, checks who asks, and reads it into the wire types of `openai`; `translate`
//! turns it into a turn for codex and codex's events back into answers; `server` sends them. `settings` and `keys` say who
//! may ask what.
//!
//! Deliberately not here: the desktop shell (it only holds this crate's handle), and how codex is found and driven, which
//! is `codex-client`'s business.

pub mod answer;
pub mod app;
pub mod catalog;
pub mod codexes;
pub mod connect;
pub mod descriptors;
pub mod diagnostics;
pub mod doctor;
pub mod exchange;
pub mod gateway;
pub mod journal;
pub mod keychain;
pub mod keys;
pub mod log_files;
pub mod log_line;
pub mod metrics;
mod off_workers;
pub mod openai;
pub mod server;
pub mod settings;
pub mod settings_file;
pub mod shape;
pub mod signals;
pub mod translate;
pub mod view;

pub use server::{Proxy, ProxyParts, serve};
