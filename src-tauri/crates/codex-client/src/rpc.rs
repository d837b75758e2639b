//! JSON-RPC over lines, as the app-server speaks it. Knows no thread and no turn.

mod connection;
mod pending;
mod wire;

pub(crate) use connection::{Connection, Handler};
#[cfg(test)]
pub(crate) use wire::{Incoming, answer, request};
pub(crate) use wire::{Lines, Outcome, lines};
