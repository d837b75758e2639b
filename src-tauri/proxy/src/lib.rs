//! Answers the OpenAI API with the `codex` CLI of this machine.
//!
//! The way of a request: `server` takes it in, checks who asks, and reads it into the wire types of `openai`; `translate`
//! turns it into a turn for codex and codex's events back into answers; `server` sends them. `settings` and `keys` say who
//! may ask what.
//!
//! Deliberately not here: the desktop shell (it only holds this crate's handle), and how codex is found and driven, which
//! is `codex-client`'s business.

pub mod catalog;
pub mod exchange;
pub mod keys;
pub mod openai;
pub mod server;
pub mod settings;
pub mod translate;

pub use server::{Proxy, serve};
