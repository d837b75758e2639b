//! What is done to an answer while it streams: it is cut before a stop text, ended after so many tokens, freed of what stands
//! around its JSON, and its reasoning gets the form that is wanted.
//!
//! Each filter is a value that takes deltas and gives back what may be sent now, without IO, clock or knowledge of codex; the
//! pipeline puts them in order.

pub(crate) mod activity;
pub(crate) mod json;
pub(crate) mod length;
pub(crate) mod pipeline;
pub(crate) mod stop;
pub(crate) mod tokens;
