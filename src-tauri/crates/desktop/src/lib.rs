//! The desktop app without its window: settings, keys in the keychain, the running proxy, the request log and pairing.
//!
//! A shell shows it and passes clicks on; every rule of the app is here or further inside, so a test drives it with no
//! desktop around it. [`App`](app::App) is the entry point.
//!
//! The types that the window shows stand beside what they show. `cargo test` writes them to `ui/src/bindings` by ts-rs; the
//! window imports them from there and from nowhere else. No field holds a key's secret but the one of
//! [`NewKey`](keychain::NewKey), which is shown once.

pub mod app;
pub mod gateway;
pub mod keychain;
pub mod pairing;
pub mod request_log;
pub mod settings_file;
mod text;
pub mod view;
