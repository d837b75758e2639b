//! Threads of codex: what they are started with, prewarmed ones, and cached ones.

pub(crate) mod cache;
pub(crate) mod fingerprint;
pub(crate) mod params;
pub(crate) mod prewarm;
pub(crate) mod start;
