//! The desktop app without its window: settings, keys in the keychain, the running proxy, the request log, pairing and the
//! first start.
//!
//! The shell displays it and forwards clicks. All logic is here or in the crates below, so tests need no desktop.
//! [`App`](app::App) is the entry point.
//!
//! `cargo test` exports the window's types to `ui/src/bindings` with ts-rs, the only place the window imports them from. Only
//! [`NewKey`](keychain::NewKey) holds a key's secret, and it is shown once.

pub mod answer_store;
pub mod app;
pub mod client_name;
mod database;
pub mod gateway;
pub mod keychain;
pub mod pairing;
pub mod request_log;
pub mod settings_file;
pub mod setup;
mod shell;
mod text;
pub mod view;
