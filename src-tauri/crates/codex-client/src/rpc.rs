//! JSON-RPC over lines.

pub(crate) mod connection;
pub(crate) mod pending;
pub(crate) mod wire;
