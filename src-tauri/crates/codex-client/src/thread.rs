//! codex's threads: starting, prewarming, and caching them so that a conversation can continue in its own thread.

mod cache;
mod dialect;
mod fingerprint;
mod kept;
mod params;
mod prewarm;
mod start;

pub use cache::Retention;
pub(crate) use cache::{AnswerJob, CachedState, ParkedTurn, ThreadCache};
pub(crate) use dialect::{Dialect, TurnInput};
pub(crate) use fingerprint::{Fingerprint, Fingerprints};
pub(crate) use kept::KeptThread;
pub use kept::KeptThreads;
pub use params::thread_start_params;
pub(crate) use params::{ASK_FEATURES, DEFAULT_INSTRUCTIONS, IMAGE_FEATURE};
pub use prewarm::MaxTurns;
pub(crate) use prewarm::PrewarmPool;
pub(crate) use start::{NewThread, ReadyThread, end, resume, start};
